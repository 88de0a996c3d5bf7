package postgres

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lifeboat/engine"
	"lifeboat/internal/testkit/pgdumps"
)

// everything fills a database "shop" of a new source.
func everything(t *testing.T, major int) *source {
	t.Helper()
	s := newSource(t, major)
	s.sql("postgres", "CREATE DATABASE shop")
	s.sql("shop", pgdumps.Everything(major))
	return s
}

func TestEverythingIsRestoredAndNothingIsMissing(t *testing.T) {
	tests := []struct {
		major int
		name  string
		dump  func(*source) engine.Dump
	}{
		{13, "custom", func(s *source) engine.Dump { return s.dump("pg_dump -Fc shop") }},
		{13, "plain", func(s *source) engine.Dump { return s.dump("pg_dump shop") }},
		{15, "directory", func(s *source) engine.Dump { return s.directory("shop") }},
		{15, "pg_dumpall", func(s *source) engine.Dump { return s.dump("pg_dumpall") }},
		{17, "tar", func(s *source) engine.Dump { return s.dump("pg_dump -Ft shop") }},
		{17, "plain with INSERT, --create and --clean", func(s *source) engine.Dump {
			return s.dump("pg_dump --inserts --rows-per-insert=7 --create --clean --if-exists shop")
		}},
		{18, "custom with zstd", func(s *source) engine.Dump { return s.dump("pg_dump -Fc -Z zstd shop") }},
		{18, "directory in a tar", func(s *source) engine.Dump { return inTar(t, s.directory("shop")) }},
	}
	sources := make(map[int]*source)
	for _, tt := range tests {
		if sources[tt.major] == nil {
			sources[tt.major] = everything(t, tt.major)
		}
		dump := tt.dump(sources[tt.major])
		t.Run(fmt.Sprintf("%d %s", tt.major, tt.name), func(t *testing.T) {
			t.Parallel()
			d := drill(t, dump)
			d.clean(t)
			d.census(t)
			d.whole(t)
			found, err := d.restored.DB.Soundness(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found.Findings {
				t.Errorf("%s %s: %s", f.Kind, f.Subject, f.Detail)
			}
			t.Logf("%s: exit %d, %v, notes %v, checked %q, skipped %v", d.restored.Tool, d.restored.Exit,
				d.restored.ErrorCount, d.restored.Notes, found.Checked, found.Skipped)
		})
	}
}

// pg_restore takes what it needs and does not look at what follows.
func TestACustomArchiveWithZerosBehindItIsRestoredAsItIs(t *testing.T) {
	s := newSource(t, 15)
	s.sql("postgres", "CREATE DATABASE shop")
	s.sql("shop", "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item SELECT g, g::text FROM generate_series(1, 5000) g")
	dump := s.dump("pg_dump -Fc shop")
	f, err := os.OpenFile(dump.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d := drill(t, dump)
	d.clean(t)
	d.census(t)
	d.whole(t)
}

// inTar is a directory dump inside a tar.
func inTar(t *testing.T, d *fileDump) *fileDump {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "dump.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fileDump{file: f.Name()}
}
