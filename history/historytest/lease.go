package historytest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// shortLease runs out while a test waits, and not while it does one thing.
const shortLease = 200 * time.Millisecond

var leasePromises = []promise{
	{"a second drill of a target is refused with the id of the first", refused},
	{"of many beginning at once one wins", beginRace},
	{"of many claiming one drill at once one wins", claimRace},
	{"of many claiming drills of one target at once one wins", claimTargetRace},
	{"a drill that is over cannot be claimed", claimOver},
	{"a lease that is kept alive does not end", keptAlive},
	{"a lease that ran out is lost", ranOut},
	{"only the holder of a lease can do something with it", staleToken},
	{"a lease that ran out, and that nobody took, can still finish", lateFinish},
	{"a drill that is given back waits and can be claimed again", givenBack},
}

func refused(t *testing.T, s history.Store) {
	first := begin(t, s, Drill("d1", "orders", 0))
	enqueue(t, s, Drill("d2", "orders", 1))
	_, errBegin := s.Begin(t.Context(), Drill("d3", "orders", 1), "host/2", lease, minute(1))
	_, errClaim := s.Claim(t.Context(), "d2", "host/2", lease, minute(1))
	for what, err := range map[string]error{"Begin": errBegin, "Claim": errClaim} {
		var running *history.RunningError
		if !errors.As(err, &running) {
			t.Errorf("%s beside a running drill = %v, want a *RunningError", what, err)
		} else if running.Drill != "d1" || running.Target != "orders" || !running.Since.Equal(first.Started) {
			t.Errorf("%s was refused with %+v, want the first drill", what, running)
		}
	}
	wantState(t, s, "d2", history.Queued)
	if _, err := s.Entry(t.Context(), "d3"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Entry of the refused drill = %v, want nothing recorded", err)
	}
	begin(t, s, Drill("d4", "customers", 1)) // another target is free
	finish(t, s, first, Report(first.Drill, verify.Passed))
	claim(t, s, "d2", minute(2)) // and so is this one, now
}

// race calls do many times at once and returns its errors.
func race(many int, do func(i int) error) []error {
	var wg sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errs
}

// wantOneWinner holds that one of errs is nil and all others are refusals.
func wantOneWinner(t *testing.T, errs []error, refusal func(error) bool) {
	t.Helper()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !refusal(err):
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d won, want 1", won)
	}
}

func isRunning(err error) bool {
	var running *history.RunningError
	return errors.As(err, &running)
}

func isTaken(err error) bool { return errors.Is(err, history.ErrTaken) }

func beginRace(t *testing.T, s history.Store) {
	wantOneWinner(t, race(8, func(i int) error {
		_, err := s.Begin(t.Context(), Drill(fmt.Sprintf("d%d", i), "orders", i), fmt.Sprintf("host/%d", i), lease, minute(i))
		return err
	}), isRunning)
}

func claimRace(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	wantOneWinner(t, race(8, func(i int) error {
		_, err := s.Claim(t.Context(), "d1", fmt.Sprintf("host/%d", i), lease, minute(i))
		return err
	}), isTaken)
	wantState(t, s, "d1", history.Running)
}

func claimTargetRace(t *testing.T, s history.Store) {
	const many = 8
	for i := range many {
		enqueue(t, s, scheduled(fmt.Sprintf("d%d", i), "orders", i))
	}
	wantOneWinner(t, race(many, func(i int) error {
		_, err := s.Claim(t.Context(), fmt.Sprintf("d%d", i), fmt.Sprintf("host/%d", i), lease, minute(i))
		return err
	}), isRunning)
	if n, err := s.Count(t.Context(), history.Running); err != nil || n != 1 {
		t.Errorf("%d drills run, %v; want 1", n, err)
	}
}

func claimOver(t *testing.T, s history.Store) {
	drilled(t, s, Drill("finished", "orders", 0), verify.Passed)
	begin(t, s, Drill("interrupted", "orders", 1))
	reap(t, s, minute(2), nothingFollows)
	enqueue(t, s, Drill("cancelled", "orders", 3))
	if _, err := s.Cancel(t.Context(), "cancelled", "ann", minute(4)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"finished", "interrupted", "cancelled"} {
		if _, err := s.Claim(t.Context(), id, "host/1", lease, minute(5)); !errors.Is(err, history.ErrOver) {
			t.Errorf("Claim of a drill that is %s = %v, want ErrOver", id, err)
		}
	}
}

func keptAlive(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	const short = 10 * shortLease
	l, err := s.Claim(t.Context(), "d1", "host/1", short, noon)
	if err != nil {
		t.Fatal(err)
	}
	// Twice as long as the lease in all; the process beats far more often than it must.
	over := time.After(2 * short)
	tick := time.NewTicker(shortLease / 4)
	defer tick.Stop()
	for alive := true; alive; {
		select {
		case <-tick.C:
			if by, err := s.Beat(t.Context(), l, short, history.Progress{}); err != nil || by != "" {
				t.Fatalf("Beat = %q, %v", by, err)
			}
			if got, err := s.Reap(t.Context(), nil, noon, nothingFollows); err != nil || len(got) > 0 {
				t.Fatalf("Reap = %v, %v; want nothing, it lives", ids(got), err)
			}
		case <-over:
			alive = false
		}
	}
	finish(t, s, l, Report(l.Drill, verify.Passed))
}

