package main

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// maxAttempts is how many drills are made of one at most, and soonAttempts those that do not
// depend on its schedule: what docs and pages say.
const (
	maxAttempts  = 6
	soonAttempts = 3
)

// ledger is all drills on record, to be audited.
type ledger struct {
	list      []history.Entry // oldest first
	byID      map[string]history.Entry
	followers map[string][]history.Entry
	folded    []history.Entry // called off because an earlier one of the schedule still waited
}

// readLedger reads the whole record of the history at address. Nothing may be queued or
// running any more.
func readLedger(t testing.TB, address string, store history.Store) *ledger {
	t.Helper()
	for _, state := range []history.State{history.Queued, history.Running} {
		if n, err := store.Count(t.Context(), state); err != nil || n != 0 {
			t.Errorf("%d drills are %s in the end, %v; want none", n, state, err)
		}
	}
	l := &ledger{byID: make(map[string]history.Entry), followers: make(map[string][]history.Entry)}
	const page = 1000
	for f := (history.Filter{Limit: page}); ; {
		list, err := store.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		l.list = append(l.list, list...)
		if len(list) < page {
			break
		}
		f.Before = list[len(list)-1].Cursor()
	}
	slices.Reverse(l.list)
	for _, e := range l.list {
		if _, twice := l.byID[e.ID]; twice {
			t.Errorf("drill %s is on record twice", e.ID)
		}
		l.byID[e.ID] = e
		if e.Follows != "" {
			l.followers[e.Follows] = append(l.followers[e.Follows], e)
		}
	}
	l.readFolded(t, address)
	return l
}

