package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The import table people read is the map the other test holds.
func TestArchitecturePageHasTheImportMap(t *testing.T) {
	page, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| folder | may import")
	if !found {
		t.Fatal("docs/ARCHITECTURE.md has no import table")
	}
	rows := make(map[string][]string)
	for i, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if i < 2 {
			continue // rest of the heading, and its rule
		}
		if len(cells) < 4 {
			break
		}
		imports := strings.Split(strings.TrimSpace(cells[2]), ", ")
		if imports[0] == "nothing" {
			imports = []string{}
		}
		rows[strings.TrimSpace(cells[1])] = imports
	}
	if got := rows["cmd"]; !slices.Equal(got, []string{"everything"}) {
		t.Errorf("cmd may import %v, want everything", got)
	}
	delete(rows, "cmd")
	for folder, imports := range allowed {
		if got, ok := rows[folder]; !ok || !slices.Equal(got, imports) {
			t.Errorf("the page lets %s import %v, the test %v", folder, got, imports)
		}
		delete(rows, folder)
	}
	for folder := range rows {
		t.Errorf("the page has %s, the test has not", folder)
	}
}
