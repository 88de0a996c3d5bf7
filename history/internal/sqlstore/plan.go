package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
)

// planned is what is stored of a target's schedule.
type planned struct {
	spec    string
	since   time.Time
	retired time.Time
}

// Plan implements history.Schedules.
func (s *Store) Plan(ctx context.Context, plans []history.Plan, now time.Time) error {
	return s.change(ctx, "store the schedules in", func(t *tx) error {
		have := make(map[string]planned)
		err := t.each(ctx, func(rows *sql.Rows) error {
			var name string
			var p planned
			err := rows.Scan(&name, &p.spec, when(&p.since), when(&p.retired))
			have[name] = p
			return err
		}, `SELECT name, spec, since, retired FROM targets ORDER BY name`+t.lock)
		if err != nil {
			return err
		}
		var changed []history.Plan
		for _, p := range plans {
			old, known := have[p.Target]
			if !known || old.since.IsZero() || !old.retired.IsZero() || old.spec != p.Spec {
				changed = append(changed, p)
			}
			delete(have, p.Target)
		}
		if err := t.plan(ctx, changed, now); err != nil {
			return err
		}
		for name, old := range have {
			if !old.retired.IsZero() {
				continue
			}
			if err := t.retire(ctx, name, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// plan begins schedules anew, a few hundred at a time. One that another process began
// meanwhile, as when several start on an empty database, is left alone.
func (t *tx) plan(ctx context.Context, plans []history.Plan, now time.Time) error {
	const atOnce = 500
	for len(plans) > 0 {
		n := min(len(plans), atOnce)
		values, args := "", make([]any, 0, 5*n)
		for i, p := range plans[:n] {
			if i > 0 {
				values += ", "
			}
			values += `(?, ?, ?, ?, CAST(? AS BIGINT))`
			args = append(args, p.Target, now.UnixNano(), now.UnixNano(), p.Spec, nanos(p.Next))
		}
		_, err := t.exec(ctx, `INSERT INTO targets (name, since, planned, spec, next_at) VALUES `+values+`
			ON CONFLICT (name) DO UPDATE SET since = coalesce(targets.since, excluded.since), retired = NULL,
				planned = excluded.planned, spec = excluded.spec, next_at = excluded.next_at
				WHERE targets.since IS NULL OR targets.retired IS NOT NULL OR targets.spec <> excluded.spec`, args...)
		if err != nil {
			return err
		}
		plans = plans[n:]
	}
	return nil
}

// retire takes a target off the schedule. What people asked for is drilled all the same.
func (t *tx) retire(ctx context.Context, target string, now time.Time) error {
	_, err := t.exec(ctx, `UPDATE targets SET retired = ?, next_at = NULL WHERE name = ?`, now.UnixNano(), target)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE drills SET state = 'cancelled', finished = ?, cancel_by = 'the configuration, which has no such target any more'
		WHERE target = ? AND state = 'queued' AND cause <> ?`, now.UnixNano(), target, history.Manual)
	return err
}

// Due implements history.Schedules.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]history.Plan, error) {
	var list []history.Plan
	err := s.look().each(ctx, func(rows *sql.Rows) error {
		var p history.Plan
		err := rows.Scan(&p.Target, &p.Spec, when(&p.Next))
		list = append(list, p)
		return err
	}, `SELECT name, spec, next_at FROM targets WHERE retired IS NULL AND next_at IS NOT NULL AND next_at <= ?
		ORDER BY next_at, name LIMIT ?`, now.UnixNano(), limit)
	return list, s.explain("look for due drills in", err)
}

// NextDue implements history.Schedules.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var next time.Time
	err := s.look().row(ctx, `SELECT next_at FROM targets WHERE retired IS NULL AND next_at IS NOT NULL
		ORDER BY next_at LIMIT 1`).Scan(when(&next))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return next, s.explain("look for the next due drill in", err)
}

// Fire implements history.Schedules.
func (s *Store) Fire(ctx context.Context, p history.Plan, next time.Time, d *history.Drill) (fired bool, err error) {
	err = s.change(ctx, "fire the schedule of target "+p.Target+" in", func(t *tx) error {
		n, err := t.exec(ctx, `UPDATE targets SET next_at = CAST(? AS BIGINT) WHERE name = ? AND spec = ? AND next_at = ? AND retired IS NULL`,
			nanos(next), p.Target, p.Spec, nanos(p.Next))
		fired = n == 1
		if err != nil || !fired || d == nil {
			return err
		}
		if d.Target != p.Target {
			return answer{fmt.Errorf("fire the schedule of target %s: the drill is of target %s", p.Target, d.Target)}
		}
		if _, fresh, err := t.enqueue(ctx, *d); err != nil || !fresh {
			return err
		}
		return t.fold(ctx, *d)
	})
	return fired && err == nil, err
}

// fold calls an occurrence off where an earlier one still waits: that drill finds the
// newest backup when it begins, and a target that is slow, or closed for a weekend, would
// else be drilled again and again without a pause.
func (t *tx) fold(ctx context.Context, d history.Drill) error {
	var earlier string
	err := t.row(ctx, `SELECT id FROM drills WHERE target = ? AND state = 'queued' AND scheduled_for < ? ORDER BY scheduled_for LIMIT 1`,
		d.Target, nanos(d.ScheduledFor)).Scan(&earlier)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE drills SET state = 'cancelled', finished = ?, cancel_by = ? WHERE id = ?`,
		d.Asked.UnixNano(), "drill "+earlier+", which still waits", d.ID)
	return err
}

// Turn implements history.Schedules.
func (s *Store) Turn(ctx context.Context, name string, prev, next time.Time, alerts []history.Addressed) (turned bool, err error) {
	err = s.change(ctx, "move the moment "+name+" in", func(t *tx) error {
		if _, err := t.exec(ctx, `INSERT INTO moments (name) VALUES (?) ON CONFLICT DO NOTHING`, name); err != nil {
			return err
		}
		var stored time.Time
		if err := t.row(ctx, `SELECT at FROM moments WHERE name = ?`+t.lock, name).Scan(when(&stored)); err != nil {
			return err
		}
		if turned = stored.Equal(prev); !turned {
			return nil
		}
		if _, err := t.exec(ctx, `UPDATE moments SET at = CAST(? AS BIGINT) WHERE name = ?`, nanos(next), name); err != nil {
			return err
		}
		return t.address(ctx, alerts)
	})
	return turned && err == nil, err
}

// Moment implements history.Schedules.
func (s *Store) Moment(ctx context.Context, name string) (time.Time, error) {
	var at time.Time
	err := s.look().row(ctx, `SELECT at FROM moments WHERE name = ?`, name).Scan(when(&at))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return at, s.explain("read the moment "+name+" from", err)
}

// Keep implements history.Schedules.
func (s *Store) Keep(ctx context.Context, name, text string) error {
	return s.change(ctx, "keep the text "+name+" in", func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO texts (name, text) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text`,
			name, text)
		return err
	})
}

// Kept implements history.Schedules.
func (s *Store) Kept(ctx context.Context, name string) (string, error) {
	var text string
	err := s.look().row(ctx, `SELECT text FROM texts WHERE name = ?`, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return text, s.explain("read the text "+name+" from", err)
}
