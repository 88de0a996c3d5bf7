package postgres

import (
	"strings"
	"testing"
)

// BenchmarkTranscript reads what a restore that complains a lot says.
func BenchmarkTranscript(b *testing.B) {
	noise := map[string]string{
		"warnings":      "psql:/box/dump:123456: WARNING:  wal_level is insufficient to publish logical changes of the table that was just created\n",
		"long warnings": "psql:/box/dump:123456: WARNING:  " + strings.Repeat("some words of it, ", 128) + "\n",
		"notices":       "psql:<stdin>:123456: NOTICE:  extension \"plpgsql\" already exists, skipping\n",
		"verbose":       "pg_restore: creating TABLE \"public.orders_2026_07_of_a_rather_long_name\"\n",
		"rows":          "a line of something, long and without a meaning: 12345 from the depths of a function while it ran, and more of it\n",
		"errors":        "psql:/box/dump:123456: ERROR:  role \"alice\" does not exist\npsql:/box/dump:123456: STATEMENT:  ALTER TABLE public.orders OWNER TO alice;\n",
	}
	for name, lines := range noise {
		said := []byte(strings.Repeat(lines, 1000))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(said)))
			b.ReportAllocs()
			for b.Loop() {
				t := newTranscript(17, func(int64) {})
				_, _ = t.Write(said)
				t.Close()
			}
		})
	}
}
