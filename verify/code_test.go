package verify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codes reads the constants of code.go.
func codes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			code, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, code)
		}
		return true
	})
	return list
}

func TestEveryCodeIsDocumentedAndTheReverse(t *testing.T) {
	doc, err := os.ReadFile("../docs/verdicts.md")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{"warned", "failed", "errored"}
	var documented []string
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Errorf("%q has %d cells, want code, verdict, meaning and what to do", line, len(cells))
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if cells[i] == "" {
				t.Errorf("%q has an empty cell", line)
			}
		}
		for word := range strings.SplitSeq(cells[1], " or ") {
			if !slices.Contains(words, word) {
				t.Errorf("%s: %q is not a verdict of a result that is not passed", cells[0], word)
			}
		}
		documented = append(documented, strings.Trim(cells[0], "`"))
	}
	known := codes(t)
	for _, code := range known {
		if !slices.Contains(documented, code) {
			t.Errorf("the code %s is not in docs/verdicts.md", code)
		}
	}
	for i, code := range documented {
		if !slices.Contains(known, code) {
			t.Errorf("docs/verdicts.md explains %s, which is not a code", code)
		}
		if slices.Index(documented, code) != i {
			t.Errorf("docs/verdicts.md explains %s twice", code)
		}
	}
}
