package historytest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var cancelPromises = []promise{
	{"a queued drill is cancelled at once", cancelQueued},
	{"a running drill is told at its next beat", cancelRunning},
	{"a drill that is over cannot be cancelled", cancelOver},
	{"a drill that was called off and given back is over", cancelGivenBack},
	{"a drill that is called off and claimed at once is one or the other", cancelRace},
}

var reapPromises = []promise{
	{"the drills of a dead process are interrupted", deadOwner},
	{"a drill whose lease ran out is interrupted", deadLease},
	{"a drill that died is taken over in the same transaction", takenOver},
	{"of many reaping at once each drill is reaped by one", reapRace},
	{"a drill that ends and is reaped at once is one or the other", finishReapRace},
	{"a drill that died is not reaped without what follows from it", reapAllOrNothing},
}

func cancelQueued(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	if was, err := s.Cancel(t.Context(), "d1", "ann", minute(1)); err != nil || was != history.Queued {
		t.Errorf("Cancel = %s, %v; want it found queued", was, err)
	}
	if e := wantState(t, s, "d1", history.Cancelled); !e.Started.IsZero() || e.Verdict != verify.Unknown {
		t.Errorf("the cancelled drill is %+v, want one that never began", e)
	}
	if left := waiting(t, s); len(left) > 0 {
		t.Errorf("%v wait, want none", left)
	}
	enqueue(t, s, Drill("d2", "orders", 2)) // it can be asked for anew
}

func cancelRunning(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	if was, err := s.Cancel(t.Context(), "d1", "ann", minute(1)); err != nil || was != history.Running {
		t.Errorf("Cancel = %s, %v; want it found running", was, err)
	}
	if e := wantState(t, s, "d1", history.Running); e.CancelBy != "ann" {
		t.Errorf("it was called off by %q, want ann", e.CancelBy)
	}
	for range 2 {
		if by, err := s.Beat(t.Context(), l, lease, history.Progress{}); err != nil || by != "ann" {
			t.Errorf("Beat = %q, %v; want ann", by, err)
		}
	}
	finish(t, s, l, Report(d, verify.Errored))
	wantState(t, s, "d1", history.Finished)
}

func cancelOver(t *testing.T, s history.Store) {
	drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	enqueue(t, s, Drill("d2", "orders", 1))
	for want, id := range map[error]string{nil: "d2", history.ErrOver: "d1"} {
		if _, err := s.Cancel(t.Context(), id, "ann", minute(2)); !errors.Is(err, want) {
			t.Errorf("Cancel(%s) = %v, want %v", id, err, want)
		}
	}
	if _, err := s.Cancel(t.Context(), "d2", "bob", minute(3)); !errors.Is(err, history.ErrOver) {
		t.Errorf("Cancel of a cancelled drill = %v, want ErrOver", err)
	}
	wantState(t, s, "d1", history.Finished)
}

