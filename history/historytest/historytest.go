// Package historytest holds the promises of history.Store as tests that every store
// must pass.
package historytest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// noon is the time around which all drills of these tests take place. It has
// nanoseconds, which a store must keep.
var noon = time.Date(2026, 6, 2, 12, 0, 0, 123456789, time.UTC)

// Run exercises one kind of store. Each call of open returns a fresh, empty one; Run
// closes it.
func Run(t *testing.T, open func(t testing.TB) history.Store) {
	cases := []struct {
		name string
		run  func(t *testing.T, s history.Store)
	}{
		{"the installation's id never changes", installation},
		{"a finished report comes back whole", whole},
		{"a second drill of a target is refused with the id of the first", refused},
		{"of many beginning at once one wins", race},
		{"an id is used once", usedOnce},
		{"a report needs a drill that was begun", notBegun},
		{"a report is never changed afterwards", unchanged},
		{"the drills of a dead process are interrupted", interrupted},
		{"a drill is found by the beginning of its id", byPrefix},
		{"a drill that runs has no report yet", stillRunning},
		{"lists are newest first and bounded", lists},
		{"a drill without a backup is listed", withoutBackup},
		{"only good drills are a baseline", baseline},
		{"a cancelled call is an error", cancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			c.run(t, s)
		})
	}
}

// Drill is a drill of these tests, begun n minutes after noon.
func Drill(id, target string, n int) history.Drill {
	return history.Drill{ID: id, Target: target, Instance: "host/1", Started: noon.Add(time.Duration(n) * time.Minute)}
}

// Report is a report of d with something in every field.
func Report(d history.Drill, v verify.Verdict) verify.Report {
	dumpRows := int64(2_000_000)
	orders := verify.Table{Rows: 10, DumpRows: &dumpRows}
	orders.Schema, orders.Name = "public", "orders"
	made := d.Started.Add(-3 * time.Hour)
	kept := d.Started.Add(2 * time.Hour)
	return verify.Report{
		Schema: verify.Schema, Drill: d.ID, Target: d.Target, Verdict: v,
		Artifact: &verify.Artifact{
			Source: "offsite", Key: "orders/orders.dump.zst", Kind: "object", Objects: 1, Bytes: 1 << 40,
			SHA256: "ab12", MadeAt: made, MadeAtFrom: "name", Version: "v1", Layers: []string{"age", "zstd"},
		},
		Candidates: []verify.Candidate{{Key: "orders/older.dump", MadeAt: made, Bytes: 5, Reason: "older"}},
		Manifest:   &verify.Manifest{Engine: "postgres", Format: "pg_dump custom", MadeAt: &made, Objects: 3},
		Results: []verify.Result{
			{Check: "census", Verdict: v, Code: verify.RowsMissing, Subject: `public."Größe"`, Observed: "10 rows",
				Expected: "2,000,000 rows", Detail: "Rows are missing.", Hint: "Look.", Ignored: "known", Seconds: 0.5},
		},
		Tables:     []verify.Table{orders},
		Phases:     []verify.Phase{{Name: "load", Start: 0.25, Seconds: 12.5, Bytes: 1234, Rows: 10}},
		Restore:    &verify.Restore{Tool: "pg_restore 16.4", Exit: 1, Errors: map[string]int{"harmless": 2}},
		Sandbox:    &verify.Sandbox{Runner: "docker", Isolated: true, PeakMemory: 1, KeptUntil: &kept},
		NotChecked: []string{"blobs: not counted"}, Error: "", Started: d.Started, Finished: d.Started.Add(time.Minute),
	}
}

func begin(t *testing.T, s history.Store, d history.Drill) history.Drill {
	t.Helper()
	if err := s.Begin(t.Context(), d); err != nil {
		t.Fatalf("Begin(%s): %v", d.ID, err)
	}
	return d
}

func finish(t *testing.T, s history.Store, r verify.Report) {
	t.Helper()
	if err := s.Finish(t.Context(), r); err != nil {
		t.Fatalf("Finish(%s): %v", r.Drill, err)
	}
}

func installation(t *testing.T, s history.Store) {
	first, err := s.Installation(t.Context())
	if err != nil || first == "" {
		t.Fatalf("Installation = %q, %v; want an id", first, err)
	}
	if second, err := s.Installation(t.Context()); err != nil || second != first {
		t.Errorf("Installation = %q, %v the second time; want %q", second, err, first)
	}
}

