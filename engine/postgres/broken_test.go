package postgres

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"lifeboat/engine"
)

// goldens are the small dumps of testdata, by name.
func goldens(t testing.TB) map[string]stream {
	t.Helper()
	names, err := filepath.Glob("testdata/dumps/1[0-9]*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dumps in testdata: %v", err)
	}
	all := make(map[string]stream)
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = content
	}
	return all
}

func TestSmallDumpsAreWhole(t *testing.T) {
	want := map[string]int64{"public.item": 40, "public.sale": 60, "public.vacant": 0}
	for name, d := range goldens(t) {
		got, err := read(t.Context(), d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rows := census(got.Census)
		for table, n := range want {
			if strings.Contains(name, "-all") {
				table = "shop." + table
			}
			if have, ok := rows[table]; !ok || have != n {
				t.Errorf("%s: %s has %d rows (%v), want %d", name, table, have, ok, n)
			}
		}
		if len(rows) != len(want) || got.Bytes != int64(len(d)) || len(got.Census.Uncounted) != 0 {
			t.Errorf("%s: census %v of %d bytes, want %d bytes", name, got.Census, got.Bytes, len(d))
		}
	}
}

// isBad reports whether err says that a dump is broken.
func isBad(err error) bool {
	return errors.Is(err, engine.ErrTruncated) || errors.Is(err, engine.ErrCorrupt)
}

func TestCutDumpsAreCalledBad(t *testing.T) {
	for name, d := range goldens(t) {
		cuts := []int{len(d) / 10, len(d) / 2, len(d) * 9 / 10, len(d) * 99 / 100, len(d) - 1}
		for at := 1; at < len(d); at += 97 {
			cuts = append(cuts, at)
		}
		for _, at := range cuts {
			if strings.HasSuffix(name, "directory-tar") && (at < 100 || onlyPadding(d[at:]) && at%512 == 0) {
				continue // no name of a file yet, or nothing lost but what fills up the tar
			}
			got, err := read(t.Context(), d[:at])
			if !isBad(err) {
				t.Errorf("%s cut after %d of %d bytes: %v, want it called truncated or corrupt", name, at, len(d), err)
			}
			if at == len(d)-1 && !strings.Contains(got.Read, "tables") {
				t.Errorf("%s one byte short: read %q, want how far it was read", name, got.Read)
			}
		}
	}
}

// A file that was made as large as it would be, and then not written to its end, is no
// padded one.
func TestCustomDumpsWhoseEndIsZerosAreCalledBad(t *testing.T) {
	for name, d := range goldens(t) {
		if !strings.Contains(name, "custom") {
			continue
		}
		for at := len(d) * 9 / 10; at < len(d); at++ {
			zeroed := append(bytes.Clone(d[:at]), make([]byte, len(d)-at+64)...)
			_, err := read(t.Context(), stream(zeroed))
			if lost := len(bytes.Trim(d[at:], "\x00")) > 0; lost && !isBad(err) {
				t.Errorf("%s with zeros from byte %d of %d: %v, want it called bad", name, at, len(d), err)
			}
		}
	}
}

// onlyPadding reports whether the end of a tar comes after its two closing blocks.
func onlyPadding(end []byte) bool { return len(bytes.Trim(end, "\x00")) == 0 && len(end) < 7000 }

func TestCutsInTheMiddleAreCalledTruncated(t *testing.T) {
	for name, d := range goldens(t) {
		if _, err := read(t.Context(), d[:len(d)/2]); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("%s cut in half: %v, want %v", name, err, engine.ErrTruncated)
		}
	}
}

