package historytest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var fleetPromises = []promise{
	{"the fleet lists first what needs a person", fleetOrder},
	{"the fleet is counted by verdict, whatever the query chooses", fleetCounts},
	{"the fleet is searched by part of the name", fleetSearch},
	{"the pages of a fleet hold every target once", fleetPages},
}

func fleet(t *testing.T, s history.Store, q history.FleetQuery) history.Fleet {
	t.Helper()
	f, err := s.Fleet(t.Context(), q)
	if err != nil {
		t.Fatalf("Fleet: %v", err)
	}
	return f
}

func targets(f history.Fleet) []string {
	var names []string
	for _, st := range f.Standings {
		names = append(names, st.Target)
	}
	return names
}

// ships are targets with each verdict, those that need a person first.
var ships = []struct {
	name    string
	verdict verify.Verdict
}{
	{"zulu-failed", verify.Failed}, {"yankee-errored", verify.Errored}, {"x-never", verify.Unknown},
	{"b-warned", verify.Warned}, {"a-passed", verify.Passed}, {"c-passed", verify.Passed},
}

func launch(t *testing.T, s history.Store) (names []string) {
	t.Helper()
	for _, ship := range ships {
		names = append(names, ship.name)
	}
	plan(t, s, names...)
	for i, ship := range ships {
		if ship.verdict == verify.Unknown {
			continue
		}
		drilled(t, s, Drill("d-"+ship.name, ship.name, i), ship.verdict)
	}
	return names
}

func fleetOrder(t *testing.T, s history.Store) {
	names := launch(t, s)
	if got := targets(fleet(t, s, history.FleetQuery{})); !slices.Equal(got, names) {
		t.Errorf("the fleet is %v, want %v", got, names)
	}
	drilled(t, s, Drill("better", "zulu-failed", 60), verify.Passed)
	got := targets(fleet(t, s, history.FleetQuery{}))
	if want := append(slices.Clone(names[1:]), "zulu-failed"); !slices.Equal(got, want) {
		t.Errorf("after it recovered the fleet is %v, want %v", got, want)
	}
	// An overdue target needs a person although its last verdict was good.
	err := s.Update(t.Context(), "c-passed", func(history.Standing) (history.Effects, bool) {
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{notify.Overdue: {ID: "p1", Since: noon}}}}, true
	})
	if err != nil {
		t.Fatal(err)
	}
	got = targets(fleet(t, s, history.FleetQuery{}))
	if slices.Index(got, "c-passed") > slices.Index(got, "b-warned") {
		t.Errorf("with an open problem of c-passed the fleet is %v, want it before those that are good", got)
	}
}

func fleetCounts(t *testing.T, s history.Store) {
	names := launch(t, s)
	err := s.Update(t.Context(), "zulu-failed", func(history.Standing) (history.Effects, bool) {
		return history.Effects{State: told(1)}, true
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[verify.Verdict]int{verify.Failed: 1, verify.Errored: 1, verify.Unknown: 1, verify.Warned: 1, verify.Passed: 2}
	for _, c := range []struct {
		q     history.FleetQuery
		total int
	}{
		{history.FleetQuery{}, len(names)},
		{history.FleetQuery{Limit: 2}, len(names)},
		{history.FleetQuery{Search: "passed"}, 2},
		{history.FleetQuery{Verdicts: []verify.Verdict{verify.Failed, verify.Errored}}, 2},
		{history.FleetQuery{Verdicts: []verify.Verdict{verify.Unknown}}, 1},
		{history.FleetQuery{Search: "passed", Verdicts: []verify.Verdict{verify.Failed}}, 0},
	} {
		f := fleet(t, s, c.q)
		if f.Total != c.total || f.Open != 1 || !reflect.DeepEqual(f.Verdicts, want) {
			t.Errorf("Fleet(%+v): %d in all, %d open, by verdict %v; want %d, 1, %v", c.q, f.Total, f.Open, f.Verdicts, c.total, want)
		}
		if size := len(f.Standings); c.q.Limit == 0 && size != c.total || c.q.Limit > 0 && size != c.q.Limit {
			t.Errorf("Fleet(%+v) lists %d targets", c.q, size)
		}
	}
}

func fleetSearch(t *testing.T, s history.Store) {
	plan(t, s, "orders", "old_orders", "old-orders", "customers", "100%", "100x")
	for search, want := range map[string][]string{
		"orders": {"old-orders", "old_orders", "orders"}, "_": {"old_orders"}, "%": {"100%"}, "ORD": {"old-orders", "old_orders", "orders"},
		"x": {"100x"}, `\`: nil, "nothing": nil, "": {"100%", "100x", "customers", "old-orders", "old_orders", "orders"},
	} {
		f := fleet(t, s, history.FleetQuery{Search: search})
		got := slices.Sorted(slices.Values(targets(f)))
		if !slices.Equal(got, want) || f.Total != len(want) {
			t.Errorf("a search for %q finds %v, %d in all; want %v", search, got, f.Total, want)
		}
	}
}

func fleetPages(t *testing.T, s history.Store) {
	var names []string
	for i := range 7 {
		names = append(names, fmt.Sprintf("t%d", i))
	}
	plan(t, s, names...)
	var got []string
	for offset := 0; offset < 9; offset += 3 {
		f := fleet(t, s, history.FleetQuery{Offset: offset, Limit: 3})
		if f.Total != len(names) {
			t.Errorf("Total = %d from %d on, want %d", f.Total, offset, len(names))
		}
		got = append(got, targets(f)...)
	}
	if !slices.Equal(got, names) {
		t.Errorf("the pages hold %v, want %v", got, names)
	}
	if f := fleet(t, s, history.FleetQuery{Offset: 99, Limit: 3}); len(f.Standings) != 0 || f.Total != len(names) {
		t.Errorf("a page behind the end is %+v", f)
	}
}
