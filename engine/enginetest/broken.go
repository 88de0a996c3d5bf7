package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"lifeboat/engine"
)

// strangers begin like the dumps of an engine, by its name; another must leave them.
var strangers = map[string]string{
	"postgres": "PGDMP\x01\x0e\x00\x04\x08\x01\x01\x01\x01",
	"sqlite":   "SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20",
	"mysql":    "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n/*!40101 SET NAMES utf8 */;\n",
}

// testStrangers gives an engine what is nobody's dump, and what is another's.
func testStrangers(t *testing.T, f Fixture) {
	none := map[string]string{
		"zero bytes": "",
		"a web page": "<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
		"an answer of S3": `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`,
		"an error in JSON": `{"error": "permission denied"}`,
	}
	for name, content := range none {
		if _, err := f.Engine.Inspect(t.Context(), One([]byte(content))); !errors.Is(err, engine.ErrNotBackup) {
			t.Errorf("%s: %v, want %v", name, err, engine.ErrNotBackup)
		}
	}
	for name, content := range strangers {
		if name == f.Engine.Name() {
			continue
		}
		if _, err := f.Engine.Inspect(t.Context(), One([]byte(content))); !errors.Is(err, engine.ErrFormat) {
			t.Errorf("a dump of %s: %v, want %v", name, err, engine.ErrFormat)
		}
	}
	if _, err := f.Engine.Inspect(t.Context(), Files{}); !isFact(err) {
		t.Errorf("a directory without files: %v, want a fact about the backup", err)
	}
}

// testCut cuts the end off: the commonest of broken backups.
func testCut(t *testing.T, f Fixture, d Dump) {
	name := d.Files.largest()
	whole := d.Files[name]
	// A script may end in an empty line, whose loss loses nothing.
	short := len(bytes.TrimRight(whole, "\n")) - 1
	cuts := []struct {
		name string
		at   int
	}{
		{"to 10 %", len(whole) / 10}, {"to 50 %", len(whole) / 2}, {"to 90 %", len(whole) * 9 / 10},
		{"to 99 %", min(len(whole)*99/100, short)}, {"one byte short", short}, {"to nothing", 0},
	}
	for _, cut := range cuts {
		t.Run(cut.name, func(t *testing.T) {
			t.Parallel()
			got, err := receive(t, f, d.Files.with(name, whole[:cut.at]))
			switch {
			case cut.at == 0 && len(d.Files) == 1 && !errors.Is(err, engine.ErrNotBackup):
				t.Errorf("%v, want %v", err, engine.ErrNotBackup)
			case cut.at == 0 && !isFact(err), cut.at > 0 && !isBroken(err):
				t.Errorf("%d of %d bytes: %v, want it called truncated or corrupt", cut.at, len(whole), err)
			case cut.name == "to 50 %" && !errors.Is(err, engine.ErrTruncated):
				t.Errorf("%v, want %v", err, engine.ErrTruncated)
			case got != nil && (got.Read == "" || got.Bytes == 0):
				t.Errorf("read %q and %d bytes; want what was seen", got.Read, got.Bytes)
			}
		})
	}
}

// testFlipped changes one bit.
func testFlipped(t *testing.T, f Fixture, d Dump) {
	name := d.Files.largest()
	for _, at := range d.Flips {
		t.Run("byte "+strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			flipped := bytes.Clone(d.Files[name])
			flipped[at] ^= 0x10
			if seen := damage(t, f, d.Files.with(name, flipped)); seen == "" {
				t.Errorf("byte %d of %d was changed and nothing noticed it", at, len(flipped))
			}
		})
	}
}

