package historytest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

var listPromises = []promise{
	{"lists are newest first, bounded and filtered", lists},
	{"the pages of a list hold every drill once", pages},
	{"drills are counted by state", counts},
}

var seriesPromises = []promise{
	{"a strip has the last drills that ended, oldest first", strips},
	{"points have what the last finished drills measured, oldest first", points},
	{"only good drills are a baseline", baseline},
}

func lists(t *testing.T, s history.Store) {
	verdicts := []verify.Verdict{verify.Passed, verify.Failed, verify.Errored, verify.Warned, verify.Failed}
	for i, v := range verdicts {
		drilled(t, s, Drill(fmt.Sprintf("d%d", i), []string{"orders", "customers"}[i%2], i), v)
	}
	begin(t, s, Drill("d5", "customers", 5))
	enqueue(t, s, Drill("queued", "orders", 6), Drill("cancelled", "customers", 6))
	if _, err := s.Cancel(t.Context(), "cancelled", "ann", minute(7)); err != nil {
		t.Fatal(err)
	}
	finished := []history.State{history.Finished}
	for _, c := range []struct {
		f    history.Filter
		want []string
	}{
		{history.Filter{Limit: 10}, []string{"d5", "d4", "d3", "d2", "d1", "d0"}},
		{history.Filter{Limit: 2}, []string{"d5", "d4"}},
		{history.Filter{Target: "orders", Limit: 10}, []string{"d4", "d2", "d0"}},
		{history.Filter{Target: "order", Limit: 10}, nil},
		{history.Filter{States: finished, Limit: 2}, []string{"d4", "d3"}},
		{history.Filter{States: []history.State{history.Running, history.Interrupted}, Limit: 10}, []string{"d5"}},
		{history.Filter{Verdicts: []verify.Verdict{verify.Failed}, Limit: 10}, []string{"d4", "d1"}},
		{history.Filter{Verdicts: []verify.Verdict{verify.Failed, verify.Warned}, Target: "customers", Limit: 10}, []string{"d3", "d1"}},
		{history.Filter{Verdicts: []verify.Verdict{verify.Unknown}, Limit: 10}, []string{"d5"}},
	} {
		list, err := s.List(t.Context(), c.f)
		if got := ids(list); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("List(%+v) = %v, %v; want %v", c.f, got, err, c.want)
		}
	}
}

func pages(t *testing.T, s history.Store) {
	// Several begin at the same moment, and their ids sort by bytes otherwise than by letters.
	var want []string
	for i, id := range []string{"a1", "B1", "b2", "A2", "a-3", "a10", "z", "é"} {
		d := Drill(id, fmt.Sprintf("target-%d", i), i/4)
		begin(t, s, d)
		want = append(want, id)
	}
	for size := 1; size <= 3; size++ {
		f := history.Filter{Limit: size}
		var got []string
		for page := 0; page <= len(want); page++ {
			list, err := s.List(t.Context(), f)
			if err != nil || len(list) > size {
				t.Fatalf("List = %d drills, %v; want at most %d", len(list), err, size)
			}
			if len(list) == 0 {
				break
			}
			got = append(got, ids(list)...)
			f.Before = list[len(list)-1].Cursor()
		}
		all, err := s.List(t.Context(), history.Filter{Limit: 100})
		if err != nil || !slices.Equal(got, ids(all)) {
			t.Errorf("pages of %d hold %v, %v; the list is %v", size, got, err, ids(all))
		}
		slices.Sort(got)
		if sorted := slices.Sorted(slices.Values(want)); !slices.Equal(got, sorted) {
			t.Errorf("pages of %d hold %v, want %v", size, got, sorted)
		}
	}
	if list, err := s.List(t.Context(), history.Filter{Limit: 1, Before: "no cursor"}); err == nil {
		t.Errorf("List before something that is no cursor = %v, want an error", ids(list))
	}
}

func counts(t *testing.T, s history.Store) {
	drilled(t, s, Drill("f1", "orders", 0), verify.Passed)
	drilled(t, s, Drill("f2", "orders", 1), verify.Failed)
	begin(t, s, Drill("r1", "orders", 2))
	enqueue(t, s, Drill("q1", "orders", 3), scheduled("q2", "orders", 3), scheduled("q3", "orders", 4), scheduled("c1", "orders", 5))
	if _, err := s.Cancel(t.Context(), "c1", "ann", minute(6)); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[history.State]int{
		history.Finished: 2, history.Running: 1, history.Queued: 3, history.Cancelled: 1, history.Interrupted: 0,
	} {
		if got, err := s.Count(t.Context(), state); err != nil || got != want {
			t.Errorf("Count(%s) = %d, %v; want %d", state, got, err, want)
		}
	}
}

