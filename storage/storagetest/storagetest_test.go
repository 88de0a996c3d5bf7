package storagetest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryAdapterRunsTheSuite finds the folders that hold a source.
func TestEveryAdapterRunsTheSuite(t *testing.T) {
	adapters := 0
	folders, err := filepath.Glob("../*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if !holds(t, folder, false, ") Open(ctx context.Context, o storage.Object, offset, length int64)") || strings.Contains(folder, "storagetest") {
			continue
		}
		adapters++
		if !holds(t, folder, true, "storagetest.Run(") {
			t.Errorf("%s has a source and no test that calls storagetest.Run", folder)
		}
	}
	if adapters < 2 {
		t.Errorf("%d adapters found, want s3 and dir at least", adapters)
	}
}

// holds reports whether a Go file of folder, a test or not, holds text.
func holds(t *testing.T, folder string, tests bool, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") == tests && strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}
