package jobs

import (
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

func nextID(time.Time) string { return "next" }

// ended is a report with one result, about a backup that was found unless the code says otherwise.
func ended(v verify.Verdict, code string) verify.Report {
	rep := verify.Report{Drill: "d1", Target: "orders", Verdict: v, Finished: noon,
		Results: []verify.Result{{Verdict: v, Code: code}}}
	if code != verify.BackupAbsent {
		rep.Artifact = &verify.Artifact{Key: "orders.dump"}
	}
	return rep
}

func TestWhatFollowsFromADrill(t *testing.T) {
	tests := []struct {
		name    string
		drill   history.Drill
		report  verify.Report
		trigger history.Trigger // empty: nothing follows
		backup  string
		attempt int
		after   time.Duration
	}{
		{"one that passed is over", history.Drill{Attempt: 1}, ended(verify.Passed, ""), "", "", 0, 0},
		{"one that warned is over", history.Drill{Attempt: 1}, ended(verify.Warned, verify.RTOExceeded), "", "", 0, 0},
		{"one that could not tell is tried again", history.Drill{Attempt: 1}, ended(verify.Errored, verify.StorageUnreachable), history.Retry, "", 2, 5 * time.Minute},
		{"and once more, later", history.Drill{Attempt: 2, Trigger: history.Retry}, ended(verify.Errored, verify.StorageUnreachable), history.Retry, "", 3, 30 * time.Minute},
		{"and for as long as an outage may last", history.Drill{Attempt: 3, Trigger: history.Retry}, ended(verify.Errored, verify.StorageUnreachable), history.Retry, "", 4, 2 * time.Hour},
		{"until its schedule makes the next", history.Drill{Attempt: 5, Trigger: history.Retry}, ended(verify.Errored, verify.StorageUnreachable), "", "", 0, 0},
		{"one that was taken over twice too", history.Drill{Attempt: 3, Trigger: history.TakeOver}, ended(verify.Errored, verify.StorageUnreachable), history.Retry, "", 4, 2 * time.Hour},
		{"an older backup is not for so long", history.Drill{Attempt: 3, Trigger: history.Retry, Backup: "old.dump"}, ended(verify.Errored, verify.StorageUnreachable), "", "", 0, 0},
		{"a bad backup is looked at a second time", history.Drill{Attempt: 1}, ended(verify.Failed, verify.RowsMissing), history.Confirm, "orders.dump", 1, 0},
		{"even when it took a retry to find out", history.Drill{Attempt: 3, Trigger: history.Retry}, ended(verify.Failed, verify.RowsMissing), history.Confirm, "orders.dump", 1, 0},
		{"and not a third time", history.Drill{Attempt: 1, Trigger: history.Confirm, Backup: "orders.dump"}, ended(verify.Failed, verify.RowsMissing), "", "", 0, 0},
		{"a second look that passed is over", history.Drill{Attempt: 1, Trigger: history.Confirm, Backup: "orders.dump"}, ended(verify.Passed, ""), "", "", 0, 0},
		{"a second look that could not tell is tried again as one", history.Drill{Attempt: 1, Trigger: history.Confirm, Backup: "orders.dump"},
			ended(verify.Errored, verify.OutOfRoom), history.Confirm, "orders.dump", 2, 5 * time.Minute},
		{"a second look for which nothing is left is over", history.Drill{Attempt: 1, Trigger: history.Confirm, Backup: "orders.dump"},
			ended(verify.Errored, verify.ObjectChanged), "", "", 0, 0},
		{"an absent backup cannot be looked at again", history.Drill{Attempt: 1}, ended(verify.Failed, verify.BackupAbsent), "", "", 0, 0},
		{"an old backup does not get younger", history.Drill{Attempt: 1}, ended(verify.Failed, verify.BackupStale), "", "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.drill.ID, tt.drill.Target = "d1", "orders"
			got := FollowUp(tt.drill, tt.report, noon, noon.Add(9*time.Hour), nextID)
			if tt.trigger == "" {
				if got != nil {
					t.Fatalf("FollowUp = %+v, want nothing", got)
				}
				return
			}
			if got == nil {
				t.Fatalf("FollowUp = nothing, want a %s", tt.trigger)
			}
			want := history.Drill{ID: "next", Target: "orders", Trigger: tt.trigger, Priority: history.PriorityFollowUp,
				Asked: noon, Backup: tt.backup, Follows: "d1", Attempt: tt.attempt}
			if tt.after > 0 {
				want.NotBefore = noon.Add(tt.after)
			}
			if *got != want {
				t.Errorf("FollowUp = %+v\nwant %+v", *got, want)
			}
		})
	}
}

