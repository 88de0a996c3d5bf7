package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// Finish implements history.Queue.
func (s *Store) Finish(ctx context.Context, l history.Lease, r verify.Report, then func(notify.State) history.Effects) error {
	at := "store the report of drill " + l.ID
	switch {
	case r.Finished.IsZero():
		return fmt.Errorf("%s: it does not say when the drill finished", at)
	case r.Drill != l.ID || r.Target != l.Target:
		return fmt.Errorf("%s of %s: the report is of drill %s of %s", at, l.Target, r.Drill, r.Target)
	}
	return s.change(ctx, at+" in", func(t *tx) error {
		st, err := t.standing(ctx, l.Target)
		if err != nil {
			return err
		}
		e, err := t.entry(ctx, l.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return t.lost(ctx, l) // says so
		}
		if err != nil {
			return err
		}
		e = ended(e, r, history.Finished)
		switch done, err := t.conclude(ctx, e, r, l.Owner, l.Token); {
		case err != nil:
			return err
		case !done:
			return t.lost(ctx, l)
		}
		var effects *history.Effects
		if then != nil {
			all := then(st.Alerts)
			effects = &all
		}
		return t.follow(ctx, st.asOf(e.Finished).after(e), effects)
	})
}

// conclude ends a running drill and stores its report. It reports false when the drill
// is not run by owner under this token.
func (t *tx) conclude(ctx context.Context, e history.Entry, r verify.Report, owner string, token int64) (bool, error) {
	n, err := t.exec(ctx, `UPDATE drills SET state = ?, verdict = ?, summary = ?, object_key = ?, sha256 = ?, bytes = ?, made_at = ?,
		rows = ?, restore = ?, started = ?, finished = ?, lease_until = NULL, progress = ''
		WHERE id = ? AND state = 'running' AND owner = ? AND token = ?`,
		e.State, e.Verdict.String(), e.Summary, e.Key, e.SHA256, e.Bytes, nanos(e.MadeAt),
		e.Rows, int64(e.Restore), e.Started.UnixNano(), e.Finished.UnixNano(), e.ID, owner, token)
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.storeReport(ctx, r)
}

func (t *tx) storeReport(ctx context.Context, r verify.Report) error {
	row, err := reportRow(r)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO reports (drill, report, tables) VALUES (?, ?, ?)`, row...)
	return err
}

// reportRow is a report as it is stored: whole, and with the little that charts show of its
// tables beside it. Sixty reports of thousands of tables take most of a second to read.
func reportRow(r verify.Report) ([]any, error) {
	whole, err := json.Marshal(r)
	if err != nil {
		return nil, answer{fmt.Errorf("write down the report of drill %s: %w", r.Drill, err)}
	}
	tables, err := json.Marshal(history.Largest(r.Tables))
	return []any{r.Drill, string(whole), string(tables)}, err
}

// follow stores how a target stands after an event, and what follows from it; nil
// when nothing does. The target is kept.
func (t *tx) follow(ctx context.Context, st standing, effects *history.Effects) error {
	if effects == nil {
		return t.storeStanding(ctx, st)
	}
	st.Alerts = effects.State
	if err := t.storeStanding(ctx, st); err != nil {
		return err
	}
	if err := t.address(ctx, effects.Alerts); err != nil {
		return err
	}
	for _, d := range effects.Drills {
		if d.Target != st.Target {
			if err := t.keepTarget(ctx, d.Target); err != nil {
				return err
			}
		}
		if _, _, err := t.enqueue(ctx, d); err != nil {
			return err
		}
	}
	return nil
}
