package historytest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

var schedulePromises = []promise{
	{"a target is due when its time has come", due},
	{"a plan that did not change keeps its time", planKeeps},
	{"a target that is not planned any more is retired", planRetires},
	{"a retired target that is planned again begins anew", planRevives},
	{"many may plan the same at once", planRace},
	{"of many firing one occurrence at once one queues a drill", fireRace},
	{"firing without a drill moves the time only", fireNothing},
	{"an occurrence is called off where an earlier one still waits", fireFolds},
	{"a schedule that is in force no more does not fire", fireOther},
	{"a time is not moved without its drill", fireAllOrNothing},
	{"a retired target does not fire", fireRetired},
}

var momentPromises = []promise{
	{"of many turning a moment at once one does", turnRace},
	{"a moment is kept to the nanosecond, by its name", moments},
	{"a moment is not turned without its alerts", turnAllOrNothing},
	{"a text is kept by its name", texts},
}

func planned(target, spec string, next time.Time) history.Plan {
	return history.Plan{Target: target, Spec: spec, Next: next}
}

func makePlan(t *testing.T, s history.Store, now time.Time, plans ...history.Plan) {
	t.Helper()
	if err := s.Plan(t.Context(), plans, now); err != nil {
		t.Fatalf("Plan: %v", err)
	}
}

func wantDue(t *testing.T, s history.Store, now time.Time, want ...history.Plan) {
	t.Helper()
	got, err := s.Due(t.Context(), now, 100)
	if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("Due(%s) = %+v, %v\nwant %+v", now, got, err, want)
	}
}

func wantNextDue(t *testing.T, s history.Store, want time.Time) {
	t.Helper()
	if got, err := s.NextDue(t.Context()); err != nil || !got.Equal(want) || got.IsZero() != want.IsZero() {
		t.Errorf("NextDue = %s, %v; want %s", got, err, want)
	}
}

func due(t *testing.T, s history.Store) {
	wantDue(t, s, minute(100))
	wantNextDue(t, s, time.Time{})
	orders, customers := planned("orders", "daily", minute(2)), planned("customers", "daily", minute(1))
	items, never := planned("items", "daily", minute(3)), planned("never", "", time.Time{})
	makePlan(t, s, noon, orders, items, customers, never)
	wantDue(t, s, minute(1).Add(-1))
	wantDue(t, s, minute(1), customers)
	wantDue(t, s, minute(9), customers, orders, items)
	wantNextDue(t, s, minute(1))
	if got, err := s.Due(t.Context(), minute(9), 2); err != nil || !reflect.DeepEqual(got, []history.Plan{customers, orders}) {
		t.Errorf("the first two are %+v, %v", got, err)
	}
	if st := standing(t, s, "orders"); !st.Next.Equal(minute(2)) || !st.Since.Equal(noon) || !st.Retired.IsZero() {
		t.Errorf("orders stands %+v, want it due at %s", st, minute(2))
	}
	if st := standing(t, s, "never"); !st.Next.IsZero() {
		t.Errorf("never stands %+v, want it never due", st)
	}
}

func planKeeps(t *testing.T, s history.Store) {
	makePlan(t, s, noon, planned("orders", "daily", minute(1)), planned("customers", "daily", minute(1)))
	makePlan(t, s, minute(5), planned("orders", "daily", minute(50)), planned("customers", "hourly", minute(60)))
	wantDue(t, s, minute(99), planned("orders", "daily", minute(1)), planned("customers", "hourly", minute(60)))
	if st := standing(t, s, "customers"); !st.Since.Equal(noon) || !st.Planned.Equal(minute(5)) {
		t.Errorf("customers is known since %s and planned %s, want %s and the time of its new schedule", st.Since, st.Planned, noon)
	}
	if st := standing(t, s, "orders"); !st.Planned.Equal(noon) {
		t.Errorf("orders is planned since %s, want %s: nothing changed", st.Planned, noon)
	}
	makePlan(t, s, minute(6), planned("orders", "none", time.Time{}), planned("customers", "hourly", minute(61)))
	wantDue(t, s, minute(99), planned("customers", "hourly", minute(60)))
}

