package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
)

// errRunning is told by the index that allows one running drill of a target.
var errRunning = errors.New("another drill of the target runs")

// leasing gives a drill to an owner. Its arguments are owner, length of the lease, time.
const leasing = `UPDATE drills SET state = 'running', owner = ?, lease_until = %s + ?, token = token + 1, started = ?,
	finished = NULL, progress = '', cancel_by = '' WHERE id = ? AND state = 'queued' RETURNING token`

// Claim implements history.Queue.
func (s *Store) Claim(ctx context.Context, drill, owner string, lease time.Duration, now time.Time) (history.Lease, error) {
	l := history.Lease{Owner: owner, Started: now.UTC()}
	err := s.change(ctx, "claim drill "+drill+" in", func(t *tx) error {
		var err error
		l.Token, err = t.lease(ctx, drill, owner, lease, now)
		if errors.Is(err, sql.ErrNoRows) {
			return t.refuseClaim(ctx, drill)
		}
		if err != nil {
			return err
		}
		e, err := t.entry(ctx, drill)
		l.Drill = e.Drill
		return err
	})
	if errors.Is(err, errRunning) {
		err = s.refuse(ctx, `(SELECT target FROM drills WHERE id = ?)`, drill)
	}
	if err != nil {
		return history.Lease{}, err
	}
	return l, nil
}

func (t *tx) lease(ctx context.Context, drill, owner string, lease time.Duration, now time.Time) (token int64, err error) {
	err = t.row(ctx, fmt.Sprintf(leasing, t.clock), owner, int64(lease), now.UnixNano(), drill).Scan(&token)
	if t.conflict(err) {
		err = answer{errRunning}
	}
	return token, err
}

func (t *tx) refuseClaim(ctx context.Context, drill string) error {
	state, err := t.state(ctx, drill)
	switch {
	case err != nil:
		return err
	case state == history.Running:
		return answer{fmt.Errorf("claim drill %s: %w", drill, history.ErrTaken)}
	}
	return answer{fmt.Errorf("claim drill %s: %w: it is %s", drill, history.ErrOver, state)}
}

// refuse names the drill that runs. It may have ended since; then its name is gone.
func (s *Store) refuse(ctx context.Context, target string, arg any) error {
	running := &history.RunningError{}
	err := s.look().row(ctx, `SELECT target, id, started FROM drills WHERE state = 'running' AND target = `+target, arg).
		Scan(&running.Target, &running.Drill, when(&running.Since))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errors.New("another drill of this target ended just now; try again")
	case err != nil:
		return s.explain("find the running drill in", err)
	}
	return running
}

// Begin implements history.Queue.
func (s *Store) Begin(ctx context.Context, d history.Drill, owner string, lease time.Duration, now time.Time) (history.Lease, error) {
	l := history.Lease{Drill: d, Owner: owner, Started: now.UTC()}
	err := s.change(ctx, "begin drill "+d.ID+" in", func(t *tx) error {
		err := t.keepTarget(ctx, d.Target)
		if err == nil {
			err = t.insert(ctx, d, history.Queued)
		}
		if err == nil {
			l.Token, err = t.lease(ctx, d.ID, owner, lease, now)
		}
		return err
	})
	if errors.Is(err, errRunning) {
		err = s.refuse(ctx, `?`, d.Target)
	}
	if err != nil {
		return history.Lease{}, err
	}
	return l, nil
}

// Beat implements history.Queue.
func (s *Store) Beat(ctx context.Context, l history.Lease, lease time.Duration, p history.Progress) (cancelledBy string, err error) {
	progress, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("write down the progress of drill %s: %w", l.ID, err)
	}
	err = s.change(ctx, "extend the lease of drill "+l.ID+" in", func(t *tx) error {
		err := t.row(ctx, fmt.Sprintf(`UPDATE drills SET lease_until = %[1]s + ?, progress = ?
			WHERE id = ? AND state = 'running' AND owner = ? AND token = ? AND lease_until > %[1]s RETURNING cancel_by`, t.clock),
			int64(lease), string(progress), l.ID, l.Owner, l.Token).Scan(&cancelledBy)
		if errors.Is(err, sql.ErrNoRows) {
			return t.lost(ctx, l)
		}
		return err
	})
	return cancelledBy, err
}

// lost says why a lease counts no more.
func (t *tx) lost(ctx context.Context, l history.Lease) error {
	state, err := t.state(ctx, l.ID)
	switch {
	case err != nil:
		return err
	case state == history.Running:
		return answer{fmt.Errorf("drill %s of %s: %w", l.ID, l.Target, history.ErrLeaseLost)}
	}
	return answer{fmt.Errorf("drill %s of %s: %w: it is %s", l.ID, l.Target, history.ErrLeaseLost, state)}
}

// GiveBack implements history.Queue. A drill that was called off meanwhile is cancelled.
// The job that brought it is over with the call that gives it back.
func (s *Store) GiveBack(ctx context.Context, l history.Lease, why string, notBefore, now time.Time) error {
	up := notBefore
	if up.IsZero() {
		up = l.Asked
	}
	return s.change(ctx, "give drill "+l.ID+" back to", func(t *tx) error {
		const mine = ` WHERE id = ? AND state = 'running' AND owner = ? AND token = ?`
		n, err := t.exec(ctx, `UPDATE drills SET state = 'cancelled', finished = ?, lease_until = NULL`+mine+` AND cancel_by <> ''`,
			now.UnixNano(), l.ID, l.Owner, l.Token)
		if err != nil || n == 1 {
			return err
		}
		n, err = t.exec(ctx, `UPDATE drills SET job = NULL, state = 'queued', started = NULL, progress = '', owner = '', lease_until = NULL,
			not_before = CAST(? AS BIGINT), up_at = ?, waits_since = CASE WHEN why = ? THEN waits_since ELSE CAST(? AS BIGINT) END, why = ?`+
			mine,
			nanos(notBefore), up.UnixNano(), why, now.UnixNano(), why, l.ID, l.Owner, l.Token)
		switch {
		case err != nil:
			return err
		case n == 0:
			return t.lost(ctx, l)
		case notBefore.After(now):
			return nil
		}
		return t.deliver(ctx, l.ID, l.Priority)
	})
}
