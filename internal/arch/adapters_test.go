package arch

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// suites names what the tests of every folder below a contract must call.
var suites = map[string]string{
	"storage": "storagetest.Run(",
	"sandbox": "sandboxtest.Run(",
	"engine":  "enginetest.Run(",
	"history": "historytest.Run(",
	"notify":  "notifytest.Run(",
}

// noAdapters are folders below a contract that do not implement it.
var noAdapters = []string{"storage/envelope", "sandbox/internal", "notify/internal", "notify/heartbeat", "history/internal"}

// served are packages that start no goroutine themselves and whose handlers and clients
// run in those of others, which they could keep from ending.
var served = []string{"history/internal/sqlstore", "notify/heartbeat", "notify/internal/wire", "web/access", "web/api", "web/metrics", "web/pages"}

// leaky are adapters whose tests share a client until the end: nothing to check.
var leaky = []string{"engine/postgres"}

func TestEveryAdapterKeepsItsContract(t *testing.T) {
	seen := 0
	for contract, call := range suites {
		for _, folder := range below(t, contract) {
			seen++
			if !testsCall(t, folder, call) {
				t.Errorf("no test in %s calls %s...)", folder, call)
			}
		}
	}
	if seen < 8 {
		t.Fatalf("%d adapters were found; the search is wrong", seen)
	}
}

func TestWhoeverMayLeaveAGoroutineChecksThatNoneIsLeft(t *testing.T) {
	checked := concurrent(t)
	if !slices.Contains(checked, "jobs") {
		t.Fatalf("goroutines are started by %v; the search is wrong", checked)
	}
	checked = append(checked, served...)
	for contract := range suites {
		checked = append(checked, below(t, contract)...)
	}
	for _, folder := range checked {
		if slices.Contains(leaky, folder) {
			continue
		}
		if !testsCall(t, folder, "goleak.VerifyTestMain(") && !testsCall(t, folder, "sandboxtest.Main(") {
			t.Errorf("the tests of %s do not check that no goroutine is left", folder)
		}
	}
}

// concurrent lists the packages that start goroutines. Commands end with their process;
// helpers of tests are checked by those who use them.
func concurrent(t *testing.T) []string {
	t.Helper()
	var folders []string
	walkGo(t, func(rel string, file *ast.File) {
		folder := filepath.ToSlash(filepath.Dir(rel))
		top, _, _ := strings.Cut(folder, "/")
		if top == "cmd" || top == "scripts" || top == "internal" || strings.Contains(folder+"/", "test/") || slices.Contains(folders, folder) {
			return
		}
		starts := false
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				starts = true
			case *ast.SelectorExpr:
				starts = starts || n.Sel.Name == "Go"
			}
			return !starts
		})
		if starts {
			folders = append(folders, folder)
		}
	})
	return folders
}

// below lists the adapters of a contract.
func below(t *testing.T, contract string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("../..", contract))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		folder := contract + "/" + e.Name()
		if e.IsDir() && e.Name() != "testdata" && e.Name() != contract+"test" && !slices.Contains(noAdapters, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// testsCall reports whether a test file of a folder holds text.
func testsCall(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), text)
	})
}
