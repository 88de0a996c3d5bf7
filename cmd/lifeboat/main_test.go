package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lifeboat/internal/testkit"
	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// asProgram makes the test binary behave as lifeboat itself, for tests that kill it.
const asProgram = "LIFEBOAT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		asTold()
		return
	}
	testscript.Main(program{m}, map[string]func(){"lifeboat": main})
}

// program removes the servers that dumps were made with, and what else the tests of
// this package shared, when all of them are done.
type program struct{ m *testing.M }

func (p program) Run() int {
	defer removeServiceProgram()
	return pgdumps.Main(p.m)
}

// backups are files below a folder, by key.
type backups map[string][]byte

// write lays the files out in a new folder.
func (b backups) write(t testing.TB) string {
	t.Helper()
	return testkit.Folder(t, b)
}

// writeConfig writes a configuration with one target called t over a folder.
func writeConfig(t testing.TB, dir, target string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lifeboat.yaml")
	text := fmt.Sprintf("sources: {s: {kind: dir, path: %q}}\ntargets:\n  t:\n    source: s\n%s", dir, indent(target))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ") + "\n"
}

// lifeboat runs one command line in this process.
func lifeboat(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// drill drills the target t of a configuration and returns its report.
func drill(t testing.TB, config string, args ...string) (int, verify.Report) {
	t.Helper()
	code, stdout, stderr := lifeboat(t, append([]string{"drill", "--json", "--config", config}, args...)...)
	var rep verify.Report
	if err := json.Unmarshal([]byte(stdout), &rep); err != nil {
		t.Fatalf("no report (exit %d): %v\n%s%s", code, err, stdout, stderr)
	}
	return code, rep
}

// drillFiles drills backups that lie in a folder.
func drillFiles(t testing.TB, b backups, target string) (int, verify.Report) {
	t.Helper()
	return drill(t, writeConfig(t, b.write(t), target))
}

// findings are the results that are not passed, a line each.
func findings(rep verify.Report) string {
	var lines []string
	for _, r := range rep.Results {
		if r.Verdict != verify.Passed {
			lines = append(lines, fmt.Sprintf("%s %s %s %q: %s", r.Check, r.Verdict, r.Code, r.Subject, r.Detail))
		}
	}
	return strings.Join(lines, "\n")
}

// mustHave fails t unless the report has a result with the code and verdict.
func mustHave(t testing.TB, rep verify.Report, v verify.Verdict, code string) verify.Result {
	t.Helper()
	for _, r := range rep.Results {
		if r.Code == code && r.Verdict == v {
			if v != verify.Passed && (r.Detail == "" || r.Hint == "") {
				t.Errorf("%s tells a person nothing to do: %+v", code, r)
			}
			return r
		}
	}
	t.Errorf("no result is %s %s; verdict %s, error %q, findings:\n%s", v, code, rep.Verdict, rep.Error, findings(rep))
	return verify.Result{}
}

// tool runs a real program on input.
func tool(t testing.TB, input []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(args[0])
	testkit.Need(t, args[0], err == nil)
	cmd := exec.CommandContext(t.Context(), path, args[1:]...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", args[0], err, stderr.String())
	}
	return out
}

// needDocker fails t unless the image of a major version is there.
func needDocker(t testing.TB, major int) {
	t.Helper()
	image := fmt.Sprintf("postgres:%d", major)
	testkit.Need(t, "docker image "+image, exec.Command("docker", "image", "inspect", image).Run() == nil)
}
