package historytest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

var recordPromises = []promise{
	{"a finished report comes back whole", whole},
	{"a report needs a drill that was begun, and is of its drill", notBegun},
	{"a report is never changed afterwards", unchanged},
	{"a drill is found by the beginning of its id", byPrefix},
	{"a drill that runs or waits has no report yet", noReportYet},
	{"a cancelled call is an error and records nothing", cancelledCall},
	{"a line of the record has what its drill found", finishedEntry},
	{"the line of a running drill says who runs it and how it goes", runningEntry},
	{"the line of a queued drill is what was asked for", queuedEntry},
	{"a drill without a backup is on record", withoutBackup},
	{"an unknown drill is not found", unknownDrill},
}

func whole(t *testing.T, s history.Store) {
	want := drilled(t, s, Drill("d1", "orders", 0), verify.Failed)
	got, err := s.Get(t.Context(), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Get returned another report\n got %+v\nwant %+v", got, want)
	}
}

func notBegun(t *testing.T, s history.Store) {
	never := Drill("d1", "orders", 0)
	l := history.Lease{Drill: never, Owner: "host/1", Token: 1, Started: noon}
	if err := s.Finish(t.Context(), l, Report(never, verify.Passed), unmoved); err == nil {
		t.Error("Finish took the report of a drill that never began")
	}
	begun := begin(t, s, Drill("d2", "orders", 0))
	for _, other := range []history.Drill{Drill("d2", "customers", 0), Drill("d1", "orders", 0)} {
		if err := s.Finish(t.Context(), begun, Report(other, verify.Passed), unmoved); err == nil {
			t.Errorf("Finish of d2 of orders took the report of %s of %s", other.ID, other.Target)
		}
	}
	wantState(t, s, "d2", history.Running)
}

func unchanged(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	finish(t, s, l, Report(d, verify.Failed))
	if err := s.Finish(t.Context(), l, Report(d, verify.Passed), unmoved); err == nil {
		t.Error("a finished report was replaced")
	}
	if got, err := s.Get(t.Context(), "d1"); err != nil || got.Verdict != verify.Failed {
		t.Errorf("Get = %s, %v; want the first report", got.Verdict, err)
	}
}

