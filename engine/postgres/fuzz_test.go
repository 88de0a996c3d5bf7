package postgres

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// FuzzTranscript reads arbitrary words of a restore tool: what is in a dump decides what
// it says. However they arrive they mean the same, and a failed tool has an error.
func FuzzTranscript(f *testing.F) {
	for _, text := range said {
		f.Add([]byte(text+"\n"), 7, 1)
	}
	f.Add([]byte("pg_restore: warning: errors ignored on restore: 99999999999999999999\n"), 1, 0)
	f.Fuzz(func(t *testing.T, text []byte, piece, exit int) {
		whole, cut := newTranscript(15, func(int64) {}), newTranscript(15, func(int64) {})
		whole.Write(text)
		whole.Close()
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+piece&63)
			cut.Write(rest[:n])
			rest = rest[n:]
		}
		cut.Close()
		errs, count := whole.verdict(exit)
		again, countAgain := cut.verdict(exit)
		if !cmp.Equal(errs, again) || !cmp.Equal(count, countAgain) {
			t.Errorf("in one piece %+v %v, in pieces %+v %v", errs, count, again, countAgain)
		}
		total := 0
		for _, n := range count {
			if n < 0 {
				t.Errorf("counted %v", count)
			}
			total += n
		}
		if len(errs) > engine.MaxRestoreErrors || total < len(errs) || exit != 0 && total == 0 {
			t.Errorf("exit %d: %d errors kept, %v counted", exit, len(errs), count)
		}
		for _, e := range errs {
			if len(e.Message) > 2*lineSize || len(e.Subject) > 2*lineSize {
				t.Errorf("an error of %d bytes about %d bytes was kept", len(e.Message), len(e.Subject))
			}
		}
	})
}