func TestEveryFlippedByteInCompressedDataIsFound(t *testing.T) {
	for _, name := range []string{"13.custom", "17.custom"} {
		d := goldens(t)[name]
		data := bytes.Index(d, []byte("\x78\x9c")) // the first zlib stream
		if data < 0 {
			data = bytes.Index(d, []byte("\x78\x01"))
		}
		if data < 0 {
			t.Fatalf("%s holds no compressed data", name)
		}
		whole, err := read(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		harmless := 0
		for at := data; at < len(d); at++ {
			bad := bytes.Clone(d)
			bad[at] ^= 0x10
			// Nothing depends on the last bits of a stream and on the numbers of large objects.
			got, err := read(t.Context(), stream(bad))
			if err == nil && cmp.Equal(got.Census, whole.Census) {
				harmless++
			} else if !isBad(err) {
				t.Errorf("%s with byte %d of %d flipped: %v, want it called corrupt", name, at, len(d), err)
			}
		}
		if harmless > 10 {
			t.Errorf("%s: %d of %d flipped bytes went unnoticed", name, harmless, len(d)-data)
		}
	}
}

func TestFilesOfADirectoryDumpMustBeThereAndWhole(t *testing.T) {
	whole := unpack(t, goldens(t)["17.directory-tar"])
	if _, err := read(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	for name, content := range whole {
		without := clone(whole)
		delete(without, name)
		if _, err := read(t.Context(), without); !isBad(err) {
			t.Errorf("without %s: %v, want it called truncated", name, err)
		}
		for _, n := range []int{0, len(content) / 2, len(content) - 1} {
			cut := clone(whole)
			cut[name] = content[:n]
			if _, err := read(t.Context(), cut); !isBad(err) {
				t.Errorf("with %d of %d bytes of %s: %v, want it called truncated or corrupt", n, len(content), name, err)
			}
		}
	}
}

func TestAnUncompressedDirectoryDumpCutAnywhereInItsRowsIsTruncated(t *testing.T) {
	whole := unpack(t, goldens(t)["17.directory-tar"])
	for name, content := range whole {
		if !strings.HasSuffix(name, ".dat.gz") || strings.HasPrefix(name, "blob") {
			continue
		}
		plain := gunzip(t, content)
		for n := range plain {
			cut := clone(whole)
			delete(cut, name)
			cut[strings.TrimSuffix(name, ".gz")] = plain[:n]
			if _, err := read(t.Context(), cut); !isBad(err) {
				t.Errorf("%s cut after %d of %d bytes: %v, want it called truncated", name, n, len(plain), err)
			}
		}
	}
}

func TestWhatIsNoDumpIsSaidToBeNone(t *testing.T) {
	newer := bytes.Clone(goldens(t)["17.custom"])
	newer[6] = 17
	tests := []struct {
		name, content string
		want          error
		says          string
	}{
		{"nothing", "", engine.ErrNotBackup, "empty"},
		{"zeros", strings.Repeat("\x00", 2000), engine.ErrNotBackup, "zeros"},
		{"a web page", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", engine.ErrNotBackup, "web page"},
		{"an answer of S3", `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`, engine.ErrNotBackup, "XML"},
		{"a JSON error", `{"error": "permission denied"}`, engine.ErrNotBackup, "JSON"},
		{"an error of pg_dump", "pg_dump: error: connection to server failed: FATAL", engine.ErrNotBackup, "error message of pg_dump"},
		{"a text", "see you tomorrow\n", engine.ErrNotBackup, "without any SQL"},
		{"a database of SQLite", "SQLite format 3\x00\x10\x00\x01\x01", engine.ErrFormat, "SQLite"},
		{"a dump of SQLite", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", engine.ErrFormat, "SQLite"},
		{"a dump of MySQL", "-- MySQL dump 10.13  Distrib 8.0\n", engine.ErrFormat, "MySQL"},
		{"a dump of MariaDB", "/*M!999999\\- enable the sandbox mode */\n-- MariaDB dump", engine.ErrFormat, "MariaDB"},
		{"unknown bytes", "\x8b\x01\x02\x03\xff\xfe", engine.ErrFormat, "begins with"},
		{"SQL of unknown origin", "CREATE TABLE a (b int);\n", engine.ErrFormat, "which database"},
		{"an archive of a newer pg_dump", string(newer), engine.ErrFormat, "newer pg_dump"},
		{"a tar of something else", tarOf(t, "readme.txt", "hello"), engine.ErrFormat, "no toc.dat"},
	}
	for _, tt := range tests {
		_, err := inspect(t.Context(), stream(tt.content))
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %v saying %q", tt.name, err, tt.want, tt.says)
		}
	}
}

func TestFilesWithoutATableOfContents(t *testing.T) {
	tests := []struct {
		name  string
		files folder
		want  error
	}{
		{"no files", folder{}, engine.ErrNotBackup},
		{"data alone", folder{"123.dat.gz": nil, "124.dat.gz": nil}, engine.ErrTruncated},
		{"other files", folder{"a.txt": nil, "b.txt": nil}, engine.ErrFormat},
	}
	for _, tt := range tests {
		if _, err := inspect(t.Context(), tt.files); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestAnErrorOfTheStreamIsReturnedAsItIs(t *testing.T) {
	lost := errors.New("connection lost")
	for name, d := range goldens(t) {
		for _, at := range []int{0, 3, len(d) / 3, len(d) - 1} {
			s := newScanner(engine.Manifest{})
			r := &failing{Reader: bytes.NewReader(d[:at]), err: lost}
			if err := s.File(t.Context(), "", r); !errors.Is(err, lost) || isBad(err) {
				t.Errorf("%s: stream lost after %d bytes: %v, want %v", name, at, err, lost)
			}
		}
	}
}

func TestACancelledReadingIsNoFact(t *testing.T) {
	for name, d := range goldens(t) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := newScanner(engine.Manifest{}).File(ctx, "", bytes.NewReader(d))
		if !errors.Is(err, context.Canceled) || isBad(err) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
}

func TestDumpsReadTheSameInPiecesOfAnySize(t *testing.T) {
	for name, d := range goldens(t) {
		s := newScanner(engine.Manifest{})
		if err := s.File(t.Context(), "", iotest.OneByteReader(bytes.NewReader(d))); err != nil {
			t.Errorf("%s byte by byte: %v", name, err)
		}
		if got, err := s.Finish(); err != nil || len(got.Census.Tables) != 3 {
			t.Errorf("%s byte by byte: %v, %v", name, got.Census, err)
		}
	}
}