func whole(t *testing.T, s history.Store) {
	want := Report(begin(t, s, Drill("d1", "orders", 0)), verify.Failed)
	finish(t, s, want)
	got, err := s.Get(t.Context(), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Get returned another report\n got %+v\nwant %+v", got, want)
	}
}

func refused(t *testing.T, s history.Store) {
	first := begin(t, s, Drill("d1", "orders", 0))
	err := s.Begin(t.Context(), Drill("d2", "orders", 1))
	var running *history.RunningError
	if !errors.As(err, &running) {
		t.Fatalf("second Begin = %v, want a *RunningError", err)
	}
	if running.Drill != "d1" || running.Target != "orders" || !running.Since.Equal(first.Started) {
		t.Errorf("refused with %+v, want the first drill", running)
	}
	begin(t, s, Drill("d3", "customers", 1)) // another target is free
	finish(t, s, Report(first, verify.Passed))
	begin(t, s, Drill("d4", "orders", 2)) // and so is this one, now
}

func race(t *testing.T, s history.Store) {
	const many = 8
	var wg sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wg.Go(func() { errs[i] = s.Begin(t.Context(), Drill(fmt.Sprintf("d%d", i), "orders", i)) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var running *history.RunningError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &running):
			t.Errorf("Begin = %v, want a *RunningError", err)
		}
	}
	if won != 1 {
		t.Errorf("%d drills of one target began, want 1", won)
	}
}

func usedOnce(t *testing.T, s history.Store) {
	d := begin(t, s, Drill("d1", "orders", 0))
	finish(t, s, Report(d, verify.Passed))
	var running *history.RunningError
	if err := s.Begin(t.Context(), Drill("d1", "customers", 0)); err == nil || errors.As(err, &running) {
		t.Errorf("Begin with a used id = %v, want an error about the id", err)
	}
}

func notBegun(t *testing.T, s history.Store) {
	err := s.Finish(t.Context(), Report(Drill("d1", "orders", 0), verify.Passed))
	if !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Finish = %v, want ErrNotFound", err)
	}
	begin(t, s, Drill("d2", "orders", 0))
	if err := s.Finish(t.Context(), Report(Drill("d2", "customers", 0), verify.Passed)); err == nil {
		t.Error("Finish took the report of another target")
	}
}

func unchanged(t *testing.T, s history.Store) {
	d := begin(t, s, Drill("d1", "orders", 0))
	finish(t, s, Report(d, verify.Failed))
	if err := s.Finish(t.Context(), Report(d, verify.Passed)); err == nil {
		t.Error("a finished report was replaced")
	}
	if got, err := s.Get(t.Context(), "d1"); err != nil || got.Verdict != verify.Failed {
		t.Errorf("Get = %s, %v; want the first report", got.Verdict, err)
	}
}

func interrupted(t *testing.T, s history.Store) {
	dead, living := Drill("d1", "orders", 0), Drill("d2", "customers", 1)
	dead.Instance, living.Instance = "host/1", "host/2"
	begin(t, s, dead)
	begin(t, s, living)
	now := noon.Add(time.Hour)
	alive := func(instance string) bool { return instance == "host/2" }

	got, err := s.Interrupt(t.Context(), alive, now)
	if err != nil || !reflect.DeepEqual(got, []history.Drill{dead}) {
		t.Fatalf("Interrupt = %+v, %v; want %+v", got, err, dead)
	}
	r, err := s.Get(t.Context(), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != verify.Errored || r.Error == "" || !r.Finished.Equal(now) || !r.Started.Equal(dead.Started) {
		t.Errorf("report of the interrupted drill is %+v", r)
	}
	if len(r.Results) != 1 || r.Results[0].Code != verify.Interrupted {
		t.Errorf("results are %+v, want one with the code %s", r.Results, verify.Interrupted)
	}
	list, err := s.List(t.Context(), "orders", 1)
	if err != nil || len(list) != 1 || list[0].State != history.Interrupted || list[0].Verdict != verify.Errored {
		t.Errorf("List = %+v, %v; want it interrupted", list, err)
	}
	if err := s.Finish(t.Context(), Report(dead, verify.Passed)); err == nil {
		t.Error("an interrupted drill was finished as passed")
	}
	if again, err := s.Interrupt(t.Context(), alive, now); err != nil || len(again) != 0 {
		t.Errorf("second Interrupt = %+v, %v; want nothing", again, err)
	}
	begin(t, s, Drill("d3", "orders", 5)) // the target is free again
}

func byPrefix(t *testing.T, s history.Store) {
	for i, id := range []string{"abc-1", "abc-2", "abc-23", "a%c", "x_y"} {
		finish(t, s, Report(begin(t, s, Drill(id, "orders", i)), verify.Passed))
	}
	for prefix, want := range map[string]string{"abc-1": "abc-1", "abc-2": "abc-2", "abc-23": "abc-23", "a%": "a%c", "x": "x_y"} {
		if got, err := s.Get(t.Context(), prefix); err != nil || got.Drill != want {
			t.Errorf("Get(%q) = %q, %v; want %q", prefix, got.Drill, err, want)
		}
	}
	for _, prefix := range []string{"abc", "a"} {
		if _, err := s.Get(t.Context(), prefix); !errors.Is(err, history.ErrAmbiguous) {
			t.Errorf("Get(%q) = %v, want ErrAmbiguous", prefix, err)
		}
	}
	for _, prefix := range []string{"", "z", "abc-234", "ABC-1", "a_c", "%"} {
		if _, err := s.Get(t.Context(), prefix); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", prefix, err)
		}
	}
}

