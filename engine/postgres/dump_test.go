package postgres

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"lifeboat/engine"
	"lifeboat/internal/testkit/pgdumps"
)

func TestMain(m *testing.M) { os.Exit(pgdumps.Main(m)) }

// stream is a dump that is one stream.
type stream []byte

// Files implements engine.Dump.
func (s stream) Files() []engine.File { return []engine.File{{Size: int64(len(s))}} }

// Open implements engine.Dump.
func (s stream) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s)), nil
}

// folder is a directory dump by the names of its files.
type folder map[string][]byte

func readFolder(t testing.TB, dir string) folder {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := make(folder)
	for _, e := range entries {
		if f[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Files implements engine.Dump.
func (f folder) Files() []engine.File {
	var files []engine.File
	for name, content := range f {
		files = append(files, engine.File{Name: name, Size: int64(len(content))})
	}
	return files
}

// Open implements engine.Dump.
func (f folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f[name])), nil
}

// read inspects and scans a whole dump as a loader does.
func read(ctx context.Context, d engine.Dump) (engine.Received, error) {
	m, err := inspect(ctx, d)
	if err != nil {
		return engine.Received{}, err
	}
	s := newScanner(m)
	for _, f := range d.Files() {
		r, err := d.Open(ctx, f.Name)
		if err != nil {
			return engine.Received{}, err
		}
		_ = s.File(ctx, f.Name, r) // Finish says it again
		if err := r.Close(); err != nil {
			return engine.Received{}, err
		}
	}
	return s.Finish()
}

// load loads the shop into a server of the given version.
func load(t testing.TB, major int) pgdumps.Database {
	t.Helper()
	return pgdumps.Start(t, major).Load(t, pgdumps.Shop)
}

// clone copies the list of files, not their content.
func clone(f folder) folder { return maps.Clone(f) }

// unpack returns the files of a directory dump in a tar.
func unpack(t testing.TB, content []byte) folder {
	t.Helper()
	f := make(folder)
	r := tar.NewReader(bytes.NewReader(content))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return f
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if f[filepath.Base(h.Name)], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tarOf is a tar with one file.
func tarOf(t testing.TB, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gunzip(t testing.TB, content []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// failing is a stream that ends with an error.
type failing struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}