func cancelGivenBack(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	l := claim(t, s, "d1", minute(0))
	if _, err := s.Cancel(t.Context(), "d1", "ann", minute(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.GiveBack(t.Context(), l, "no room", minute(5), minute(2)); err != nil {
		t.Fatal(err)
	}
	wantState(t, s, "d1", history.Cancelled)
}

func cancelRace(t *testing.T, s history.Store) {
	for i := range 10 {
		id := fmt.Sprintf("d%d", i)
		enqueue(t, s, Drill(id, id, 0))
		var was history.State
		errs := race(2, func(side int) (err error) {
			if side == 0 {
				was, err = s.Cancel(t.Context(), id, "ann", minute(1))
				return err
			}
			_, err = s.Claim(t.Context(), id, "host/1", lease, minute(1))
			return err
		})
		switch e := entry(t, s, id); {
		case errs[0] != nil:
			t.Errorf("Cancel: %v", errs[0])
		case was == history.Queued && errors.Is(errs[1], history.ErrOver) && e.State == history.Cancelled:
		case was == history.Running && errs[1] == nil && e.State == history.Running && e.CancelBy == "ann":
		default:
			t.Errorf("Cancel found it %s, Claim = %v, and it is %s", was, errs[1], e.State)
		}
	}
}

// nothingFollows leaves a reaped drill's target as it was.
func nothingFollows(_ history.Entry, _ verify.Report, st notify.State) history.Effects {
	return history.Effects{State: st}
}

type aftermath = func(history.Entry, verify.Report, notify.State) history.Effects

// reap interrupts all that runs, as if every process had died.
func reap(t *testing.T, s history.Store, now time.Time, then aftermath) []history.Entry {
	t.Helper()
	got, err := s.Reap(t.Context(), func(string) bool { return true }, now, then)
	if err != nil {
		t.Fatalf("Reap: %v", err)
	}
	return got
}

func deadOwner(t *testing.T, s history.Store) {
	dead, living := Drill("d1", "orders", 0), Drill("d2", "customers", 1)
	lost := begin(t, s, dead) // by host/1
	if _, err := s.Begin(t.Context(), living, "host/2", lease, minute(1)); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Hour)
	isDead := func(owner string) bool { return owner == "host/1" }
	got, err := s.Reap(t.Context(), isDead, now, nothingFollows)
	if err != nil || !slices.Equal(ids(got), []string{"d1"}) {
		t.Fatalf("Reap = %v, %v; want d1", ids(got), err)
	}
	r, err := s.Get(t.Context(), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != verify.Errored || r.Error == "" || !r.Finished.Equal(now) || !r.Started.Equal(noon) || r.Target != "orders" {
		t.Errorf("report of the interrupted drill is %+v", r)
	}
	if len(r.Results) != 1 || r.Results[0].Code != verify.Interrupted {
		t.Errorf("results are %+v, want one with the code %s", r.Results, verify.Interrupted)
	}
	if e := wantState(t, s, "d1", history.Interrupted); e.Verdict != verify.Errored || !e.Finished.Equal(now) || e.Summary != verify.Summary(r) {
		t.Errorf("the interrupted drill is %+v", e)
	}
	wantState(t, s, "d2", history.Running)
	if err := s.Finish(t.Context(), lost, Report(dead, verify.Passed), unmoved); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Finish of an interrupted drill = %v, want ErrLeaseLost", err)
	}
	if again, err := s.Reap(t.Context(), isDead, now, nothingFollows); err != nil || len(again) != 0 {
		t.Errorf("second Reap = %v, %v; want nothing", ids(again), err)
	}
	begin(t, s, Drill("d3", "orders", 5)) // the target is free again
}

func deadLease(t *testing.T, s history.Store) {
	lost, kept := begin(t, s, Drill("d1", "orders", 0)), begin(t, s, Drill("d2", "customers", 0))
	expire(t.Context(), t, s, lost)
	living := func(string) bool { return false }
	got, err := s.Reap(t.Context(), living, minute(1), nothingFollows)
	if err != nil || !slices.Equal(ids(got), []string{"d1"}) {
		t.Fatalf("Reap = %v, %v; want d1", ids(got), err)
	}
	if _, err := s.Beat(t.Context(), lost, lease, history.Progress{}); !errors.Is(err, history.ErrLeaseLost) {
		t.Errorf("Beat of a reaped drill = %v, want ErrLeaseLost", err)
	}
	finish(t, s, kept, Report(kept.Drill, verify.Passed))
}

func takenOver(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	first := scheduled("d1", "orders", 0)
	before := Drill("d0", "orders", -5)
	err := s.Finish(t.Context(), begin(t, s, before), Report(before, verify.Failed),
		func(notify.State) history.Effects { return history.Effects{State: told(1)} })
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, s, first)
	claim(t, s, "d1", minute(0))
	if _, err := s.Cancel(t.Context(), "d1", "ann", minute(1)); err != nil {
		t.Fatal(err)
	}
	reap(t, s, minute(2), func(e history.Entry, r verify.Report, st notify.State) history.Effects {
		if e.ID != "d1" || e.Trigger != history.Scheduled || e.Attempt != 1 || e.Owner != "host/1" || e.CancelBy != "ann" {
			t.Errorf("the drill that died is %+v", e)
		}
		if r.Drill != "d1" || r.Verdict != verify.Errored {
			t.Errorf("its report is %+v", r)
		}
		if st.Numbered != 1 {
			t.Errorf("the state is %+v, want the one the drill before left", st)
		}
		f := loud(told(2), "a1")
		f.Drills = []history.Drill{followUp("d2", e.Drill)}
		return f
	})
	if e := wantState(t, s, "d2", history.Queued); e.Follows != "d1" || e.Attempt != 2 || e.Trigger != history.TakeOver {
		t.Errorf("the take-over is %+v", e)
	}
	if st := standing(t, s, "orders"); st.Alerts.Numbered != 2 || st.Running != "" || st.Queued != 1 || st.Last.ID != "d1" {
		t.Errorf("the target stands %+v", st)
	}
	if _, err := s.Alert(t.Context(), "a1"); err != nil {
		t.Errorf("Alert = %v", err)
	}
	claim(t, s, "d2", minute(3))
}