func stillRunning(t *testing.T, s history.Store) {
	begin(t, s, Drill("d1", "orders", 0))
	var running *history.RunningError
	if _, err := s.Get(t.Context(), "d1"); !errors.As(err, &running) || running.Drill != "d1" {
		t.Errorf("Get of a running drill = %v, want a *RunningError that names it", err)
	}
}

func lists(t *testing.T, s history.Store) {
	for i := range 5 {
		target := []string{"orders", "customers"}[i%2]
		finish(t, s, Report(begin(t, s, Drill(fmt.Sprintf("d%d", i), target, i)), verify.Passed))
	}
	begin(t, s, Drill("d5", "customers", 5))
	for _, c := range []struct {
		target string
		limit  int
		want   []string
	}{
		{"", 10, []string{"d5", "d4", "d3", "d2", "d1", "d0"}},
		{"", 2, []string{"d5", "d4"}},
		{"orders", 10, []string{"d4", "d2", "d0"}},
		{"nothing", 10, nil},
	} {
		list, err := s.List(t.Context(), c.target, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			got = append(got, e.Drill)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("List(%q, %d) = %v, want %v", c.target, c.limit, got, c.want)
		}
	}
	list, err := s.List(t.Context(), "", 2)
	if err != nil {
		t.Fatal(err)
	}
	running := history.Entry{Drill: "d5", Target: "customers", State: history.Running, Started: noon.Add(5 * time.Minute)}
	if list[0] != running {
		t.Errorf("running entry is %+v, want %+v", list[0], running)
	}
	d := Drill("d4", "orders", 4)
	r := Report(d, verify.Passed)
	done := history.Entry{
		Drill: "d4", Target: "orders", State: history.Finished, Verdict: verify.Passed, Summary: verify.Summary(r),
		Key: r.Artifact.Key, Bytes: r.Artifact.Bytes, MadeAt: r.Artifact.MadeAt, Rows: 10, Started: d.Started, Finished: r.Finished,
	}
	if list[1] != done {
		t.Errorf("finished entry is %+v, want %+v", list[1], done)
	}
}

func withoutBackup(t *testing.T, s history.Store) {
	r := Report(begin(t, s, Drill("d1", "orders", 0)), verify.Failed)
	r.Artifact, r.Tables = nil, nil
	finish(t, s, r)
	list, err := s.List(t.Context(), "orders", 1)
	if err != nil || len(list) != 1 || !list[0].MadeAt.IsZero() || list[0].Key != "" {
		t.Errorf("List = %+v, %v; want an entry without a backup", list, err)
	}
}

func baseline(t *testing.T, s history.Store) {
	for i, v := range []verify.Verdict{verify.Passed, verify.Warned, verify.Failed, verify.Errored, verify.Passed, verify.Unknown} {
		finish(t, s, Report(begin(t, s, Drill(fmt.Sprintf("d%d", i), "orders", i)), v))
	}
	finish(t, s, Report(begin(t, s, Drill("other", "customers", 9)), verify.Passed))
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

func cancelled(t *testing.T, s history.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Begin(ctx, Drill("d1", "orders", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin = %v, want context.Canceled", err)
	}
	if list, err := s.List(t.Context(), "", 1); err != nil || len(list) != 0 {
		t.Errorf("List = %+v, %v; want nothing recorded", list, err)
	}
}
