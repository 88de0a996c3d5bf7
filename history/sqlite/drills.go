package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// Begin implements history.Store.
func (s *Store) Begin(ctx context.Context, d history.Drill) error {
	const insert = `INSERT INTO drills (id, target, instance, state, verdict, started) VALUES (?, ?, ?, ?, ?, ?)`
	_, err := s.write.ExecContext(ctx, insert,
		d.ID, d.Target, d.Instance, history.Running, verify.Unknown.String(), d.Started.UnixNano())
	switch {
	case conflict(err, "drills.target"):
		return s.refuse(ctx, d.Target)
	case conflict(err, "drills.id"):
		return fmt.Errorf("begin drill %s in history %s: a drill of this id is there already", d.ID, s.path)
	}
	return s.explain("begin drill "+d.ID+" in", err)
}

// refuse names the drill that runs. It may have ended since; then its name is gone.
func (s *Store) refuse(ctx context.Context, target string) error {
	running := &history.RunningError{Target: target}
	var since int64
	err := s.write.QueryRowContext(ctx,
		`SELECT id, started FROM drills WHERE target = ? AND state = ?`, target, history.Running).Scan(&running.Drill, &since)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("begin drill of %s: another one ended just now; try again", target)
	case err != nil:
		return s.explain("find the running drill of "+target+" in", err)
	}
	running.Since = moment(since)
	return running
}

// Finish implements history.Store.
func (s *Store) Finish(ctx context.Context, r verify.Report) error {
	return s.conclude(ctx, r, history.Finished)
}

// conclude stores the report of a drill that is recorded as running.
func (s *Store) conclude(ctx context.Context, r verify.Report, state history.State) error {
	if r.Finished.IsZero() {
		return fmt.Errorf("store the report of drill %s: it does not say when the drill finished", r.Drill)
	}
	whole, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write down the report of drill %s: %w", r.Drill, err)
	}
	var key string
	var size int64
	var made sql.NullInt64
	if a := r.Artifact; a != nil {
		key, size = a.Key, a.Bytes
		made = sql.NullInt64{Int64: a.MadeAt.UnixNano(), Valid: !a.MadeAt.IsZero()}
	}
	var rows int64
	for _, t := range r.Tables {
		rows += t.Rows
	}
	const update = `UPDATE drills SET state = ?, verdict = ?, summary = ?, object_key = ?, bytes = ?, made_at = ?,
		rows = ?, finished = ?, report = ? WHERE id = ? AND target = ? AND state = 'running'`
	res, err := s.write.ExecContext(ctx, update, state, r.Verdict.String(), verify.Summary(r), key, size, made,
		rows, r.Finished.UnixNano(), string(whole), r.Drill, r.Target)
	if err != nil {
		return s.explain("store the report of drill "+r.Drill+" in", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return s.explain("store the report of drill "+r.Drill+" in", err)
	}
	return s.refuseReport(ctx, r)
}

// refuseReport says why no running drill took the report.
func (s *Store) refuseReport(ctx context.Context, r verify.Report) error {
	at := fmt.Sprintf("store the report of drill %s of %s", r.Drill, r.Target)
	var target, state string
	err := s.write.QueryRowContext(ctx, `SELECT target, state FROM drills WHERE id = ?`, r.Drill).Scan(&target, &state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", at, history.ErrNotFound)
	case err != nil:
		return s.explain(at+" in", err)
	case target != r.Target:
		return fmt.Errorf("%s: that drill is of target %s", at, target)
	}
	return fmt.Errorf("%s: it is recorded as %s already, and reports are not changed afterwards", at, state)
}

// Interrupt implements history.Store.
func (s *Store) Interrupt(ctx context.Context, alive func(instance string) bool, now time.Time) ([]history.Drill, error) {
	running, err := s.running(ctx)
	if err != nil {
		return nil, s.explain("list running drills in", err)
	}
	var dead []history.Drill
	for _, d := range running {
		if alive(d.Instance) {
			continue
		}
		err := s.conclude(ctx, history.InterruptedReport(d, now), history.Interrupted)
		if err != nil {
			return dead, err
		}
		dead = append(dead, d)
	}
	return dead, nil
}

func (s *Store) running(ctx context.Context) ([]history.Drill, error) {
	rows, err := s.write.QueryContext(ctx,
		`SELECT id, target, instance, started FROM drills WHERE state = ? ORDER BY started`, history.Running)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []history.Drill
	for rows.Next() {
		var d history.Drill
		var started int64
		if err := rows.Scan(&d.ID, &d.Target, &d.Instance, &started); err != nil {
			return nil, err
		}
		d.Started = moment(started)
		list = append(list, d)
	}
	return list, rows.Err()
}

func moment(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }
