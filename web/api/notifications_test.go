package api

import "testing"

func FuzzANotificationNamesObjectsOnceOrIsRefused(f *testing.F) {
	f.Add([]byte(`{"Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"a+b%2Fc"}}}]}`))
	f.Add([]byte(`{"Records":[{"eventName":"ObjectCreated:Copy","s3":{"bucket":{"name":"b"},"object":{"key":"100%"}}}]}`))
	f.Add([]byte(`{"Event":"s3:TestEvent","Records":null}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := storedObjects(body)
		if err != nil && len(list) > 0 {
			t.Fatalf("refused, and yet %v", list)
		}
		seen := make(map[object]bool)
		for _, o := range list {
			if o.bucket == "" || o.key == "" || seen[o] {
				t.Fatalf("%q is nameless or named twice in %v", o, list)
			}
			seen[o] = true
		}
	})
}
