// Package arch holds the test that keeps imports pointing forward. It has no code.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "lifeboat/"

// allowed is the import map of docs/ARCHITECTURE.md. A package is listed by its
// top-level folder; a folder may always import itself and internal.
var allowed = map[string][]string{
	"internal": {},
	"storage":  {},
	"sandbox":  {},
	"engine":   {"sandbox"},
	"verify":   {"storage", "sandbox", "engine"},
	"notify":   {"verify"},
	"history":  {"verify", "notify"},
	"incident": {"storage", "sandbox", "engine", "verify", "history"},
	"jobs":     {"storage", "sandbox", "engine", "verify", "notify", "history"},
	"web":      {"verify", "notify", "history"},
	"configs":  {"storage", "sandbox", "engine", "verify", "notify", "jobs"},
}

// sdkFree folders hold contracts and logic. What needs a third-party module
// lives one level down, in the adapter that needs it.
var sdkFree = []string{"storage", "sandbox", "engine", "verify", "notify", "history", "jobs", "web"}

// adapters lists the folders below a contract that cmd alone may import.
func adapters(t *testing.T) []string {
	t.Helper()
	list := []string{"verify/check"}
	for contract := range suites {
		list = append(list, below(t, contract)...)
	}
	for _, folder := range noAdapters {
		if !strings.HasSuffix(folder, "/internal") { // the compiler keeps others out of those
			list = append(list, folder)
		}
	}
	return list
}

func TestImportsPointForward(t *testing.T) {
	seen := 0
	adapters := adapters(t)
	walkGo(t, func(rel string, file *ast.File) {
		from, _, _ := strings.Cut(rel, "/")
		if from == "cmd" || from == "scripts" {
			return // cmd wires everything
		}
		may, listed := allowed[from]
		if !listed {
			t.Errorf("%s: folder %q is not in the import map", rel, from)
			return
		}
		seen++
		for _, p := range imports(t, file) {
			rest, ours := strings.CutPrefix(p, module)
			to, _, _ := strings.Cut(rest, "/")
			first, _, _ := strings.Cut(p, "/")
			parent := filepath.Dir(rel) == from && slices.Contains(sdkFree, from)
			if parent && !ours && strings.Contains(first, ".") {
				t.Errorf("%s imports %s: move it to an adapter below %s", rel, p, from)
			}
			if ours && to != from && to != "internal" && !slices.Contains(may, to) {
				t.Errorf("%s imports %s: %s may not depend on %s", rel, p, from, to)
			}
			for _, a := range adapters {
				inside := strings.HasPrefix(rel, a+"/")
				if ours && !inside && (rest == a || strings.HasPrefix(rest, a+"/")) {
					t.Errorf("%s imports the adapter %s: cmd alone wires adapters", rel, p)
				}
			}
		}
	})
	if seen == 0 {
		t.Fatal("no Go files found; the walk root is wrong")
	}
}

// walkGo calls visit with every Go file of the product that is not a test.
func walkGo(t *testing.T, visit func(rel string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.IsDir() && d.Name() == "tools" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel("../..", path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(rel), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// imports lists the paths a file imports.
func imports(t *testing.T, file *ast.File) []string {
	t.Helper()
	var paths []string
	for _, imp := range file.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}