func byPrefix(t *testing.T, s history.Store) {
	for i, id := range []string{"abc-1", "abc-2", "abc-23", "a%c", "x_y"} {
		drilled(t, s, Drill(id, "orders", i), verify.Passed)
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

func noReportYet(t *testing.T, s history.Store) {
	begin(t, s, Drill("d1", "orders", 0))
	var running *history.RunningError
	if _, err := s.Get(t.Context(), "d1"); !errors.As(err, &running) {
		t.Errorf("Get of a running drill = %v, want a *RunningError", err)
	} else if running.Drill != "d1" || running.Target != "orders" || !running.Since.Equal(noon) {
		t.Errorf("Get of a running drill says %+v", running)
	}
	enqueue(t, s, Drill("q1", "orders", 1))
	if err := s.Wait(t.Context(), "q1", "needs 40 GiB, 12 GiB free", minute(2)); err != nil {
		t.Fatal(err)
	}
	var queued *history.QueuedError
	if _, err := s.Get(t.Context(), "q"); !errors.As(err, &queued) {
		t.Errorf("Get of a queued drill = %v, want a *QueuedError", err)
	} else if want := (history.QueuedError{Target: "orders", Drill: "q1", Why: "needs 40 GiB, 12 GiB free"}); *queued != want {
		t.Errorf("Get of a queued drill says %+v, want %+v", *queued, want)
	}
	if _, err := s.Cancel(t.Context(), "q1", "ann", minute(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "q1"); !errors.Is(err, history.ErrOver) {
		t.Errorf("Get of a cancelled drill = %v, want ErrOver", err)
	}
}

func cancelledCall(t *testing.T, s history.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Begin(ctx, Drill("d1", "orders", 0), "host/1", lease, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin = %v, want context.Canceled", err)
	}
	if _, _, err := s.Enqueue(ctx, Drill("d2", "orders", 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Enqueue = %v, want context.Canceled", err)
	}
	for _, id := range []string{"d1", "d2"} {
		if _, err := s.Entry(t.Context(), id); !errors.Is(err, history.ErrNotFound) {
			t.Errorf("Entry(%s) = %v, want nothing recorded", id, err)
		}
	}
}

func finishedEntry(t *testing.T, s history.Store) {
	d := scheduled("d1", "orders", 0)
	enqueue(t, s, d)
	l := claim(t, s, d.ID, minute(0))
	r := Report(d, verify.Failed)
	finish(t, s, l, r)
	got := entry(t, s, "d1")
	if got.Restore <= 0 || got.Restore > time.Minute {
		t.Errorf("it restored in %s, want about as long as its load of 12.5 s", got.Restore)
	}
	want := history.Entry{
		Drill: d, State: history.Finished, Verdict: verify.Failed, Summary: verify.Summary(r),
		Key: r.Artifact.Key, SHA256: r.Artifact.SHA256, Bytes: r.Artifact.Bytes, MadeAt: r.Artifact.MadeAt, Rows: 10,
		Started: minute(0), Finished: r.Finished, Restore: got.Restore, Owner: got.Owner,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Entry of a finished drill\n got %+v\nwant %+v", got, want)
	}
}

func runningEntry(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	d.Backup = "orders/orders.dump"
	l, err := s.Begin(t.Context(), d, "host/7", lease, minute(1))
	if err != nil {
		t.Fatal(err)
	}
	p := history.Progress{
		Phases: []history.PhaseProgress{{Name: "locate", Began: minute(1), Ended: minute(2)},
			{Name: "load", Began: minute(2), Done: 5, Total: 1 << 40, Unit: "bytes"}},
		Notes: []history.Note{{At: minute(2), Text: "waits for Größe"}}, At: minute(3),
	}
	if by, err := s.Beat(t.Context(), l, lease, p); err != nil || by != "" {
		t.Fatalf("Beat = %q, %v", by, err)
	}
	want := history.Entry{Drill: d, State: history.Running, Started: minute(1), Progress: p, Owner: "host/7"}
	if got := entry(t, s, "d1"); !reflect.DeepEqual(got, want) {
		t.Errorf("Entry of a running drill\n got %+v\nwant %+v", got, want)
	}
	list, err := s.List(t.Context(), history.Filter{Limit: 1})
	if err != nil || len(list) != 1 || list[0].ID != "d1" || list[0].State != history.Running {
		t.Errorf("List = %+v, %v; want the running drill", list, err)
	}
}

func queuedEntry(t *testing.T, s history.Store) {
	d := history.Drill{
		ID: "d1", Target: "orders", Trigger: history.NewBackup, Priority: history.PriorityScheduled, Asked: minute(1), By: "poll",
		ScheduledFor: minute(-5), NotBefore: minute(2), Backup: "orders/new.dump", Appeared: "orders/new.dump@v7", Follows: "d0", Attempt: 2,
	}
	enqueue(t, s, d)
	want := history.Entry{Drill: d, State: history.Queued}
	if got := entry(t, s, "d1"); !reflect.DeepEqual(got, want) {
		t.Errorf("Entry of a queued drill\n got %+v\nwant %+v", got, want)
	}
	list, err := s.Waiting(t.Context(), 10)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], want) {
		t.Errorf("Waiting = %+v, %v\nwant %+v", list, err, want)
	}
	if l := claim(t, s, "d1", minute(2)); !reflect.DeepEqual(l.Drill, d) || l.Owner != "host/1" || !l.Started.Equal(minute(2)) {
		t.Errorf("Claim = %+v, want the drill as it was asked for", l)
	}
}

func withoutBackup(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	r := Report(d, verify.Failed)
	r.Artifact, r.Tables = nil, nil
	finish(t, s, begin(t, s, d), r)
	if e := entry(t, s, "d1"); !e.MadeAt.IsZero() || e.Key != "" || e.SHA256 != "" || e.Rows != 0 {
		t.Errorf("Entry = %+v, want one without a backup", e)
	}
	if p, err := s.Points(t.Context(), "orders", 1); err != nil || len(p) != 1 || p[0].Bytes != 0 || len(p[0].Rows) != 0 {
		t.Errorf("Points = %+v, %v; want one without a backup", p, err)
	}
}

func unknownDrill(t *testing.T, s history.Store) {
	drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	if _, err := s.Entry(t.Context(), "d"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Entry by the beginning of an id = %v, want ErrNotFound", err)
	}
	if _, err := s.Claim(t.Context(), "d2", "host/1", lease, noon); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Claim = %v, want ErrNotFound", err)
	}
	if _, err := s.Cancel(t.Context(), "d2", "ann", noon); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Cancel = %v, want ErrNotFound", err)
	}
}
