package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lifeboat/history"
	"lifeboat/verify"
)

// Get implements history.Record.
func (s *Store) Get(ctx context.Context, drill string) (verify.Report, error) {
	var r verify.Report
	if drill == "" {
		return r, fmt.Errorf("%w: the id is empty", history.ErrNotFound)
	}
	id, err := s.resolve(ctx, drill)
	if err != nil {
		return r, err
	}
	var whole string
	err = s.look().row(ctx, `SELECT report FROM reports WHERE drill = ?`, id).Scan(&whole)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, s.noReport(ctx, id)
	case err != nil:
		return r, s.explain("read drill "+id+" from", err)
	}
	if err := json.Unmarshal([]byte(whole), &r); err != nil {
		return r, s.explain("read drill "+id+" from", err)
	}
	return r, nil
}

// noReport says why a drill has none.
func (s *Store) noReport(ctx context.Context, id string) error {
	e, err := s.Entry(ctx, id)
	switch {
	case err != nil:
		return err
	case e.State == history.Running:
		return &history.RunningError{Target: e.Target, Drill: e.ID, Since: e.Started}
	case e.State == history.Queued:
		return &history.QueuedError{Target: e.Target, Drill: e.ID, Why: e.Why}
	case e.State == history.Cancelled:
		return fmt.Errorf("%w: drill %s was cancelled before it began", history.ErrOver, id)
	}
	return fmt.Errorf("%w: drill %s ended just now; try again", history.ErrNotFound, id)
}

// Entry implements history.Record.
func (s *Store) Entry(ctx context.Context, drill string) (history.Entry, error) {
	e, err := s.look().entry(ctx, drill)
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("%w: drill %s", history.ErrNotFound, drill)
	}
	return e, s.explain("read drill "+drill+" from", err)
}

// resolve finds the one id that is prefix or begins with it.
func (s *Store) resolve(ctx context.Context, prefix string) (string, error) {
	const named = 3 // how many an error names
	if clean(prefix) != prefix {
		return "", fmt.Errorf("%w: drill %q", history.ErrNotFound, prefix)
	}
	ids, err := s.look().strings(ctx, `SELECT id FROM drills WHERE id >= ? AND id < ?
		ORDER BY CASE WHEN id = ? THEN 0 ELSE 1 END, coalesce(started, asked) DESC LIMIT ?`,
		prefix, prefix+"\U0010FFFF", prefix, named+1)
	switch {
	case err != nil:
		return "", s.explain("look for drill "+prefix+" in", err)
	case len(ids) == 0:
		return "", fmt.Errorf("%w: drill %s", history.ErrNotFound, prefix)
	case len(ids) == 1 || ids[0] == prefix:
		return ids[0], nil
	case len(ids) > named:
		ids[named] = "others"
	}
	return "", fmt.Errorf("%w: %s is the beginning of %s; give more of it",
		history.ErrAmbiguous, prefix, strings.Join(ids, ", "))
}

// Count implements history.Record.
func (s *Store) Count(ctx context.Context, state history.State) (int, error) {
	var n int
	err := s.look().row(ctx, `SELECT count(*) FROM drills WHERE state = ?`, state).Scan(&n)
	return n, s.explain("count drills in", err)
}

// Baseline implements history.Record.
func (s *Store) Baseline(ctx context.Context, target string, limit int) (verify.Baseline, error) {
	var base verify.Baseline
	err := s.look().each(ctx, func(rows *sql.Rows) error {
		var whole string
		var r verify.Report
		if err := rows.Scan(&whole); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(whole), &r)
		base.Drills = append(base.Drills, history.Past(r))
		return err
	}, `SELECT report FROM (SELECT id, started FROM drills WHERE target = ? AND started IS NOT NULL AND state = 'finished'
			AND verdict IN ('passed', 'warned') ORDER BY started DESC, id DESC LIMIT ?) AS good
		JOIN reports ON drill = id ORDER BY started DESC, id DESC`, target, limit)
	if err != nil {
		return verify.Baseline{}, s.explain("read earlier drills of "+target+" from", err)
	}
	return base, nil
}
