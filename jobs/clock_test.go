package jobs

import (
	"context"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/sandbox"
)

func TestAClockThatWasFarAheadKeepsNoTargetFromBeingDrilled(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	target.Schedule, target.Spec = everyHours(24), "daily"
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	const ahead = 3 * 365 * 24 * time.Hour
	w.forward(ahead)
	w.until("fired and watched by the wrong clock", func() bool {
		awake, err := r.Store.Moment(t.Context(), momentAwake)
		st, missed := r.Store.Standing(t.Context(), "orders")
		return err == nil && missed == nil && w.now().Sub(awake) < time.Hour && st.Next.After(w.now())
	})
	w.forward(catchUpSpread)
	w.until("drilled by the wrong clock", func() bool { return words(r.ended("orders")) == "catch-up passed" })
	w.forward(-ahead)
	w.until("taken back", func() bool {
		st, err := r.Store.Standing(t.Context(), "orders")
		return err == nil && st.Next.Sub(w.now()) <= 24*time.Hour
	})
	for range 2 { // the first occurrence was caught up by the wrong clock
		next := target.Schedule.Next(w.now())
		w.forward(next.Sub(w.now()) + time.Second)
		w.until("fired", func() bool {
			st, err := r.Store.Standing(t.Context(), "orders")
			return err == nil && st.Next.After(next)
		})
	}
	w.until("drilled by the right clock", func() bool { return len(r.ended("orders")) == 2 })
	st, err := r.Store.Standing(t.Context(), "orders")
	if err != nil || st.VerdictAt.After(w.now()) {
		t.Errorf("its last verdict is of %s, %v; want one of now: nothing would be overdue until then", st.VerdictAt, err)
	}
}

func TestADrillOfATargetThatAnotherProcessKnowsIsLeftToIt(t *testing.T) {
	w := newWorld(t)
	known, added := w.target("orders", 10), w.target("added", 10)
	w.backup("added", 50)
	old := w.run(w.setup(known), "old")
	store := w.open()
	defer store.Close()
	id := history.Drill{ID: "d-added", Target: "added", Trigger: history.Manual, Priority: history.PriorityManual, Asked: w.now(), Attempt: 1}
	if err := store.Plan(t.Context(), []history.Plan{known.plan(w.now()), added.plan(w.now())}, w.now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Enqueue(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if again := old.work(t.Context(), id.ID); again <= 0 {
		t.Error("the drill is not offered again")
	}
	if e, err := store.Entry(t.Context(), id.ID); err != nil || e.State != history.Queued {
		t.Errorf("the drill is %+v, %v; want it waiting for a process that knows its target", e, err)
	}
	if err := store.Plan(t.Context(), []history.Plan{known.plan(w.now())}, w.now()); err != nil {
		t.Fatal(err)
	}
	if again := old.work(t.Context(), id.ID); again != 0 {
		t.Errorf("a drill of a target that nobody has is offered again after %s", again)
	}
	if e, err := store.Entry(t.Context(), id.ID); err != nil || e.State != history.Cancelled {
		t.Errorf("the drill is %+v, %v; want it called off", e, err)
	}
}

// crowded is a runner beside which another process begins while it is swept.
type crowded struct {
	sandbox.Runner
	listed func() // called once the sandboxes are listed
	spared bool
}

func (c *crowded) Sweep(_ context.Context, q sandbox.SweepQuery) ([]string, error) {
	c.listed()
	c.spared = q.Alive("other")
	return nil, nil
}

func TestASandboxThatIsMadeDuringASweepIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.backup("orders", 50)
	r := w.run(w.setup(w.target("orders", 10)), "one")
	begun := func() {
		d := history.Drill{ID: "theirs", Target: "orders", Trigger: history.Manual, Priority: 1, Asked: w.now(), Attempt: 1}
		if _, err := r.Store.Begin(t.Context(), d, "other", time.Minute, w.now()); err != nil {
			t.Error(err)
		}
	}
	there := &crowded{Runner: r.Pipeline.Local, listed: begun}
	p := &Pipeline{Local: there, History: r.Store, Instance: "one", Shared: true, Now: w.now, Log: r.Log, Alive: func(string) bool { return false }}
	p.sweep(t.Context())
	if !there.spared {
		t.Error("the sandbox of a drill that began meanwhile counts as one of the dead")
	}
}
