package configs

import "testing"

// What must be refused stands in testdata/invalid; here is what must not be.
func TestFormatsAcceptWhatIsRight(t *testing.T) {
	for format, texts := range map[string][]string{
		"schedule": {"0 5 * * *", "*/15 2-4 * * MON-FRI", "@daily", "@hourly", "@every 1m", "@every 36h", "0 0 29 2 *", OnNewBackup},
		"timezone": {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"},
		"endpoint": {"s3.example.com", "s3.example.com:443", "localhost:9000", "10.0.0.1", "[::1]:9000", "https://minio.local"},
		"listen":   {":8080", "127.0.0.1:0", "[::1]:80", "localhost:65535"},
		"url":      {"https://example.com", "http://127.0.0.1:8080/hook?x=y", "https://user:word@example.com/"},
		"bucket":   {"acme", "acme-backups.eu", "Old_Bucket"},
		"image":    {"postgres:16", "registry.local:5000/team/postgres@sha256:0123", "ghcr.io/a/b:c-1.2_3"},
		"match":    {"*", "pg/**/orders-[0-9]*.dump", "a-{time:20060102T150405Z}.dump", "pg/orders-?/"},
		"table":    {"orders", "public.orders", `"Odd.Name"."x y"`, "db.public.orders"},
		"pattern":  {"^[0-9]+$", "a|b"},
		"suffix":   {".done", "_SUCCESS", "-complete.txt"},
		"code":     ignorable,
	} {
		for _, s := range texts {
			if err := formats[format].check(s); err != nil {
				t.Errorf("%s %q: %v", format, s, err)
			}
		}
	}
}

func TestEveryFormatOfATagExists(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sections() {
		for _, f := range fieldsOf(s) {
			if _, ok := formats[f.format]; f.format != "" && !ok {
				t.Errorf("%s.%s: there is no format %q", s.Name(), f.name, f.format)
			}
			used[f.format] = true
		}
	}
	for name := range formats {
		if !used[name] {
			t.Errorf("format %q is used by no field", name)
		}
	}
}

func TestTheNearestWordIsMeant(t *testing.T) {
	words := []string{"source", "match", "rpo", "rto", "notify"}
	for given, want := range map[string]string{
		"sorce": "source", "Source": "source", "mtach": "match", "rop": "rpo", "rtoo": "rto",
		"notifiy": "notify", "": "", "x": "", "sandbox": "", "mt": "",
	} {
		if got := nearest(given, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", given, got, want)
		}
	}
}
