package envelope_test

import (
	"errors"
	"testing"

	"lifeboat/storage"
	"lifeboat/storage/envelope"
)

func FuzzWhateverArrivesOpensOrHasAReason(f *testing.F) {
	keys := realKeys(f).keys
	keys.OpenPGPKey = "" // unlocking the key takes most of a second
	keys.OpenSSL.Iterations = 0
	for _, w := range wrappers(f) {
		f.Add(run(f, dumpOf(2000), w.args...))
	}
	f.Add(run(f, nil, "gzip", "-c"))
	f.Add(append(run(f, dumpOf(200), "gzip", "-c"), make([]byte, 64)...))
	f.Add(append(run(f, dumpOf(200), "bzip2", "-c"), make([]byte, 64)...))
	f.Add(pgpArgon2(2))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 20
		got, _, err := open(keys, envelope.Limits{Bytes: limit}, b)
		if len(got) > limit {
			t.Errorf("opened to %d bytes, the limit is %d", len(got), limit)
		}
		if err == nil {
			return
		}
		for _, fact := range []error{storage.ErrTruncated, storage.ErrCorrupt, storage.ErrDecrypt, storage.ErrKeyMissing, storage.ErrTooLarge} {
			if errors.Is(err, fact) {
				return
			}
		}
		t.Errorf("%v is none of the facts", err)
	})
}
