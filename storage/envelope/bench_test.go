package envelope_test

import (
	"bytes"
	"io"
	"testing"

	"lifeboat/storage/envelope"
)

// BenchmarkOpen measures MB/s of opened bytes.
func BenchmarkOpen(b *testing.B) {
	keys := realKeys(b).keys
	plain := dumpOf(32 << 20)
	all := wrappers(b)
	for _, name := range []string{"gzip", "zstd", "xz", "lz4", "bzip2", "age", "gpg plain", "openssl cbc"} {
		wrapped := run(b, plain, all[name].args...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				s, err := envelope.New(keys, envelope.Limits{}).Open(bytes.NewReader(wrapped), "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, s); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}