func planRetires(t *testing.T, s history.Store) {
	old := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, old, planned("customers", "daily", minute(2)))
	drilled(t, s, Drill("past", "orders", -9), verify.Passed)
	running := begin(t, s, Drill("running", "orders", 0))
	follow := followUp("follow", running.Drill)
	enqueue(t, s, Drill("manual", "orders", 1), scheduled("time", "orders", 1), follow, scheduled("other", "customers", 1))
	makePlan(t, s, minute(5), planned("customers", "daily", minute(2)))

	wantDue(t, s, minute(99), planned("customers", "daily", minute(2)))
	wantNextDue(t, s, minute(2))
	if left := waiting(t, s); !slices.Equal(left, []string{"manual", "other"}) {
		t.Errorf("%v wait, want the manual one and the one of another target", left)
	}
	if e := wantState(t, s, "time", history.Cancelled); !strings.Contains(e.CancelBy, "has no such target any more") {
		t.Errorf("it was called off by %q, want why", e.CancelBy)
	}
	wantState(t, s, "running", history.Running)
	st := standing(t, s, "orders")
	if !st.Retired.Equal(minute(5)) || !st.Next.IsZero() || st.Last.ID != "past" {
		t.Errorf("the retired target stands %+v", st)
	}
	if f := fleet(t, s, history.FleetQuery{}); f.Total != 1 || f.Standings[0].Target != "customers" {
		t.Errorf("the fleet is %+v, want customers alone", f)
	}
	finish(t, s, running, Report(running.Drill, verify.Failed)) // it keeps its record
	if st := standing(t, s, "orders"); st.Last.ID != "running" || st.Retired.IsZero() {
		t.Errorf("the retired target stands %+v, want its last drill on record", st)
	}
	makePlan(t, s, minute(7)) // once more: it was retired before
	if st := standing(t, s, "orders"); !st.Retired.Equal(minute(5)) {
		t.Errorf("it is retired since %s, want %s", st.Retired, minute(5))
	}
}

func planRevives(t *testing.T, s history.Store) {
	makePlan(t, s, noon, planned("orders", "daily", minute(1)))
	drilled(t, s, Drill("d1", "orders", 0), verify.Failed)
	makePlan(t, s, minute(5))
	back := planned("orders", "daily", minute(60))
	makePlan(t, s, minute(30), back)
	wantDue(t, s, minute(99), back) // and not what was missed while nobody wanted it
	if st := standing(t, s, "orders"); !st.Retired.IsZero() || st.Last.ID != "d1" || !st.Since.Equal(noon) {
		t.Errorf("the target stands %+v, want it back with its record", st)
	}
	if f := fleet(t, s, history.FleetQuery{}); f.Total != 1 {
		t.Errorf("the fleet has %d targets, want 1", f.Total)
	}
}

func planRace(t *testing.T, s history.Store) {
	var plans []history.Plan
	for i := range 50 {
		plans = append(plans, planned(fmt.Sprintf("t%02d", i), "daily", minute(i)))
	}
	errs := race(4, func(i int) error {
		mine := slices.Clone(plans)
		if i%2 == 1 {
			slices.Reverse(mine) // the order of plans means nothing
		}
		return s.Plan(t.Context(), mine, noon)
	})
	if err := errors.Join(errs...); err != nil {
		t.Errorf("Plan: %v", err)
	}
	wantDue(t, s, minute(99), plans...)
}

func fireRace(t *testing.T, s history.Store) {
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p)
	var fired atomic.Int32
	errs := race(8, func(i int) error {
		d := scheduled(fmt.Sprintf("d%d", i), "orders", 1)
		ok, err := s.Fire(t.Context(), p, minute(61), &d)
		if ok {
			fired.Add(1)
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Errorf("Fire: %v", err)
	}
	if left := waiting(t, s); fired.Load() != 1 || len(left) != 1 {
		t.Errorf("%d fired and %v wait, want one", fired.Load(), left)
	}
	next := planned("orders", "daily", minute(61))
	wantDue(t, s, minute(60))
	wantDue(t, s, minute(61), next)
	d := scheduled("late", "orders", 1)
	if ok, err := s.Fire(t.Context(), p, minute(121), &d); ok || err != nil {
		t.Errorf("firing what was fired = %t, %v; want it refused", ok, err)
	}
	wantDue(t, s, minute(61), next)
	d = scheduled("next", "orders", 61)
	if ok, err := s.Fire(t.Context(), next, time.Time{}, &d); !ok || err != nil {
		t.Errorf("firing the next occurrence = %t, %v", ok, err)
	}
	wantNextDue(t, s, time.Time{})
}

func fireFolds(t *testing.T, s history.Store) {
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p, planned("customers", "daily", minute(1)))
	fire := func(id, target string, at, next int) {
		t.Helper()
		d := scheduled(id, target, at)
		if ok, err := s.Fire(t.Context(), planned(target, "daily", minute(at)), minute(next), &d); !ok || err != nil {
			t.Fatalf("Fire = %t, %v", ok, err)
		}
	}
	fire("d1", "orders", 1, 2)
	fire("d2", "orders", 2, 3)
	fire("other", "customers", 1, 2)
	if left := waiting(t, s); !slices.Equal(left, []string{"d1", "other"}) {
		t.Errorf("%v wait, want the first of each target", left)
	}
	wantState(t, s, "d2", history.Cancelled)
	if e := entry(t, s, "d2"); !strings.Contains(e.CancelBy, "d1") || !e.ScheduledFor.Equal(minute(2)) {
		t.Errorf("the second is %+v, want its occurrence and the drill that stands for it", e)
	}
	claim(t, s, "d1", minute(2)) // it has begun: what is stored from now on it may not see
	fire("d3", "orders", 3, 4)
	if left := waiting(t, s); !slices.Equal(left, []string{"other", "d3"}) {
		t.Errorf("%v wait, want the third, since the first runs", left)
	}
}

