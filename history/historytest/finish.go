package historytest

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var finishPromises = []promise{
	{"what follows from a drill is stored with its report", effects},
	{"a drill knows what the ones before it told", seesState},
	{"a report is not stored without what follows from it", allOrNothing},
	{"follow-ups are queued once like all others", followUpsOnce},
}

// told is a state of alerts with something in every field.
func told(n int) notify.State {
	return notify.State{
		Problems: map[notify.Kind]notify.Problem{notify.BadBackup: {
			ID: "p1", Since: noon, SentAt: minute(n), Verdict: verify.Failed, Code: verify.RowsMissing, Subject: `public."Größe"`, Backup: "ab12",
		}},
		Errored: n, Since: minute(-n), Numbered: n,
	}
}

// alert is one about a problem of a target, with something in every field.
func alert(id, problem, target string) notify.Alert {
	r := Report(Drill("d1", target, 0), verify.Failed)
	return notify.Alert{
		ID: id, Problem: problem, Kind: notify.BadBackup, Reason: notify.Opened, Audience: notify.Owners,
		Target: target, Verdict: verify.Failed, Title: "Rows are missing.", Code: verify.RowsMissing, Subject: `public."Größe"`,
		Expected: "2,000,000 rows", Observed: "10 rows", Detail: "Rows are missing.", Hint: "Look.", More: 2,
		Drill: "d1", Backup: r.Artifact, Since: noon, At: minute(1), Report: &r,
		LastGood:  &notify.Proof{Drill: "d0", Key: "orders/older.dump", MadeAt: minute(-90), At: minute(-60)},
		ReportURL: "https://lifeboat.example/drills/d1", AgainURL: "https://lifeboat.example/targets/orders",
	}
}

// loud is a state out of which one alert follows.
func loud(s notify.State, id string) history.Effects {
	return history.Effects{State: s, Alerts: []history.Addressed{{Alert: alert(id, "p-"+id, "orders"), To: []string{"ops"}}}}
}

func wantNoAlert(t *testing.T, s history.Store, id string) {
	t.Helper()
	if _, err := s.Alert(t.Context(), id); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Alert(%s) = %v, want ErrNotFound", id, err)
	}
	if list, err := s.Deliveries(t.Context(), history.DeliveryFilter{Limit: 10}); err != nil || len(list) > 0 {
		t.Errorf("Deliveries = %+v, %v; want none", list, err)
	}
}

func effects(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	next := followUp("d2", d)
	next.NotBefore = minute(10)
	want := alert("a1", "p1", "orders")
	err := s.Finish(t.Context(), l, Report(d, verify.Failed), func(st notify.State) history.Effects {
		if !reflect.DeepEqual(st, notify.State{}) {
			t.Errorf("the state before anything was told is %+v", st)
		}
		return history.Effects{
			State:  told(1),
			Alerts: []history.Addressed{{Alert: want, To: []string{"ops", "owners"}}},
			Drills: []history.Drill{next},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := standing(t, s, "orders"); !reflect.DeepEqual(st.Alerts, told(1)) {
		t.Errorf("the state is\n%+v\nwant\n%+v", st.Alerts, told(1))
	}
	if got, err := s.Alert(t.Context(), "a1"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Alert = %v\n%+v\nwant\n%+v", err, got, want)
	}
	list, err := s.Deliveries(t.Context(), history.DeliveryFilter{Limit: 10})
	if err != nil || len(list) != 2 {
		t.Errorf("Deliveries = %+v, %v; want one to each of two notifiers", list, err)
	}
	if e := entry(t, s, "d2"); !reflect.DeepEqual(e, history.Entry{Drill: next, State: history.Queued}) {
		t.Errorf("the follow-up is %+v", e)
	}
}

func seesState(t *testing.T, s history.Store) {
	for i := range 3 {
		d := Drill("d"+string(rune('0'+i)), "orders", i)
		var seen []notify.State
		err := s.Finish(t.Context(), begin(t, s, d), Report(d, verify.Failed), func(st notify.State) history.Effects {
			seen = append(seen, st)
			return history.Effects{State: told(i + 1)}
		})
		if err != nil {
			t.Fatal(err)
		}
		want := notify.State{}
		if i > 0 {
			want = told(i)
		}
		if len(seen) == 0 || !reflect.DeepEqual(seen[len(seen)-1], want) {
			t.Errorf("drill %d saw\n%+v\nwant\n%+v", i, seen, want)
		}
	}
	d := Drill("other", "customers", 0)
	err := s.Finish(t.Context(), begin(t, s, d), Report(d, verify.Passed), func(st notify.State) history.Effects {
		if !reflect.DeepEqual(st, notify.State{}) {
			t.Errorf("another target's drill saw %+v", st)
		}
		return unmoved(st)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allOrNothing(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	enqueue(t, s, Drill("used", "customers", 0))
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	impossible := func(notify.State) history.Effects {
		e := loud(told(1), "a1")
		e.Drills = []history.Drill{followUp("d2", d), followUp("used", d)} // an id is used once
		return e
	}
	if err := s.Finish(t.Context(), l, Report(d, verify.Failed), impossible); err == nil {
		t.Error("Finish stored a follow-up with a used id")
	}
	wantState(t, s, "d1", history.Running)
	wantNoAlert(t, s, "a1")
	if st := standing(t, s, "orders"); !reflect.DeepEqual(st.Alerts, notify.State{}) || st.Last.ID != "" {
		t.Errorf("the standing is %+v, want nothing of the failed Finish", st)
	}
	if left := waiting(t, s); !slices.Equal(left, []string{"used"}) {
		t.Errorf("%v wait, want none of the failed Finish", left)
	}
	finish(t, s, l, Report(d, verify.Failed)) // and it can be done right
}

func followUpsOnce(t *testing.T, s history.Store) {
	first := scheduled("d1", "orders", 0)
	enqueue(t, s, first, scheduled("d2", "orders", 5))
	same := scheduled("d3", "orders", 5)
	then := func(st notify.State) history.Effects {
		return history.Effects{State: st, Drills: []history.Drill{same}}
	}
	if err := s.Finish(t.Context(), claim(t, s, "d1", minute(0)), Report(first, verify.Passed), then); err != nil {
		t.Fatal(err)
	}
	if left := waiting(t, s); !slices.Equal(left, []string{"d2"}) {
		t.Errorf("%v wait, want the occurrence once", left)
	}
}

// plan makes targets known, without a time of their own.
func plan(t *testing.T, s history.Store, targets ...string) {
	t.Helper()
	var plans []history.Plan
	for _, target := range targets {
		plans = append(plans, history.Plan{Target: target, Spec: "none"})
	}
	if err := s.Plan(t.Context(), plans, noon.Add(-24*time.Hour)); err != nil {
		t.Fatalf("Plan: %v", err)
	}
}

func standing(t *testing.T, s history.Store, target string) history.Standing {
	t.Helper()
	st, err := s.Standing(t.Context(), target)
	if err != nil {
		t.Fatalf("Standing(%s): %v", target, err)
	}
	return st
}
