package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/engine/postgres/archive"
)

// TestADemoStoppedByAPersonSaysSoAndLeavesNothing sends what Ctrl-C sends.
func TestADemoStoppedByAPersonSaysSoAndLeavesNothing(t *testing.T) {
	needDocker(t, 15)
	tmp := t.TempDir()
	c := start(t, []string{"TMPDIR=" + tmp}, "demo")
	c.until(t, "shop: starting the sandbox")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t); code != exitInterrupted {
		t.Errorf("exit %d, want %d\n%s", code, exitInterrupted, strings.Join(c.seen, "\n"))
	}
	if last := c.seen[len(c.seen)-1]; last != "lifeboat: interrupted: 3 targets not drilled to the end" {
		t.Errorf("last words: %q", last)
	}
	mustBeEmpty(t, tmp)
}

// TestADemoThatWasKilledIsCleanedUpByTheNextOne looks for its files and its container.
func TestADemoThatWasKilledIsCleanedUpByTheNextOne(t *testing.T) {
	needDocker(t, 15)
	tmp := t.TempDir()
	c := start(t, []string{"TMPDIR=" + tmp}, "demo")
	c.until(t, "shop: starting the server")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.end(t)
	runs, err := filepath.Glob(filepath.Join(tmp, "lifeboat-demo-*", "*"+runEnding))
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs = %v, %v; want the killed one", runs, err)
	}
	id, err := record(t, filepath.Join(runs[0], "lifeboat.yaml")).Installation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	of := []string{"docker", "ps", "-aq", "--filter", "label=lifeboat.installation=" + id}
	if len(tool(t, nil, of...)) == 0 {
		t.Fatal("the killed demo has no container: nothing is tested")
	}
	next := start(t, []string{"TMPDIR=" + tmp}, "demo")
	if code := next.end(t); code != exitFailed {
		t.Errorf("exit %d, want %d\n%s", code, exitFailed, strings.Join(next.seen, "\n"))
	}
	if found := tool(t, nil, of...); len(found) != 0 {
		t.Errorf("left behind: %s", found)
	}
	mustBeEmpty(t, tmp)
}

func mustBeEmpty(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
}

// TestTheDemosDumpsAreAsOldAsTheirNamesSay reads the time inside them, which Lifeboat
// judges by.
func TestTheDemosDumpsAreAsOldAsTheirNamesSay(t *testing.T) {
	at := time.Date(2031, time.February, 28, 23, 59, 1, 0, time.UTC)
	for name, dump := range map[string][]byte{"shop": shopDump, "shop-emptied": shopEmptiedDump} {
		var head archive.Head
		h := archive.Handler{Head: func(got archive.Head) { head = got }, Entry: func(*archive.Entry) error { return nil }, Needs: func(string) {}}
		if err := archive.ReadTOC(t.Context(), bytes.NewReader(made(dump, at)), h); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !head.MadeAt.Equal(at) {
			t.Errorf("%s says that it was made at %s, want %s", name, head.MadeAt, at)
		}
	}
}
