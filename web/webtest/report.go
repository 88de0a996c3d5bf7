package webtest

import (
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// Report is one of a drill that began at a time, with something in every field.
func Report(d history.Drill, v verify.Verdict, began time.Time) verify.Report {
	made := began.Add(-3 * time.Hour)
	r := verify.Report{
		Schema: verify.Schema, Drill: d.ID, Target: d.Target, Verdict: v,
		Artifact: &verify.Artifact{
			Source: "offsite", Key: key(d.Target, 1), Kind: "object", Objects: 1, Bytes: 1 << 30, SHA256: "ab12cd34",
			MadeAt: made, MadeAtFrom: "name", Version: "v1", Layers: []string{"age", "zstd"},
		},
		Candidates: []verify.Candidate{
			{Key: key(d.Target, 0), MadeAt: began, Bytes: 5, Reason: "still growing"},
			{Key: key(d.Target, 1), MadeAt: made, Bytes: 1 << 30},
		},
		Manifest:   &verify.Manifest{Engine: "postgres", Format: "pg_dump custom", ServerVersion: "16.4", MadeAt: &made, Objects: 3},
		Results:    results(d.Target, v),
		Tables:     tables(2),
		Restore:    &verify.Restore{Tool: "pg_restore 16.4", Errors: map[string]int{"role": 2}},
		NotChecked: []string{"large objects: not counted"}, Started: began, Finished: began.Add(5 * time.Minute),
		Phases: []verify.Phase{
			{Name: "locate", Start: 0, Seconds: 0.5}, {Name: "inspect", Start: 0.5, Seconds: 0.25},
			{Name: "restore", Start: 1, Seconds: 240, Bytes: 1 << 30, Rows: 2_000_010}, {Name: "check", Start: 241, Seconds: 30.5},
		},
		Sandbox: &verify.Sandbox{
			Runner: "docker", Image: "postgres:16", Isolated: true, PeakMemory: 1 << 29, PeakDisk: 1 << 31, CPUSeconds: 200,
		},
	}
	if v == verify.Errored {
		r.Artifact, r.Manifest, r.Tables, r.Restore, r.Sandbox = nil, nil, nil, nil, nil
		r.Error = "storage offsite did not answer"
		r.NotChecked = []string{"everything: the drill could not tell"}
	}
	return r
}

func results(target string, v verify.Verdict) []verify.Result {
	list := []verify.Result{{Check: "census", Verdict: verify.Passed, Subject: "all tables", Observed: "2,000,010 rows", Seconds: 0.5}}
	worst := verify.Result{Verdict: v, Subject: "public.orders", Detail: "Rows of the dump are missing after the restore.",
		Hint: "Make a new backup and drill it."}
	switch v {
	case verify.Warned:
		worst.Check, worst.Code, worst.Observed, worst.Expected = "rto", verify.RTOExceeded, "50 min", "at most 45 min"
	case verify.Errored:
		worst.Check, worst.Code, worst.Subject = "locate", verify.StorageUnreachable, "offsite"
	case verify.Failed:
		worst.Check, worst.Code, worst.Observed, worst.Expected = "census", verify.RowsMissing, "10 rows", "2,000,000 rows"
	default:
		return list
	}
	if target == Hostile {
		worst.Subject, worst.Observed, worst.Detail = HostileText, HostileText, HostileText
	}
	return append(list, worst)
}

// tables are n tables with a row more in each.
func tables(n int) []verify.Table {
	list := make([]verify.Table, n)
	for i := range list {
		rows := int64(i) * 1000
		list[i].Schema, list[i].Name = "public", fmt.Sprintf("table_%04d", i)
		list[i].Rows, list[i].DumpRows = rows, &rows
	}
	return list
}

// problem opens or repeats the problem of a bad backup.
func problem(prev notify.State, r verify.Report, since time.Time) history.Effects {
	worst := r.Results[len(r.Results)-1]
	reason := notify.Repeated
	p, open := prev.Problems[notify.BadBackup]
	if !open {
		reason = notify.Opened
		p = notify.Problem{ID: "problem-" + r.Drill, Since: since}
	}
	p.SentAt, p.Verdict, p.Code, p.Subject = r.Finished, r.Verdict, worst.Code, worst.Subject
	next := notify.State{Problems: map[notify.Kind]notify.Problem{notify.BadBackup: p}, Numbered: prev.Numbered + 1}
	a := notify.Alert{
		ID: fmt.Sprintf("%s-%d", p.ID, next.Numbered), Problem: p.ID, Kind: notify.BadBackup, Reason: reason, Audience: notify.Owners,
		Target: r.Target, Verdict: r.Verdict, Title: "The newest backup of " + r.Target + " does not restore whole.",
		Code: worst.Code, Subject: worst.Subject, Expected: worst.Expected, Observed: worst.Observed, Detail: worst.Detail, Hint: worst.Hint,
		Drill: r.Drill, Backup: r.Artifact, Since: since, At: r.Finished, Report: &r,
	}
	quiet := a
	quiet.ID, quiet.Audience = a.ID+"-quiet", notify.Operators
	return history.Effects{State: next, Alerts: []history.Addressed{
		{Alert: a, To: []string{"ops", "pager"}}, {Alert: quiet, Suppressed: "maintenance window until 04:00"},
	}}
}

// outbox delivers the first alert, gives up on the second and fails once on the third.
func (f *filler) outbox() {
	f.t.Helper()
	ctx := f.t.Context()
	due, err := f.store.ClaimDeliveries(ctx, "host/1", lease, f.now, 3)
	if err != nil || len(due) != 3 {
		f.t.Fatalf("ClaimDeliveries = %d, %v; want 3", len(due), err)
	}
	if err := f.store.Delivered(ctx, due[0], "thread-1", f.now.Add(-time.Hour)); err != nil {
		f.t.Fatal(err)
	}
	if err := f.store.GiveUp(ctx, due[1], "the receiver answered 403", f.now.Add(-time.Hour), nil); err != nil {
		f.t.Fatal(err)
	}
	if err := f.store.Postpone(ctx, due[2], "the receiver answered 500", f.now.Add(time.Hour), f.now, false); err != nil {
		f.t.Fatal(err)
	}
}
