package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
)

// Enqueue implements history.Queue. A drill that is held back has no job.
func (s *Store) Enqueue(ctx context.Context, d history.Drill) (id string, fresh bool, err error) {
	err = s.change(ctx, "queue drill "+d.ID+" in", func(t *tx) error {
		if err := t.keepTarget(ctx, d.Target); err != nil {
			return err
		}
		id, fresh, err = t.enqueue(ctx, d)
		return err
	})
	return id, fresh, err
}

// keepTarget makes sure of a target's row and keeps it for this transaction: what
// changes a target happens one after another.
func (t *tx) keepTarget(ctx context.Context, target string) error {
	if _, err := t.exec(ctx, `INSERT INTO targets (name) VALUES (?) ON CONFLICT DO NOTHING`, target); err != nil {
		return err
	}
	_, err := t.strings(ctx, `SELECT name FROM targets WHERE name = ?`+t.lock, target)
	return err
}

// enqueue queues a drill of a target that is kept.
func (t *tx) enqueue(ctx context.Context, d history.Drill) (id string, fresh bool, err error) {
	id, err = t.twin(ctx, d)
	if err != nil || id != "" {
		return id, false, err
	}
	if err := t.insert(ctx, d, history.Queued); err != nil {
		return "", false, err
	}
	if d.NotBefore.After(d.Asked) {
		return d.ID, true, nil
	}
	return d.ID, true, t.deliver(ctx, d.ID, d.Priority)
}

// twin finds the drill that d would repeat.
func (t *tx) twin(ctx context.Context, d history.Drill) (id string, err error) {
	const of = `SELECT id FROM drills WHERE target = ? AND `
	switch {
	case !d.ScheduledFor.IsZero():
		err = t.row(ctx, of+`scheduled_for = ?`, d.Target, nanos(d.ScheduledFor)).Scan(&id)
	case d.Appeared != "":
		err = t.row(ctx, of+`appeared = ? AND appeared <> ''`, d.Target, d.Appeared).Scan(&id)
	case d.Trigger == history.Manual:
		err = t.row(ctx, of+`state = 'queued' AND cause = ? AND backup = ? ORDER BY asked, id LIMIT 1`,
			d.Target, history.Manual, d.Backup).Scan(&id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// insert records a drill that has not ended.
func (t *tx) insert(ctx context.Context, d history.Drill, state history.State) error {
	up := d.NotBefore
	if up.IsZero() {
		up = d.Asked
	}
	n, err := t.exec(ctx, `INSERT INTO drills (id, target, cause, priority, asked, asked_by, scheduled_for, not_before, up_at,
			backup, appeared, follows, attempt, state) VALUES (`+marks(14)+`) ON CONFLICT (id) DO NOTHING`,
		d.ID, d.Target, d.Trigger, d.Priority, d.Asked.UnixNano(), d.By, nanos(d.ScheduledFor), nanos(d.NotBefore), up.UnixNano(),
		d.Backup, d.Appeared, d.Follows, d.Attempt, state)
	if err == nil && n == 0 {
		return answer{fmt.Errorf("record drill %s: a drill of this id is there already", d.ID)}
	}
	return err
}

// Waiting implements history.Record.
func (s *Store) Waiting(ctx context.Context, limit int) ([]history.Entry, error) {
	list, err := s.look().entries(ctx,
		`SELECT `+columns+` FROM drills WHERE state = 'queued' ORDER BY priority, up_at, id LIMIT ?`, limit)
	return list, s.explain("list waiting drills in", err)
}

// Wait implements history.Queue. The time counts from when the reason began.
func (s *Store) Wait(ctx context.Context, drill, why string, now time.Time) error {
	return s.change(ctx, "record why drill "+drill+" waits in", func(t *tx) error {
		since := nanos(now)
		if why == "" {
			since = nil
		}
		n, err := t.exec(ctx, `UPDATE drills SET why = ?, waits_since = CASE WHEN why = ? THEN waits_since ELSE CAST(? AS BIGINT) END
			WHERE id = ? AND state = 'queued'`, why, why, since, drill)
		if err != nil || n == 1 {
			return err
		}
		_, err = t.state(ctx, drill)
		return err
	})
}

// state is how far a drill is.
func (t *tx) state(ctx context.Context, drill string) (state history.State, err error) {
	err = t.row(ctx, `SELECT state FROM drills WHERE id = ?`, drill).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", answer{fmt.Errorf("%w: drill %s", history.ErrNotFound, drill)}
	}
	return state, err
}

// Cancel implements history.Queue.
func (s *Store) Cancel(ctx context.Context, drill, by string, now time.Time) (found history.State, err error) {
	err = s.change(ctx, "call off drill "+drill+" in", func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE drills SET state = 'cancelled', finished = ?, cancel_by = ? WHERE id = ? AND state = 'queued'`,
			now.UnixNano(), by, drill)
		if err != nil {
			return err
		}
		if n == 1 {
			found = history.Queued
			return nil
		}
		n, err = t.exec(ctx, `UPDATE drills SET cancel_by = CASE WHEN cancel_by = '' THEN ? ELSE cancel_by END
			WHERE id = ? AND state = 'running'`, by, drill)
		if err != nil {
			return err
		}
		if found, err = t.state(ctx, drill); err != nil {
			return err
		}
		if n == 0 {
			return answer{fmt.Errorf("call off drill %s: %w: it is %s", drill, history.ErrOver, found)}
		}
		return nil
	})
	return found, err
}
