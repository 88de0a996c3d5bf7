// Package sandboxtest is what every runner of sandboxes must pass: commands, pipes,
// isolation, limits, deadlines and cleaning up, tried on the real thing. It mocks
// nothing and knows no runner by name.
package sandboxtest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"lifeboat/sandbox"
)

// patience is how long something that must happen may take before the suite says it
// does not happen at all.
const patience = time.Minute

// Fixture is a runner and what the suite must know about it.
type Fixture struct {
	Runner sandbox.Runner
	// Spec is one the runner accepts, with an installation of its own, at least
	// 512 MiB of memory, 1 GiB of disk, 150 processes and an hour's time. Each test
	// changes what it needs to.
	Spec sandbox.Spec
	// Left names everything that still exists of an installation: containers,
	// volumes, processes, directories.
	Left func(ctx context.Context, installation string) ([]string, error)
	// Postgres is the folder inside that holds initdb, pg_ctl and psql.
	Postgres string
	// Unenforced says why a limit ("memory", "disk", "pids") cannot be enforced
	// here; the suite then demands nothing of it.
	Unenforced map[string]string
	// DiesWithOwner is true when a sandbox that is not to be kept ends at once with
	// the process that started it, and not only at its deadline.
	DiesWithOwner bool
	// NoCommands is true when the runner runs no commands and holds no server; its
	// sandboxes end with their owner, and what they leave is for Sweep.
	NoCommands bool
}

// Run puts one runner through the suite. open is called once for each group of tests
// and uses a new installation each time; the test that calls Run must come with a
// TestMain that calls Main.
func Run(t *testing.T, open func(t testing.TB) Fixture) {
	for _, group := range []struct {
		name     string
		run      func(t *testing.T, f Fixture)
		commands bool // it is about commands
	}{
		{"start", testStart, false},
		{"exec", testExec, true},
		{"dial", testDial, true},
		{"isolation", testIsolation, false},
		{"limits", testLimits, true},
		{"deadline", testDeadline, false},
		{"end by", testEndBy, false},
		{"close", testClose, false},
		{"sweep", testSweep, false},
	} {
		t.Run(group.name, func(t *testing.T) {
			f := open(t)
			if f.NoCommands && group.commands {
				return
			}
			t.Cleanup(func() { nothingLeft(t, f) })
			group.run(t, f)
		})
	}
}

// start starts a sandbox that is closed with the test.
func start(t testing.TB, f Fixture, change func(*sandbox.Spec)) sandbox.Sandbox {
	t.Helper()
	s := f.Spec
	if change != nil {
		change(&s)
	}
	box, err := f.Runner.Start(t.Context(), s)
	if err != nil {
		t.Fatalf("start sandbox: %v", err)
	}
	t.Cleanup(func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
	})
	return box
}

// shell runs a script inside and returns what it printed and its exit code.
func shell(t testing.TB, box sandbox.Sandbox, script string, args ...string) (string, int) {
	t.Helper()
	var out, complaint bytes.Buffer
	code, err := box.Exec(t.Context(), sandbox.Cmd{
		Args: append([]string{"sh", "-c", script, "sh"}, args...), Stdout: &out, Stderr: &complaint,
	})
	if err != nil {
		t.Fatalf("exec: %v (stderr: %s)", err, complaint.String())
	}
	if code != 0 {
		t.Logf("exit code %d, stderr: %s", code, complaint.String())
	}
	return strings.TrimSpace(out.String()), code
}

// mustStop waits until a sandbox stopped by itself and returns why.
func mustStop(t testing.TB, box sandbox.Sandbox) error {
	t.Helper()
	select {
	case <-box.Stopped():
		return box.Err()
	case <-time.After(patience):
		t.Fatal("the sandbox did not stop by itself")
		return nil
	}
}

// nothingLeft waits until nothing of the fixture's installation exists any more.
func nothingLeft(t testing.TB, f Fixture) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	eventually(ctx, t, func() (bool, string) {
		left, err := f.Left(ctx, f.Spec.Owner.Installation)
		if err != nil {
			return false, err.Error()
		}
		return len(left) == 0, "left behind: " + strings.Join(left, ", ")
	})
}

// eventually asks until the answer is yes, and fails with the last reason for no.
func eventually(ctx context.Context, t testing.TB, ask func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, why := ask()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Error(why)
			return
		}
	}
}
