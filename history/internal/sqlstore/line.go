package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// columns are what an Entry is read from.
const columns = `id, target, cause, priority, asked, asked_by, scheduled_for, not_before, backup, appeared, follows, attempt,
	state, verdict, summary, object_key, sha256, bytes, made_at, rows, restore, started, finished,
	why, waits_since, progress, owner, cancel_by`

type scanner interface{ Scan(...any) error }

func scanEntry(row scanner) (history.Entry, error) {
	var e history.Entry
	var verdict, progress string
	err := row.Scan(&e.ID, &e.Target, &e.Trigger, &e.Priority, when(&e.Asked), &e.By, when(&e.ScheduledFor), when(&e.NotBefore),
		&e.Backup, &e.Appeared, &e.Follows, &e.Attempt, &e.State, &verdict, &e.Summary, &e.Key, &e.SHA256, &e.Bytes, when(&e.MadeAt),
		&e.Rows, &e.Restore, when(&e.Started), when(&e.Finished), &e.Why, when(&e.WaitsSince), &progress, &e.Owner, &e.CancelBy)
	if err != nil {
		return e, err
	}
	if e.State != history.Queued { // it does not wait any more
		e.Why, e.WaitsSince = "", time.Time{}
	}
	if progress != "" {
		if err := json.Unmarshal([]byte(progress), &e.Progress); err != nil {
			return e, err
		}
	}
	return e, e.Verdict.UnmarshalText([]byte(verdict))
}

// entry reads one drill; sql.ErrNoRows when there is none.
func (s session) entry(ctx context.Context, drill string) (history.Entry, error) {
	return scanEntry(s.row(ctx, `SELECT `+columns+` FROM drills WHERE id = ?`, drill))
}

// ended is what a drill's row repeats of its report.
func ended(e history.Entry, r verify.Report, s history.State) history.Entry {
	e.State, e.Verdict, e.Summary = s, r.Verdict, plain(verify.Summary(r))
	e.Finished, e.Restore = r.Finished.UTC(), history.RestoreTime(r)
	if !r.Started.IsZero() {
		e.Started = r.Started.UTC()
	}
	e.Why, e.WaitsSince, e.Progress = "", time.Time{}, history.Progress{}
	e.Rows = 0
	if a := r.Artifact; a != nil {
		e.Key, e.SHA256, e.Bytes, e.MadeAt = a.Key, a.SHA256, a.Bytes, a.MadeAt
	}
	for _, t := range r.Tables {
		e.Rows += t.Rows
	}
	return e
}
