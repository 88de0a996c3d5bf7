package configs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// Whoever adds a code decides here whether a target may ignore it.
func TestEveryCodeIsEitherIgnorableOrOurs(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../verify/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			code, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	if len(codes) < 30 {
		t.Fatalf("found %d codes in verify/code.go, want all of them", len(codes))
	}
	for _, code := range codes {
		if slices.Contains(ignorable, code) == slices.Contains(ours, code) {
			t.Errorf("%s: want it in exactly one of ignorable and ours", code)
		}
	}
}