// expire lets a lease run out. It takes the lease's own beat to shorten it.
func expire(ctx context.Context, t failer, s history.Store, l history.Lease) {
	t.Helper()
	eventually(t, "the lease of "+l.Drill.ID+" runs out", func() bool {
		_, err := s.Beat(ctx, l, time.Millisecond, history.Progress{})
		if err != nil && !errors.Is(err, history.ErrLeaseLost) {
			t.Fatalf("Beat = %v, want ErrLeaseLost in the end", err)
		}
		return err != nil
	})
}

func ranOut(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	l, err := s.Claim(t.Context(), "d1", "host/1", shortLease, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Reap(t.Context(), nil, noon, nothingFollows); err != nil {
		t.Fatal(err)
	} else if len(got) == 0 { // the machine was not too slow for this
		expire(t.Context(), t, s, l)
	}
	if _, err := s.Beat(t.Context(), l, lease, history.Progress{}); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Beat after the lease ran out = %v, want ErrLeaseLost", err)
	}
	if err := s.GiveBack(t.Context(), l, "no room", noon, noon); err == nil {
		wantState(t, s, "d1", history.Queued) // nobody had taken it
	} else if !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("GiveBack after the lease ran out = %v, want it done or ErrLeaseLost", err)
	}
}

func staleToken(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	old := claim(t, s, "d1", minute(0))
	if err := s.GiveBack(t.Context(), old, "no room", minute(1), minute(1)); err != nil {
		t.Fatal(err)
	}
	now, err := s.Claim(t.Context(), "d1", "host/1", lease, minute(2)) // the same owner
	if err != nil {
		t.Fatal(err)
	}
	if now.Token <= old.Token {
		t.Errorf("the second lease has the token %d, want one above %d", now.Token, old.Token)
	}
	if _, err := s.Beat(t.Context(), old, lease, history.Progress{At: minute(3)}); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Beat with an old token = %v, want ErrLeaseLost", err)
	}
	if err := s.GiveBack(t.Context(), old, "no room", minute(4), minute(3)); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("GiveBack with an old token = %v, want ErrLeaseLost", err)
	}
	called := 0
	then := func(st notify.State) history.Effects { called++; return loud(st, "a1") }
	if err := s.Finish(t.Context(), old, Report(old.Drill, verify.Passed), then); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Finish with an old token = %v, want ErrLeaseLost", err)
	}
	if e := wantState(t, s, "d1", history.Running); !e.Progress.At.IsZero() || e.Verdict != verify.Unknown {
		t.Errorf("an old lease left %+v", e)
	}
	wantNoAlert(t, s, "a1")
	finish(t, s, now, Report(now.Drill, verify.Failed))
	for what, err := range map[string]error{
		"Beat":     func() error { _, err := s.Beat(t.Context(), now, lease, history.Progress{}); return err }(),
		"GiveBack": s.GiveBack(t.Context(), now, "no room", minute(9), minute(9)),
	} {
		if !errors.Is(err, history.ErrLeaseLost) {
			t.Errorf("%s of a finished drill = %v, want ErrLeaseLost", what, err)
		}
	}
}

func lateFinish(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	expire(t.Context(), t, s, l)
	finish(t, s, l, Report(d, verify.Failed))
	if e := wantState(t, s, "d1", history.Finished); e.Verdict != verify.Failed {
		t.Errorf("it ended %s, want failed", e.Verdict)
	}
	if got, err := s.Reap(t.Context(), nil, minute(5), nothingFollows); err != nil || len(got) > 0 {
		t.Errorf("Reap = %v, %v; want nothing", ids(got), err)
	}
}

func givenBack(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	enqueue(t, s, d)
	l := claim(t, s, "d1", minute(0))
	if _, err := s.Beat(t.Context(), l, lease, history.Progress{At: minute(1)}); err != nil {
		t.Fatal(err)
	}
	if err := s.GiveBack(t.Context(), l, "needs 40 GiB, 12 GiB free", minute(9), minute(2)); err != nil {
		t.Fatal(err)
	}
	list, err := s.Waiting(t.Context(), 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("Waiting = %v, %v; want the drill", ids(list), err)
	}
	want := history.Entry{Drill: d, State: history.Queued, Why: "needs 40 GiB, 12 GiB free", WaitsSince: minute(2)}
	want.NotBefore = minute(9)
	if !reflect.DeepEqual(list[0], want) {
		t.Errorf("the drill waits as\n%+v\nwant\n%+v", list[0], want)
	}
	if began, err := s.List(t.Context(), history.Filter{Limit: 10}); err != nil || len(began) != 0 {
		t.Errorf("List = %v, %v; want no drill that began", ids(began), err)
	}
	begin(t, s, Drill("d2", "orders", 3)) // its target is free meanwhile
	if n := slices.Index(waiting(t, s), "d1"); n != 0 {
		t.Errorf("the drill is not the first that waits")
	}
}