func reapRace(t *testing.T, s history.Store) {
	const many = 5
	for i := range many {
		begin(t, s, Drill(fmt.Sprintf("d%d", i), fmt.Sprintf("target-%d", i), i))
	}
	var mu sync.Mutex
	reaped := make(map[string]int)
	errs := race(4, func(i int) error {
		got, err := s.Reap(t.Context(), func(string) bool { return true }, minute(9),
			func(e history.Entry, _ verify.Report, st notify.State) history.Effects {
				next := followUp(fmt.Sprintf("%s-by-%d", e.ID, i), e.Drill)
				return history.Effects{State: st, Drills: []history.Drill{next}}
			})
		mu.Lock()
		defer mu.Unlock()
		for _, e := range got {
			reaped[e.ID]++
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Errorf("Reap: %v", err)
	}
	for i := range many {
		if id := fmt.Sprintf("d%d", i); reaped[id] != 1 {
			t.Errorf("%s was reaped %d times, want once", id, reaped[id])
		}
	}
	if left := waiting(t, s); len(left) != many {
		t.Errorf("%v wait, want one take-over for each of %d", left, many)
	}
}

func finishReapRace(t *testing.T, s history.Store) {
	for i := range 5 {
		d := Drill(fmt.Sprintf("d%d", i), "orders", i)
		l := begin(t, s, d)
		expire(t.Context(), t, s, l)
		var reaped []history.Entry
		errs := race(2, func(side int) (err error) {
			if side == 0 {
				return s.Finish(t.Context(), l, Report(d, verify.Passed), unmoved)
			}
			reaped, err = s.Reap(t.Context(), nil, minute(i+1), nothingFollows)
			return err
		})
		switch e := entry(t, s, d.ID); {
		case errs[1] != nil:
			t.Errorf("Reap: %v", errs[1])
		case errs[0] == nil && len(reaped) == 0 && e.State == history.Finished:
		case errors.Is(errs[0], history.ErrLeaseLost) && len(reaped) == 1 && e.State == history.Interrupted:
		default:
			t.Errorf("Finish = %v, Reap = %v, and it is %s", errs[0], ids(reaped), e.State)
		}
	}
}

func reapAllOrNothing(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("used", "customers", 0))
	d := Drill("d1", "orders", 0)
	begin(t, s, d)
	all := func(string) bool { return true }
	_, err := s.Reap(t.Context(), all, minute(1), func(history.Entry, verify.Report, notify.State) history.Effects {
		e := loud(notify.State{}, "a1")
		e.Drills = []history.Drill{followUp("used", d)}
		return e
	})
	if err == nil {
		t.Error("Reap stored a take-over with a used id")
	}
	wantState(t, s, "d1", history.Running)
	wantNoAlert(t, s, "a1")
	if got := reap(t, s, minute(2), nothingFollows); !slices.Equal(ids(got), []string{"d1"}) {
		t.Errorf("the next Reap = %v, want d1", ids(got))
	}
}
