package historytest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

var queuePromises = []promise{
	{"an occurrence of a schedule is queued once", occurrenceOnce},
	{"a new backup is queued once", appearedOnce},
	{"a manual drill that waits is not asked for twice", manualOnce},
	{"of many asking for one drill at once one is heard", askRace},
	{"an id is used once", usedOnce},
	{"what waits is up by priority, then time, then id", upNext},
	{"a drill says why it waits, and since when", whyItWaits},
}

// again asks for d, which is there already.
func again(t *testing.T, s history.Store, d history.Drill) (id string) {
	t.Helper()
	id, fresh, err := s.Enqueue(t.Context(), d)
	if err != nil || fresh {
		t.Errorf("Enqueue(%s) = %q, %t, %v; want it refused as known", d.ID, id, fresh, err)
	}
	if _, err := s.Entry(t.Context(), d.ID); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Entry(%s) = %v, want nothing recorded", d.ID, err)
	}
	return id
}

func occurrenceOnce(t *testing.T, s history.Store) {
	d := scheduled("d1", "orders", 0)
	enqueue(t, s, d)
	d.ID = "d2"
	again(t, s, d)
	finish(t, s, claim(t, s, "d1", minute(0)), Report(scheduled("d1", "orders", 0), verify.Passed))
	again(t, s, d) // also when it is long over
	enqueue(t, s, scheduled("d3", "customers", 0), scheduled("d4", "orders", 1))
	if got, want := waiting(t, s), []string{"d3", "d4"}; !slices.Equal(got, want) {
		t.Errorf("%v wait, want %v", got, want)
	}
}

func appearedOnce(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	d.Trigger, d.Priority, d.Appeared = history.NewBackup, history.PriorityScheduled, "orders/1.dump@v1"
	enqueue(t, s, d)
	d.ID = "d2"
	again(t, s, d)
	d.ID, d.Target = "d3", "customers"
	enqueue(t, s, d)
	d.ID, d.Target, d.Appeared = "d4", "orders", "orders/1.dump@v2"
	enqueue(t, s, d)
}

func manualOnce(t *testing.T, s history.Store) {
	enqueue(t, s, scheduled("s1", "orders", 0), Drill("d1", "orders", 0))
	if id := again(t, s, Drill("d2", "orders", 1)); id != "d1" {
		t.Errorf("the drill that waits is said to be %q, want d1", id)
	}
	other := Drill("d3", "orders", 1)
	other.Backup = "orders/older.dump"
	enqueue(t, s, other, Drill("d4", "customers", 1))
	claim(t, s, "d1", minute(2))
	enqueue(t, s, Drill("d5", "orders", 3)) // the first waits no more
}

func askRace(t *testing.T, s history.Store) {
	appeared := Drill("", "appeared", 0)
	appeared.Trigger, appeared.Appeared = history.NewBackup, "orders/1.dump@v1"
	for _, d := range []history.Drill{scheduled("", "scheduled", 0), Drill("", "manual", 0), appeared} {
		var heard atomic.Int32
		errs := race(6, func(i int) error {
			d := d
			d.ID = fmt.Sprintf("%s-%d", d.Target, i)
			_, fresh, err := s.Enqueue(t.Context(), d)
			if fresh {
				heard.Add(1)
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Errorf("Enqueue: %v", err)
		}
		if n := heard.Load(); n != 1 {
			t.Errorf("of %s %d were heard, want one", d.Target, n)
		}
	}
	if left := waiting(t, s); len(left) != 3 {
		t.Errorf("%v wait, want one of each", left)
	}
}

func usedOnce(t *testing.T, s history.Store) {
	drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	var running *history.RunningError
	if _, err := s.Begin(t.Context(), Drill("d1", "customers", 0), "host/1", lease, noon); err == nil || errors.As(err, &running) {
		t.Errorf("Begin with a used id = %v, want an error about the id", err)
	}
	if _, _, err := s.Enqueue(t.Context(), Drill("d1", "customers", 0)); err == nil {
		t.Error("Enqueue took a used id")
	}
	if e := entry(t, s, "d1"); e.Target != "orders" || e.State != history.Finished {
		t.Errorf("the drill of this id is now %+v", e)
	}
}

func upNext(t *testing.T, s history.Store) {
	add := func(id string, priority int, notBefore time.Time) {
		d := scheduled(id, "target of "+id, 0)
		d.Priority, d.NotBefore = priority, notBefore
		enqueue(t, s, d)
	}
	add("e", history.PriorityCatchUp, time.Time{})
	add("d", history.PriorityScheduled, minute(5))
	add("b2", history.PriorityScheduled, minute(1))
	add("B1", history.PriorityScheduled, minute(1))
	add("c", history.PriorityScheduled, minute(2))
	add("x", history.PriorityFollowUp, minute(90))
	add("a", history.PriorityManual, minute(99))
	add("z", history.PriorityScheduled, time.Time{})
	want := []string{"a", "x", "z", "B1", "b2", "c", "d", "e"}
	if got := waiting(t, s); !slices.Equal(got, want) {
		t.Errorf("%v wait, want %v", got, want)
	}
	if list, err := s.Waiting(t.Context(), 3); err != nil || !slices.Equal(ids(list), want[:3]) {
		t.Errorf("the first three are %v, %v; want %v", ids(list), err, want[:3])
	}
}

func whyItWaits(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	const why = "needs 40 GiB, 12 GiB free"
	wait := func(why string, n int) history.Entry {
		t.Helper()
		if err := s.Wait(t.Context(), "d1", why, minute(n)); err != nil {
			t.Fatal(err)
		}
		list, err := s.Waiting(t.Context(), 10)
		if err != nil || len(list) != 1 {
			t.Fatalf("Waiting = %v, %v; want one drill", ids(list), err)
		}
		return list[0]
	}
	if e := wait(why, 1); e.Why != why || !e.WaitsSince.Equal(minute(1)) {
		t.Errorf("it waits for %q since %s, want %q since %s", e.Why, e.WaitsSince, why, minute(1))
	}
	if e := wait(why, 2); e.Why != why || !e.WaitsSince.Equal(minute(1)) {
		t.Errorf("it still waits for %q since %s, want since %s", e.Why, e.WaitsSince, minute(1))
	}
	if e := wait("", 3); e.Why != "" || !e.WaitsSince.IsZero() {
		t.Errorf("it waits for %q since %s, want it to wait no more", e.Why, e.WaitsSince)
	}
	if e := wait(why, 4); !e.WaitsSince.Equal(minute(4)) {
		t.Errorf("it waits anew since %s, want %s", e.WaitsSince, minute(4))
	}
	claim(t, s, "d1", minute(5))
	if e := entry(t, s, "d1"); e.Why != "" || !e.WaitsSince.IsZero() {
		t.Errorf("while it runs it waits for %q since %s", e.Why, e.WaitsSince)
	}
}