// readFolded reads what never began, which no list shows, past the store.
func (l *ledger) readFolded(t testing.TB, address string) {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(address, "postgres://") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT id, target, cause, asked, scheduled_for, cancel_by FROM drills WHERE state = 'cancelled'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e history.Entry
		var asked, due sql.NullInt64
		if err := rows.Scan(&e.ID, &e.Target, &e.Trigger, &asked, &due, &e.CancelBy); err != nil {
			t.Fatal(err)
		}
		e.Asked, e.ScheduledFor = time.Unix(0, asked.Int64), time.Unix(0, due.Int64)
		l.folded = append(l.folded, e)
		earlier := l.byID[strings.TrimSuffix(strings.TrimPrefix(e.CancelBy, "drill "), ", which still waits")]
		if !due.Valid || earlier.Target != e.Target || earlier.Started.Before(e.Asked) {
			t.Errorf("drill %s of %s was called off by %q, and not for one that waited and began after it", e.ID, e.Target, e.CancelBy)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// count counts drills that something holds of.
func (l *ledger) count(holds func(history.Entry) bool) int {
	n := 0
	for _, e := range l.list {
		if holds(e) {
			n++
		}
	}
	return n
}

// auditChains checks that every drill is over, and followed by exactly what has to follow.
// Plans are those of targets that have one.
func (l *ledger) auditChains(t testing.TB, plans map[string]schedule) {
	t.Helper()
	for _, e := range l.list {
		if e.State != history.Finished && e.State != history.Interrupted || e.Finished.IsZero() || e.Verdict == verify.Unknown {
			t.Errorf("drill %s of %s is %s, %s, ended %s; want it over", e.ID, e.Target, e.State, e.Verdict, e.Finished)
		}
		if e.Follows != "" && l.byID[e.Follows].Target != e.Target {
			t.Errorf("drill %s of %s follows %s, which is no drill of this target", e.ID, e.Target, e.Follows)
		}
		want, by := 0, []history.Trigger{history.Confirm}
		soon, late := e.Attempt < soonAttempts, e.Attempt < maxAttempts && e.Trigger != history.Confirm
		switch {
		case e.State == history.Interrupted && (soon || late && e.Trigger == history.Retry):
			want, by = 1, append(by, history.TakeOver)
		case e.State == history.Finished && e.Verdict == verify.Errored && (soon || late && !l.scheduledSoon(e, plans[e.Target])):
			want, by = 1, append(by, history.Retry)
		case e.State == history.Finished && e.Verdict == verify.Failed && e.Trigger != history.Confirm:
			want = len(l.followers[e.ID]) // none where a second look cannot change it
			want = min(want, 1)
		}
		got := l.followers[e.ID]
		if len(got) != want {
			t.Errorf("drill %s of %s, %s, %s, attempt %d, is followed by %d drills, want %d", e.ID, e.Target, e.State, e.Verdict, e.Attempt, len(got), want)
		}
		for _, f := range got {
			if !slices.Contains(by, f.Trigger) {
				t.Errorf("drill %s of %s, %s, %s, is followed by a %s, want one of %v", e.ID, e.Target, e.State, e.Verdict, f.Trigger, by)
			}
		}
	}
}

// scheduledSoon reports whether nothing followed a drill of a target, and its schedule makes
// the next before another attempt of this one would be due: then nothing has to.
func (l *ledger) scheduledSoon(e history.Entry, plan schedule) bool {
	const longest, lag = 12 * time.Hour, 12 * time.Hour // the pause before an attempt; how far the clock runs ahead of what is decided
	return plan != nil && len(l.followers[e.ID]) == 0 && plan.Next(e.Started).Before(e.Finished.Add(longest+lag))
}

// verdicts counts the drills of a chain that ended in a verdict, beginning with one.
func (l *ledger) verdicts(e history.Entry) int {
	n := 0
	if e.State == history.Finished && e.Verdict != verify.Errored {
		n++
	}
	for _, f := range l.followers[e.ID] {
		n += l.verdicts(f)
	}
	return n
}

// story is what was drilled of a target in a time, for a person to read.
func (l *ledger) story(target string, from, to time.Time) string {
	text := &strings.Builder{}
	for _, e := range slices.Concat(l.list, l.folded) {
		if e.Target == target && !e.Asked.Before(from) && !e.Asked.After(to) {
			fmt.Fprintf(text, "  %s %s attempt %d: asked %s, due %s, ran %s to %s: %s, %s\n", e.ID, e.Trigger, e.Attempt, e.Asked.Format(time.RFC3339),
				e.ScheduledFor.Format(time.RFC3339), e.Started.Format(time.RFC3339), e.Finished.Format(time.RFC3339), ending(e), e.Summary)
		}
	}
	return text.String()
}

// schedule says when something is due, and how often.
type schedule interface {
	Next(after time.Time) time.Time
	Interval(at time.Time) time.Duration
}

// fired are the drills that a schedule asked for, in the order of their times.
func (l *ledger) fired(target string) []history.Entry {
	var list []history.Entry
	for _, e := range slices.Concat(l.list, l.folded) {
		if e.Target == target && !e.ScheduledFor.IsZero() {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b history.Entry) int { return cmp.Compare(a.ScheduledFor.UnixNano(), b.ScheduledFor.UnixNano()) })
	return list
}

// auditSchedule checks that every occurrence of a target's schedule since begin was fired
// exactly once: by a drill for it, or by one that was late and stands for all that went by
// meanwhile. One that was called off for an earlier one that waited counts. It returns how many occurrences there were, and the drills that were late.
func (l *ledger) auditSchedule(t testing.TB, target string, plan schedule, begin, planned time.Time) (occurrences int, late []history.Entry) {
	t.Helper()
	due := plan.Next(begin)
	for _, e := range l.fired(target) {
		if !e.ScheduledFor.Equal(due) {
			t.Errorf("%s: drill %s is for %s, want one for %s", target, e.ID, e.ScheduledFor.Format(time.RFC3339), due.Format(time.RFC3339))
			return occurrences, late
		}
		if e.Asked.Before(due) {
			t.Errorf("%s: drill %s for %s was queued before, at %s", target, e.ID, due.Format(time.RFC3339), e.Asked.Format(time.RFC3339))
		}
		tardy := e.Asked.Sub(due) > lateBy
		if tardy {
			late = append(late, e)
		}
		if (e.Trigger == history.CatchUp) != tardy || e.Trigger != history.CatchUp && e.Trigger != history.Scheduled {
			t.Errorf("%s: drill %s for %s was queued at %s as %s", target, e.ID, due.Format(time.RFC3339), e.Asked.Format(time.RFC3339), e.Trigger)
		}
		next := plan.Next(e.Asked)
		for ; due.Before(next); due = plan.Next(due) {
			occurrences++
		}
		due = next
	}
	if !planned.Equal(due) {
		t.Errorf("%s: its next drill is planned for %s, want %s", target, planned.Format(time.RFC3339), due.Format(time.RFC3339))
	}
	return occurrences, late
}

// lateBy is how late a drill is when it counts as missed before.
const lateBy = 5 * time.Minute
