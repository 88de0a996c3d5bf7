package postgres

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"lifeboat/engine"
)

// FuzzDump reads arbitrary bytes as a dump, and as a file of a directory dump. Whatever
// they are, they are either read to their end or called bad.
func FuzzDump(f *testing.F) {
	for _, d := range goldens(f) {
		f.Add([]byte(d), "")
	}
	for name, content := range unpack(f, goldens(f)["17.directory-tar"]) {
		f.Add(content, name)
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		s := newScanner(engine.Manifest{})
		r := bytes.NewReader(content)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.File(t.Context(), name, r)
		runtime.ReadMemStats(&after)
		got, fact := s.Finish()
		switch {
		case err == nil && r.Len() > 0:
			t.Errorf("accepted with %d bytes left", r.Len())
		case err != nil && !isBad(err) && !errors.Is(err, engine.ErrFormat) && !errors.Is(err, engine.ErrNotBackup):
			t.Errorf("a bad dump must be called bad, got %v", err)
		case err != nil && fact == nil, fact != nil && got.Read == "":
			t.Errorf("File: %v, Finish: %v, read %q", err, fact, got.Read)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
			t.Errorf("%d bytes of input took %d bytes of memory", len(content), used)
		}
	})
}
