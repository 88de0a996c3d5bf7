package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// lease is who runs a drill, and whether too late.
type lease struct {
	drill, target, owner string
	token                int64
	out                  bool
}

// Reap implements history.Queue.
func (s *Store) Reap(ctx context.Context, dead func(owner string) bool, now time.Time,
	then func(history.Entry, verify.Report, notify.State) history.Effects) ([]history.Entry, error) {
	running, err := s.leases(ctx)
	if err != nil {
		return nil, s.explain("list running drills in", err)
	}
	var reaped []history.Entry
	for _, l := range running {
		gone := dead != nil && dead(l.owner)
		if !gone && !l.out {
			continue
		}
		e, err := s.reap(ctx, l, gone, now, then)
		if err != nil {
			return reaped, err
		}
		if e.ID != "" {
			reaped = append(reaped, e)
		}
	}
	return reaped, nil
}

func (s *Store) leases(ctx context.Context) ([]lease, error) {
	var list []lease
	at := s.look()
	err := at.each(ctx, func(rows *sql.Rows) error {
		var l lease
		var out int64
		err := rows.Scan(&l.drill, &l.target, &l.owner, &l.token, &out)
		l.out = out == 1
		list = append(list, l)
		return err
	}, `SELECT id, target, owner, token, CASE WHEN coalesce(lease_until, 0) <= `+at.clock+` THEN 1 ELSE 0 END
		FROM drills WHERE state = 'running' ORDER BY started, id`)
	return list, err
}

// reap interrupts one drill, unless its owner finished or extended it meanwhile: then
// its entry is zero.
func (s *Store) reap(ctx context.Context, l lease, gone bool, now time.Time,
	then func(history.Entry, verify.Report, notify.State) history.Effects) (reaped history.Entry, err error) {
	err = s.change(ctx, "interrupt drill "+l.drill+" in", func(t *tx) error {
		reaped = history.Entry{}
		st, err := t.standing(ctx, l.target)
		if err != nil {
			return err
		}
		out := ``
		if !gone {
			out = ` AND coalesce(lease_until, 0) <= ` + t.clock
		}
		e, err := scanEntry(t.row(ctx, `SELECT `+columns+` FROM drills
			WHERE id = ? AND state = 'running' AND owner = ? AND token = ?`+out+t.lock, l.drill, l.owner, l.token))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		r := history.InterruptedReport(e, now)
		e = ended(e, r, history.Interrupted)
		if done, err := t.conclude(ctx, e, r, l.owner, l.token); err != nil || !done {
			return err
		}
		var effects *history.Effects
		if then != nil {
			all := then(e, r, st.Alerts)
			effects = &all
		}
		reaped = e
		return t.follow(ctx, st.asOf(e.Finished).after(e), effects)
	})
	return reaped, err
}
