package arch

import (
	"go/ast"
	"strings"
	"testing"
)

// clocks are the files that may look at the clock, for a deadline or a pause at the
// edge of the program. Whatever is decided gets the time as a value.
var clocks = map[string]string{
	"engine/postgres/restore.go":               "measures the restore, which soundness is weighed against",
	"engine/postgres/soundness.go":             "its time limit",
	"sandbox/docker/deadline.go":               "seconds left until a kept sandbox's end",
	"sandbox/docker/exec.go":                   "refuses commands after the sandbox's deadline",
	"sandbox/docker/start.go":                  "seconds left until the sandbox's deadline",
	"sandbox/docker/watch.go":                  "deadlines of connections and the pace of looking",
	"sandbox/internal/workdir/workdir.go":      "the age of a file, whose time is the machine's",
	"sandbox/internal/workdir/ending.go":       "the sandbox's deadline and the pace of looking",
	"sandbox/process/box.go":                   "the timer of the sandbox's deadline",
	"sandbox/process/exec.go":                  "deadlines of pipes",
	"sandbox/process/guard.go":                 "seconds left until the sandbox's deadline",
	"sandbox/process/process.go":               "refuses a deadline that has passed",
	"sandbox/process/running.go":               "waits for a process to end",
	"sandbox/scratch/box.go":                   "the timer of the sandbox's deadline",
	"sandbox/scratch/scratch.go":               "refuses a deadline that has passed",
	"storage/s3/s3.go":                         "deadlines of connections",
	"internal/testkit/s3server/certificate.go": "validity of a certificate of tests",
}

// clockFuncs are the functions of package time that read the clock.
var clockFuncs = map[string]bool{"Now": true, "Since": true, "Until": true}

func TestOnlyTheEdgesLookAtTheClock(t *testing.T) {
	used := make(map[string]bool)
	walkGo(t, func(rel string, file *ast.File) {
		if strings.HasPrefix(rel, "cmd/") || strings.HasPrefix(rel, "scripts/") || strings.HasPrefix(rel, "sandbox/sandboxtest/") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); !ok || x.Name != "time" || !clockFuncs[s.Sel.Name] {
				return true
			}
			used[rel] = true
			if clocks[rel] == "" {
				t.Errorf("%s calls time.%s: take the time as a value, or say in this test why it must look itself", rel, s.Sel.Name)
			}
			return true
		})
	})
	for rel := range clocks {
		if !used[rel] {
			t.Errorf("%s does not look at the clock any more: take it off the list", rel)
		}
	}
}