func fireOther(t *testing.T, s history.Store) {
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p)
	stale := planned("orders", "hourly", minute(1))
	d := scheduled("d1", "orders", 1)
	if ok, err := s.Fire(t.Context(), stale, minute(2), &d); ok || err != nil {
		t.Errorf("firing a schedule that is in force no more = %t, %v", ok, err)
	}
	wantDue(t, s, minute(1), p)
}

func fireNothing(t *testing.T, s history.Store) {
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p)
	if ok, err := s.Fire(t.Context(), p, minute(61), nil); !ok || err != nil {
		t.Errorf("Fire = %t, %v", ok, err)
	}
	if left := waiting(t, s); len(left) > 0 {
		t.Errorf("%v wait, want none", left)
	}
	wantNextDue(t, s, minute(61))
}

func fireAllOrNothing(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("used", "customers", 0))
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p, planned("customers", "", time.Time{}))
	d := scheduled("used", "orders", 1)
	if ok, err := s.Fire(t.Context(), p, minute(61), &d); ok || err == nil {
		t.Errorf("Fire with a used id = %t, %v; want an error", ok, err)
	}
	wantDue(t, s, minute(61), p)
}

func fireRetired(t *testing.T, s history.Store) {
	p := planned("orders", "daily", minute(1))
	makePlan(t, s, noon, p)
	makePlan(t, s, minute(1))
	d := scheduled("d1", "orders", 1)
	if ok, err := s.Fire(t.Context(), p, minute(61), &d); ok || err != nil {
		t.Errorf("Fire of a retired target = %t, %v; want it refused", ok, err)
	}
	if left := waiting(t, s); len(left) > 0 {
		t.Errorf("%v wait, want none", left)
	}
}

func turnRace(t *testing.T, s history.Store) {
	for round, prev := range []time.Time{{}, minute(1)} {
		next := minute(round + 1)
		var turned atomic.Int32
		errs := race(8, func(i int) error {
			a := alert(fmt.Sprintf("digest-%d-%d", round, i), "", "")
			ok, err := s.Turn(t.Context(), "digest", prev, next, []history.Addressed{{Alert: a, To: []string{"ops"}}})
			if ok {
				turned.Add(1)
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Errorf("Turn: %v", err)
		}
		list, err := s.Deliveries(t.Context(), history.DeliveryFilter{Limit: 100})
		if err != nil || turned.Load() != 1 || len(list) != round+1 {
			t.Errorf("%d turned it and %d alerts are on their way, %v; want one each round", turned.Load(), len(list), err)
		}
	}
}

func moments(t *testing.T, s history.Store) {
	if m, err := s.Moment(t.Context(), "digest"); err != nil || !m.IsZero() {
		t.Errorf("Moment never set = %s, %v; want the zero time", m, err)
	}
	if ok, err := s.Turn(t.Context(), "digest", minute(1), minute(2), nil); ok || err != nil {
		t.Errorf("Turn from what is not stored = %t, %v; want it refused", ok, err)
	}
	if ok, err := s.Turn(t.Context(), "digest", time.Time{}, noon, nil); !ok || err != nil {
		t.Errorf("Turn for the first time = %t, %v", ok, err)
	}
	if m, err := s.Moment(t.Context(), "digest"); err != nil || !m.Equal(noon) {
		t.Errorf("Moment = %s, %v; want %s", m, err, noon)
	}
	if ok, err := s.Turn(t.Context(), "digest", noon.Add(1), minute(2), nil); ok || err != nil {
		t.Errorf("Turn from a nanosecond later = %t, %v; want it refused", ok, err)
	}
	if m, err := s.Moment(t.Context(), "heartbeat"); err != nil || !m.IsZero() {
		t.Errorf("another Moment = %s, %v; want the zero time", m, err)
	}
}

func turnAllOrNothing(t *testing.T, s history.Store) {
	bad := history.Addressed{Alert: alert("", "", ""), To: []string{"ops"}} // an alert has an id
	good := history.Addressed{Alert: alert("a1", "", ""), To: []string{"ops"}}
	if ok, err := s.Turn(t.Context(), "digest", time.Time{}, noon, []history.Addressed{good, bad}); ok || err == nil {
		t.Errorf("Turn with an alert without an id = %t, %v; want an error", ok, err)
	}
	if m, err := s.Moment(t.Context(), "digest"); err != nil || !m.IsZero() {
		t.Errorf("Moment = %s, %v; want it as it was", m, err)
	}
	wantNoAlert(t, s, "a1")
}

func texts(t *testing.T, s history.Store) {
	want := func(name, text string) {
		t.Helper()
		if got, err := s.Kept(t.Context(), name); err != nil || got != text {
			t.Errorf("Kept(%s) = %q, %v; want %q", name, got, err, text)
		}
	}
	want("coverage", "")
	for _, text := range []string{`{"source": "Größe"}`, "second", ""} {
		if err := s.Keep(t.Context(), "coverage", text); err != nil {
			t.Fatal(err)
		}
		want("coverage", text)
		want("other", "")
	}
}