// damage says what the engine noticed of a damaged dump; empty for nothing.
func damage(t testing.TB, f Fixture, d engine.Dump) string {
	t.Helper()
	if _, err := f.Engine.Inspect(t.Context(), d); isFact(err) {
		return err.Error()
	}
	got, restored, _, err := load(t, f, d)
	if isBroken(err) {
		return err.Error()
	}
	if err != nil {
		t.Fatalf("%v, which is no fact about the backup", err)
	}
	for _, e := range restored.Errors {
		if e.Class != engine.Harmless {
			return e.Message
		}
	}
	sound, err := restored.DB.Soundness(t.Context())
	if errors.Is(err, engine.ErrCorrupt) || len(sound.Findings) > 0 {
		return "unsound"
	}
	measured, err := restored.DB.Measure(t.Context(), nil)
	if err != nil {
		return err.Error()
	}
	rows := make(map[engine.Table]int64)
	for _, m := range measured {
		rows[m.Table] = m.Rows
	}
	for _, c := range got.Census.Tables {
		if rows[c.Table] != c.Rows {
			return "rows of " + c.Table.String()
		}
	}
	return ""
}

// testStream breaks the stream itself: that is no fact about the backup.
func testStream(t *testing.T, f Fixture, d Dump) {
	name := d.Files.largest()
	half := len(d.Files[name]) / 2
	broken := func(at int, err error) *altered {
		return &altered{dump: d.Files, alter: func(file string, r io.Reader) io.Reader {
			if file != name {
				return r
			}
			return breaks(r, at, err)
		}}
	}
	// The head is inspected whole, and then the stream breaks.
	through := func(ctx context.Context, t *testing.T, a *altered) error {
		m, err := f.Engine.Inspect(t.Context(), d.Files)
		if err != nil {
			t.Fatal(err)
		}
		box := f.Start(t, f.Engine.Needs(m))
		l := f.Engine.Prepare(box, m, engine.Options{Limits: f.Limits, Progress: func(engine.Progress) {}})
		_, err = l.Receive(ctx, a)
		if n := a.open.Load(); n != 0 {
			t.Errorf("%d streams were left open", n)
		}
		return err
	}
	for at, when := range map[int]string{0: "at once", half: "in the middle", len(d.Files[name]): "at the end"} {
		t.Run("lost "+when, func(t *testing.T) {
			t.Parallel()
			if err := through(t.Context(), t, broken(at, errLost)); !errors.Is(err, errLost) || isFact(err) {
				t.Errorf("%v, want the stream's own error", err)
			}
		})
	}
	t.Run("lost while it is inspected", func(t *testing.T) {
		for _, at := range []int{0, 3} {
			_, err := f.Engine.Inspect(t.Context(), &altered{dump: d.Files, alter: func(_ string, r io.Reader) io.Reader {
				return breaks(r, at, errLost)
			}})
			if !errors.Is(err, errLost) || isFact(err) {
				t.Errorf("after %d bytes: %v, want the stream's own error", at, err)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a := &altered{dump: d.Files, alter: func(file string, r io.Reader) io.Reader {
			if file != name {
				return r
			}
			return io.MultiReader(io.LimitReader(r, int64(half)), readFunc(func([]byte) (int, error) {
				cancel()
				return 0, context.Cause(ctx)
			}))
		}}
		if err := through(ctx, t, a); !errors.Is(err, context.Canceled) || isFact(err) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	})
}

// testFaulty restores a dump one of whose statements is refused.
func testFaulty(t *testing.T, f Fixture) {
	_, restored, _, err := load(t, f, f.Faulty.Files)
	if err != nil {
		t.Fatalf("%v; that the tool failed is part of Restored", err)
	}
	counted := 0
	for _, n := range restored.ErrorCount {
		counted += n
	}
	if len(restored.Errors) == 0 || counted < len(restored.Errors) || restored.DB == nil {
		t.Errorf("%d errors, %d counted, database %v; want them told and the database open", len(restored.Errors), counted, restored.DB)
	}
	for _, e := range restored.Errors {
		if strings.TrimSpace(e.Message) == "" {
			t.Errorf("an error says nothing: %+v", e)
		}
	}
}
