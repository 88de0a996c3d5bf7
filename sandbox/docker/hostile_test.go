package docker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

// attack runs a script inside as the sandbox's user, without waiting for it.
func attack(t *testing.T, box *Box, script string) {
	t.Helper()
	made, err := box.run.cli.ExecCreate(t.Context(), box.id, client.ExecCreateOptions{
		User: box.spec.User, Cmd: []string{"bash", "-c", script}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.run.cli.ExecStart(t.Context(), made.ID, client.ExecStartOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
}

func TestNothingInsideCanEndTheDeadlineOrTheGuard(t *testing.T) {
	box := begin(t, open(t), spec())
	var out strings.Builder
	_, err := box.Exec(t.Context(), sandbox.Cmd{Stdout: &out, Args: []string{"bash", "-c", `
		for signal in KILL STOP TERM; do kill -$signal 1 2>/dev/null && echo "$signal reached the deadline"; done
		for p in /proc/[0-9]*; do
			read -r line <"$p/status"
			[ "$(stat -c %u "$p")" = 0 ] && kill -KILL "${p#/proc/}" 2>/dev/null && echo "$line was killed"
		done
		kill -KILL -1`}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Error(out.String())
	}
	// The meter was killed with all else of the user's. It comes back.
	box.settle(t.Context())
	if err := box.Err(); err != nil {
		t.Errorf("stopped: %v", err)
	}
	if iso, err := box.Isolation(t.Context()); err != nil || !iso.Isolated {
		t.Errorf("Isolation() = %+v, %v", iso, err)
	}
}

// Every connection leaves orphans behind; unburied they would use up the limit.
func TestOrphansDoNotCountForEver(t *testing.T) {
	s := spec()
	s.Limits.Pids = 40
	box := begin(t, open(t), s)
	for range 4 {
		if code, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"bash", "-c",
			`for i in {1..20}; do (true & exec true); done`}}); err != nil || code != 0 {
			t.Fatalf("exit %d, %v", code, err)
		}
	}
	var out strings.Builder
	if _, err := box.Exec(t.Context(), sandbox.Cmd{Stdout: &out, Args: []string{"bash", "-c",
		`for i in {1..100}; do grep -q '^State:.Z' /proc/[0-9]*/status || exit 0; sleep 0.1; done
		grep -l '^State:.Z' /proc/[0-9]*/status`}}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("dead and not buried: %s", out.String())
	}
}

// Halting what the daemon is about to start makes it refuse every order for that
// container, so this also proves that the sandbox can be ended without it.
func TestASandboxThatCannotBeWatchedIsStopped(t *testing.T) {
	r := open(t)
	for _, signal := range []string{"KILL", "STOP"} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			box := begin(t, r, spec())
			attack(t, box, `while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ "$p" = $$ ] || kill -`+signal+` "$p" 2>/dev/null; done; done`)
			stops(t, box, sandbox.ErrGone)
			if err := box.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if left, err := r.left(t.Context(), box.spec.Owner.Installation); err != nil || len(left) > 0 {
				t.Errorf("left %q, %v", left, err)
			}
		})
	}
}

func TestASandboxRemovedBySomebodyElseIsGone(t *testing.T) {
	r := open(t)
	box := begin(t, r, spec())
	attack(t, box, "sleep 600")
	if err := r.remove(t.Context(), box.id); err != nil {
		t.Fatal(err)
	}
	stops(t, box, sandbox.ErrGone)
	_, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}})
	expect(t, err, sandbox.ErrGone)
	_, err = box.Dial(t.Context(), sandbox.Endpoint{Port: 5432})
	expect(t, err, sandbox.ErrGone)
	_, err = box.Usage(t.Context())
	expect(t, err, sandbox.ErrGone)
}

// A container that was created and never started has no deadline of its own.
func TestSweepTakesWhatWasNeverStarted(t *testing.T) {
	r, s := open(t), spec()
	if _, err := r.cli.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Image: testImage, Config: &container.Config{Labels: labels(s), Cmd: []string{"true"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.cli.VolumeCreate(t.Context(), client.VolumeCreateOptions{Labels: labels(s)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sweep(t.Context(), sandbox.SweepQuery{Installation: s.Owner.Installation,
		Now: time.Now(), Alive: func(string) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	if left, _ := r.left(t.Context(), s.Owner.Installation); len(left) != 2 {
		t.Errorf("left %q, want container and volume of a living instance", left)
	}
	if _, err := r.Sweep(t.Context(), sandbox.SweepQuery{Installation: s.Owner.Installation,
		Now: time.Now(), Alive: func(string) bool { return false }}); err != nil {
		t.Fatal(err)
	}
	if left, _ := r.left(t.Context(), s.Owner.Installation); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// stops waits until box stopped by itself, for a reason of a kind.
func stops(t *testing.T, box *Box, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("it did not stop by itself"))
	defer cancel()
	select {
	case <-box.Stopped():
		expect(t, box.Err(), want)
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
}