func TestRetriesGoOnWithoutASchedule(t *testing.T) {
	d, at := history.Drill{ID: "d1", Target: "weekly", Attempt: 1}, noon
	for range maxAttempts - 1 {
		next := FollowUp(d, ended(verify.Errored, verify.StorageUnreachable), at, time.Time{}, nextID)
		if next == nil {
			t.Fatalf("nothing follows attempt %d", d.Attempt)
		}
		d, at = *next, next.NotBefore
	}
	if next := FollowUp(d, ended(verify.Errored, verify.StorageUnreachable), at, time.Time{}, nextID); next != nil {
		t.Errorf("attempt %d is followed by %+v", d.Attempt, *next)
	}
	if lasted := at.Sub(noon); lasted < 20*time.Hour {
		t.Errorf("the last attempt is made after %s, which an outage of a working day outlasts", lasted)
	}
}

func TestARetryKeepsOutOfMaintenanceWindows(t *testing.T) {
	until := noon.Add(3 * time.Hour)
	target := Target{Windows: closedUntil(until)}
	next := target.followUp(history.Drill{ID: "d1", Target: "orders", Attempt: 1}, ended(verify.Errored, verify.StorageUnreachable), noon, nextID)
	if next == nil || !next.NotBefore.Equal(until) {
		t.Errorf("FollowUp = %+v, want one not before %s", next, until)
	}
	next = target.followUp(history.Drill{ID: "d1", Target: "orders", Attempt: 1}, ended(verify.Failed, verify.RowsMissing), noon, nextID)
	if next == nil || !next.NotBefore.IsZero() {
		t.Errorf("FollowUp = %+v, want a second look at once", next)
	}
}

// closedUntil is a window that ends then.
type closedUntil time.Time

func (c closedUntil) Closed(at time.Time) (bool, time.Time) {
	return at.Before(time.Time(c)), time.Time(c)
}

func TestADrillIsTakenOverUntilItsLastAttempt(t *testing.T) {
	d := history.Drill{ID: "d1", Target: "orders", Trigger: history.Scheduled, Attempt: 1, ScheduledFor: noon, Appeared: "x", By: "schedule"}
	seen := map[string]bool{d.ID: true}
	n := 0
	for next := takeOver(d, noon); next != nil; next = takeOver(*next, noon) {
		if n++; n >= soonAttempts {
			t.Fatalf("taken over %d times", n)
		}
		if seen[next.ID] || next.Trigger != history.TakeOver || !next.ScheduledFor.IsZero() || next.Appeared != "" {
			t.Errorf("take-over is %+v", *next)
		}
		seen[next.ID] = true
	}
	if n != soonAttempts-1 {
		t.Errorf("taken over %d times, want %d", n, soonAttempts-1)
	}
	if next := takeOver(history.Drill{ID: "r", Trigger: history.Retry, Attempt: 4}, noon); next == nil || next.Attempt != 5 || takeOver(*next, noon) != nil {
		t.Errorf("a late retry that died is followed by %+v, want one take-over", next)
	}
	confirm := history.Drill{ID: "c", Trigger: history.Confirm, Backup: "k", Attempt: 1}
	if next := takeOver(confirm, noon); next == nil || next.Trigger != history.Confirm || next.Backup != "k" {
		t.Errorf("take-over of a confirmation is %+v, want a confirmation of the same backup", next)
	}
}

func TestWhatAPersonDrillsByHandIsNotTakenOver(t *testing.T) {
	e := history.Entry{Drill: history.Drill{ID: "d1", Target: "orders", Trigger: history.Manual, By: ByHand, Attempt: 1}}
	now := func() time.Time { return noon }
	if got := TakenOver(now)(e, verify.Report{}, notify.State{}); len(got.Drills) > 0 {
		t.Errorf("taken over as %+v, though nobody waits for it", got.Drills)
	}
	e.By = "anna"
	if got := TakenOver(now)(e, verify.Report{}, notify.State{}); len(got.Drills) != 1 {
		t.Errorf("a drill of the queue is taken over as %+v, want one drill", got.Drills)
	}
	e.CancelBy = "anna"
	if got := TakenOver(now)(e, verify.Report{}, notify.State{}); len(got.Drills) > 0 {
		t.Errorf("a drill that was called off is taken over as %+v", got.Drills)
	}
}
