package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"lifeboat/sandbox"
)

func testLimits(t *testing.T, f Fixture) {
	for _, tt := range []struct {
		limit, name, script string
		change              func(*sandbox.Limits)
	}{
		{"disk", "one growing file", `exec cat /dev/zero >fill`,
			func(l *sandbox.Limits) { l.Disk = 64 << 20 }},
		{"disk", "many files", `i=0; while head -c 1000000 /dev/zero >fill$i; do i=$((i+1)); done`,
			func(l *sandbox.Limits) { l.Disk = 64 << 20 }},
		{"disk", "a deleted file that is still open", `exec 3>fill; rm fill; head -c 60000000 /dev/zero >&3
			exec 4>fill; rm fill; head -c 60000000 /dev/zero >&4; sleep 600`,
			func(l *sandbox.Limits) { l.Disk = 64 << 20 }},
		{"disk", "a closed folder", `mkdir shut; cd shut; exec 3>fill; chmod 0 .; head -c 90000000 /dev/zero >&3; sleep 600`,
			func(l *sandbox.Limits) { l.Disk = 64 << 20 }},
		{"memory", "one greedy process", `head -c 900000000 /dev/zero | tail`,
			func(l *sandbox.Limits) { l.Memory = 128 << 20 }},
		{"pids", "a fork bomb", `bomb() { bomb | bomb & }; bomb; sleep 600`,
			func(l *sandbox.Limits) { l.Pids = 60 }},
	} {
		t.Run(tt.limit+" stops "+tt.name, func(t *testing.T) {
			if why, off := f.Unenforced[tt.limit]; off {
				t.Logf("not enforced here: %s", why)
				return
			}
			box := start(t, f, func(s *sandbox.Spec) { tt.change(&s.Limits) })
			ctx, cancel := sandbox.Bind(t.Context(), box)
			defer cancel()
			code, err := box.Exec(ctx, sandbox.Cmd{Args: []string{"bash", "-c", tt.script}})
			if err == nil && code == 0 {
				t.Error("the command reported success")
			}
			reason := mustStop(t, box)
			expect(t, reason, sandbox.ErrOutOfRoom)
			var limit *sandbox.LimitError
			if !errors.As(reason, &limit) || limit.Limit != tt.limit {
				t.Errorf("stopped for %v, want the %s limit", reason, tt.limit)
			}
			_, err = box.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}})
			expect(t, err, sandbox.ErrOutOfRoom)
			nothingLeft(t, f)
		})
	}
	t.Run("use is measured", func(t *testing.T) {
		box := start(t, f, nil)
		shell(t, box, `head -c 20000000 /dev/zero >file; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done`)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		eventually(ctx, t, func() (bool, string) {
			u, err := box.Usage(ctx)
			if err != nil {
				return false, err.Error()
			}
			return u.PeakDisk >= 20_000_000 && u.PeakMemory > 0 && u.CPU > 0, "use is not measured"
		})
	})
}

func testDeadline(t *testing.T, f Fixture) {
	t.Run("a sandbox ends at its deadline, and what runs in it", func(t *testing.T) {
		box := start(t, f, func(s *sandbox.Spec) { s.Deadline = time.Now().Add(4 * time.Second) })
		if !f.NoCommands {
			var out bytes.Buffer
			_, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"sleep", "600"}, Stdout: &out})
			expect(t, err, sandbox.ErrDeadline)
		}
		expect(t, mustStop(t, box), sandbox.ErrDeadline)
		_, err := box.Isolation(t.Context())
		expect(t, err, sandbox.ErrDeadline)
		nothingLeft(t, f)
	})
	switch {
	case f.NoCommands:
		t.Run("what a killed owner left is swept", func(t *testing.T) { sweptAfterKill(t, f) })
	case f.DiesWithOwner:
		t.Run("a sandbox ends with its owner that is killed", func(t *testing.T) {
			killOwner(t, owned{Spec: f.Spec})
			nothingLeft(t, f)
		})
		fallthrough
	default:
		t.Run("a sandbox whose owner was killed ends at its deadline", func(t *testing.T) { endsAfterKill(t, f) })
	}
}

// endsAfterKill kills the owner of a sandbox and waits for its deadline.
func endsAfterKill(t *testing.T, f Fixture) {
	s := f.Spec
	s.Keep = f.DiesWithOwner // it would not live to see its deadline otherwise
	s.Deadline = time.Now().Add(8 * time.Second)
	killOwner(t, owned{Spec: s})
	left, err := f.Left(t.Context(), s.Owner.Installation)
	if err != nil || (len(left) == 0 && time.Now().Before(s.Deadline)) {
		t.Errorf("left %q, %v: the sandbox went before its deadline, so this proved nothing", left, err)
	}
	nothingLeft(t, f)
}

// testEndBy brings deadlines forward that would not come while the suite runs.
func testEndBy(t *testing.T, f Fixture) {
	keep := func(s *sandbox.Spec) { s.Keep = true }
	t.Run("a kept sandbox ends at its earlier deadline", func(t *testing.T) {
		box := start(t, f, keep)
		if err := box.EndBy(t.Context(), time.Now().Add(2*time.Second)); err != nil {
			t.Fatal(err)
		}
		expect(t, mustStop(t, box), sandbox.ErrDeadline)
		nothingLeft(t, f)
		expect(t, box.EndBy(t.Context(), time.Now()), sandbox.ErrDeadline)
	})
	t.Run("a later deadline changes nothing", func(t *testing.T) {
		box := start(t, f, func(s *sandbox.Spec) { s.Keep, s.Deadline = true, time.Now().Add(4*time.Second) })
		if err := box.EndBy(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		expect(t, mustStop(t, box), sandbox.ErrDeadline)
	})
	t.Run("and so it does when its owner was killed", func(t *testing.T) {
		o := owned{Spec: f.Spec, EndBy: 8 * time.Second}
		o.Spec.Keep = true
		earliest := time.Now().Add(o.EndBy)
		killOwner(t, o)
		left, err := f.Left(t.Context(), o.Spec.Owner.Installation)
		if err != nil || (len(left) == 0 && time.Now().Before(earliest)) {
			t.Errorf("left %q, %v: the sandbox went before its deadline, so this proved nothing", left, err)
		}
		if f.NoCommands {
			sweep(t, f, time.Now(), 0)
			sweep(t, f, time.Now().Add(o.EndBy), 1)
		}
		nothingLeft(t, f)
	})
}

// sweptAfterKill kills the owner of a sandbox and has the rest removed.
func sweptAfterKill(t *testing.T, f Fixture) {
	killOwner(t, owned{Spec: f.Spec})
	sweep(t, f, time.Now(), 1)
	nothingLeft(t, f)
}

// sweep demands that so many sandboxes are due when everybody is dead.
func sweep(t *testing.T, f Fixture, now time.Time, want int) {
	t.Helper()
	swept, err := f.Runner.Sweep(t.Context(), sandbox.SweepQuery{
		Installation: f.Spec.Owner.Installation, Now: now, Alive: func(string) bool { return false },
	})
	if err != nil || len(swept) != want {
		t.Errorf("swept %q, %v; want %d", swept, err, want)
	}
}
