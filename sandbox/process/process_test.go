//go:build linux

package process

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
	"lifeboat/sandbox/sandboxtest"
)

// parentEnv tells a test binary started again where its sandboxes lie.
const parentEnv = "LIFEBOAT_TEST_PROCESS_DIR"

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) == "" { // else this is a test binary started again
		if err := os.Setenv(parentEnv, filepath.Join(os.TempDir(), "lifeboat-test-"+rand.Text())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	sandboxtest.Main(m, func(context.Context) (sandbox.Runner, error) { return New(config()) })
}

// postgresBin is where Debian installs the server that these tests need.
const postgresBin = "/usr/lib/postgresql/15/bin"

func config() Config { return Config{Dir: os.Getenv(parentEnv)} }

// runner returns a runner; this machine must be able to isolate.
func runner(t testing.TB) *Runner {
	t.Helper()
	r, err := New(config())
	if err != nil {
		t.Log(err)
	}
	testkit.Need(t, "kernel with namespaces", err == nil)
	t.Cleanup(func() { _ = os.Remove(config().Dir) }) // stays as long as a sandbox is in it
	_, err = os.Stat(postgresBin)
	testkit.Need(t, "PostgreSQL 15 on this machine", err == nil)
	return r
}

func spec() sandbox.Spec {
	return sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "test-" + rand.Text(), Instance: "this", Drill: "drill", Target: "target"},
		Limits:   sandbox.Limits{CPUs: 2, Memory: 512 << 20, Disk: 1 << 30, Pids: 200},
		Deadline: time.Now().Add(time.Hour),
		Server:   "postgres",
		Version:  15,
	}
}

// left names the directories of an installation and whatever still runs of it.
func left(_ context.Context, installation string) ([]string, error) {
	dirs, err := workdir.List(config().Dir, name)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, d := range dirs {
		if d.Label.Owner.Installation == installation {
			all = append(all, "directory "+d.Path)
		}
	}
	orphans, err := orphans()
	return append(all, orphans...), err
}

// orphans names processes that belong to a sandbox whose directory is gone.
func orphans() ([]string, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		for arg := range strings.SplitSeq(string(text), "\x00") {
			if filepath.Dir(arg) != config().Dir {
				continue
			}
			if _, err := os.Stat(arg); os.IsNotExist(err) {
				all = append(all, filepath.Dir(path)+" of "+arg)
			}
		}
	}
	return all, nil
}

func TestProcessKeepsTheContractOfARunner(t *testing.T) {
	sandboxtest.Run(t, func(t testing.TB) sandboxtest.Fixture {
		return sandboxtest.Fixture{Runner: runner(t), Spec: spec(), Left: left, Postgres: postgresBin, DiesWithOwner: true}
	})
}
