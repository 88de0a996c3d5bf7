package sqlite_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/engine/enginetest"
	"lifeboat/engine/sqlite"
	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/scratch"
)

// files is a dump held in memory.
type files = enginetest.Files

// one is a dump of a single stream.
func one(b []byte) files { return enginetest.One(b) }

// shell runs the sqlite3 tool on a database file, which it makes if it is not there.
func shell(t testing.TB, path, script string) string {
	t.Helper()
	tool, err := exec.LookPath("sqlite3")
	testkit.Need(t, "sqlite3", err == nil)
	cmd := exec.Command(tool, "-batch", path)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	return string(out)
}

// made is the bytes of a database file that script makes.
func made(t testing.TB, script string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	shell(t, path, script)
	return read(t, path)
}

// dumped is the SQL that .dump writes of a database that script makes.
func dumped(t testing.TB, script string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	shell(t, path, script)
	return []byte(shell(t, path, ".dump"))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// box starts a sandbox that is removed with the test.
func box(t testing.TB) sandbox.Sandbox {
	t.Helper()
	b, err := scratch.New(scratch.Config{Dir: t.TempDir()}).Start(t.Context(), sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "test", Instance: "test", Drill: "test", Target: "test"},
		Limits:   sandbox.Limits{CPUs: 1, Memory: 1 << 30, Disk: 1 << 30, Pids: 10},
		Deadline: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// restore takes a dump all the way.
func restore(t testing.TB, d engine.Dump) (engine.Received, engine.Restored, error) {
	t.Helper()
	e := sqlite.New()
	m, err := e.Inspect(t.Context(), d)
	if err != nil {
		return engine.Received{}, engine.Restored{}, err
	}
	l := e.Prepare(box(t), m, engine.Options{Limits: sandbox.Limits{Disk: 1 << 30, Memory: 1 << 30}, Progress: func(engine.Progress) {}})
	if err := l.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, err := l.Receive(t.Context(), d)
	if err != nil {
		return rec, engine.Restored{}, err
	}
	res, err := l.Restore(t.Context(), rec)
	if err == nil {
		t.Cleanup(func() {
			if err := res.DB.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return rec, res, err
}
