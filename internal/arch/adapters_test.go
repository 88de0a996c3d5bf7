package arch

import (
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

// leakChecked are the packages besides adapters that start goroutines of their own.
var leakChecked = []string{"jobs", "storage", "storage/envelope"}

// leaky are adapters whose tests share a client until the end: nothing to check.
var leaky = []string{"engine/postgres"}

func TestEveryAdapterKeepsItsContract(t *testing.T) {
	seen, checked := 0, slices.Clone(leakChecked)
	for contract, call := range suites {
		for _, folder := range below(t, contract) {
			seen++
			if !testsCall(t, folder, call) {
				t.Errorf("no test in %s calls %s...)", folder, call)
			}
			if !slices.Contains(leaky, folder) {
				checked = append(checked, folder)
			}
		}
	}
	if seen < 8 {
		t.Fatalf("%d adapters were found; the search is wrong", seen)
	}
	for _, folder := range checked {
		if !testsCall(t, folder, "goleak.VerifyTestMain(") && !testsCall(t, folder, "sandboxtest.Main(") {
			t.Errorf("the tests of %s do not check that no goroutine is left", folder)
		}
	}
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