func strips(t *testing.T, s history.Store) {
	reports := map[string]verify.Report{}
	for i, v := range []verify.Verdict{verify.Passed, verify.Failed, verify.Errored} {
		id := fmt.Sprintf("d%d", i)
		reports[id] = drilled(t, s, Drill(id, "orders", i), v)
	}
	died := Drill("died", "orders", 5)
	begin(t, s, died)
	reap(t, s, minute(9), nothingFollows)
	begin(t, s, Drill("running", "orders", 10))
	enqueue(t, s, Drill("queued", "orders", 11))
	drilled(t, s, Drill("other", "customers", 0), verify.Warned)

	got, err := s.Strips(t.Context(), []string{"orders", "customers", "nothing"}, 3)
	if err != nil {
		t.Fatal(err)
	}
	orders := got["orders"]
	if len(orders) != 3 || orders[0].Drill != "d1" || orders[1].Drill != "d2" || orders[2].Drill != "died" {
		t.Fatalf("strip of orders is %+v, want d1, d2, died", orders)
	}
	r := reports["d1"]
	want := history.Mark{Drill: "d1", Verdict: verify.Failed, State: history.Finished, Finished: r.Finished,
		Restore: entry(t, s, "d1").Restore, Summary: verify.Summary(r)}
	if orders[0] != want {
		t.Errorf("mark is %+v, want %+v", orders[0], want)
	}
	if last := orders[2]; last.State != history.Interrupted || last.Verdict != verify.Errored || !last.Finished.Equal(minute(9)) {
		t.Errorf("mark of the interrupted drill is %+v", last)
	}
	if c := got["customers"]; len(c) != 1 || c[0].Drill != "other" || len(got["nothing"]) != 0 {
		t.Errorf("strips are %+v, want one of customers and none of nothing", got)
	}
	if none, err := s.Strips(t.Context(), nil, 3); err != nil || len(none) != 0 {
		t.Errorf("Strips of no target = %+v, %v", none, err)
	}
}

func points(t *testing.T, s history.Store) {
	var reports []verify.Report
	for i, v := range []verify.Verdict{verify.Passed, verify.Failed, verify.Errored} {
		reports = append(reports, drilled(t, s, Drill(fmt.Sprintf("d%d", i), "orders", i), v))
	}
	begin(t, s, Drill("died", "orders", 5))
	reap(t, s, minute(9), nothingFollows)
	drilled(t, s, Drill("other", "customers", 0), verify.Warned)
	got, err := s.Points(t.Context(), "orders", 2)
	if err != nil {
		t.Fatal(err)
	}
	var want []history.Point
	for _, r := range reports[1:] {
		want = append(want, history.Point{Drill: r.Drill, Finished: r.Finished, Verdict: r.Verdict,
			Restore: entry(t, s, r.Drill).Restore, Bytes: 1 << 40, Rows: map[string]int64{"public.orders": 10}})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Points\n got %+v\nwant %+v", got, want)
	}
}

func baseline(t *testing.T, s history.Store) {
	for i, v := range []verify.Verdict{verify.Passed, verify.Warned, verify.Failed, verify.Errored, verify.Passed, verify.Unknown} {
		drilled(t, s, Drill(fmt.Sprintf("d%d", i), "orders", i), v)
	}
	drilled(t, s, Drill("other", "customers", 9), verify.Passed)
	begin(t, s, Drill("running", "orders", 10))

	base, err := s.Baseline(t.Context(), "orders", 2)
	if err != nil {
		t.Fatal(err)
	}
	want := verify.Baseline{Drills: []verify.Past{
		history.Past(Report(Drill("d4", "orders", 4), verify.Passed)),
		history.Past(Report(Drill("d1", "orders", 1), verify.Warned)),
	}}
	if !reflect.DeepEqual(base, want) {
		t.Errorf("Baseline = %+v\nwant %+v", base, want)
	}
	if past := base.Drills[0]; past.Tables["public.orders"] != 10 || past.Load != 12500*time.Millisecond || past.SHA256 != "ab12" {
		t.Errorf("past drill is %+v, want the numbers of its report", past)
	}
	if base, err := s.Baseline(t.Context(), "nothing", 2); err != nil || len(base.Drills) != 0 {
		t.Errorf("Baseline of an unknown target = %+v, %v; want it empty", base, err)
	}
}
