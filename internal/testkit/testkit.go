// Package testkit holds what tests of several packages share. Nothing of the
// product imports it.
package testkit

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Golden compares got with testdata/<name> and rewrites the file under -update.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update to create it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// Picture writes got to path under -update, and where the artifacts of t go otherwise: two
// machines draw letters differently, so that only people can compare pictures.
func Picture(t testing.TB, path string, got []byte) {
	t.Helper()
	if !*update {
		path = filepath.Join(t.ArtifactDir(), filepath.Base(path))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, got, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Need fails t when a component is missing: a test that did not run proved
// nothing. Only a person who asked for a short run gets a skip.
func Need(t testing.TB, component string, available bool) {
	t.Helper()
	if available {
		return
	}
	if testing.Short() {
		t.Skipf("%s is unavailable, and -short was asked for", component)
	}
	t.Fatalf("%s is unavailable; make test installs it, make test-short does without", component)
}

// Folder makes a folder for the time of the test and writes files into it, by their paths
// below it.
func Folder[T ~string | ~[]byte](t testing.TB, files map[string]T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
