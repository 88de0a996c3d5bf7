package postgres

import (
	"bytes"
	"context"
	"io"
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

// load loads the schema of testdata into a server of the given version.
func load(t testing.TB, major int) pgdumps.Database {
	t.Helper()
	schema, err := os.ReadFile("testdata/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	return pgdumps.Start(t, major).Load(t, string(schema))
}
