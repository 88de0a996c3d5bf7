package sqlite

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

// Get implements history.Store.
func (s *Store) Get(ctx context.Context, drill string) (verify.Report, error) {
	var r verify.Report
	if drill == "" {
		return r, fmt.Errorf("%w: the id is empty", history.ErrNotFound)
	}
	id, err := s.resolve(ctx, drill)
	if err != nil {
		return r, err
	}
	var target string
	var started int64
	var whole sql.NullString
	err = s.read.QueryRowContext(ctx, `SELECT target, started, report FROM drills WHERE id = ?`, id).Scan(&target, &started, &whole)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, fmt.Errorf("%w: %s", history.ErrNotFound, drill)
	case err != nil:
		return r, s.explain("read drill "+id+" from", err)
	case !whole.Valid:
		return r, &history.RunningError{Target: target, Drill: id, Since: moment(started)}
	}
	if err := json.Unmarshal([]byte(whole.String), &r); err != nil {
		return r, fmt.Errorf("read drill %s from history %s: %w", id, s.path, err)
	}
	return r, nil
}

// resolve finds the one id that is prefix or begins with it.
func (s *Store) resolve(ctx context.Context, prefix string) (string, error) {
	const named = 3 // how many an error names
	const match = `SELECT id FROM drills WHERE id >= ?1 AND id < ?1 || char(1114111)
		ORDER BY id = ?1 DESC, started DESC LIMIT ?2`
	rows, err := s.read.QueryContext(ctx, match, prefix, named+1)
	if err != nil {
		return "", s.explain("look for drill "+prefix+" in", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return "", s.explain("look for drill "+prefix+" in", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return "", s.explain("look for drill "+prefix+" in", err)
	}
	switch {
	case len(ids) == 0:
		return "", fmt.Errorf("%w: %s", history.ErrNotFound, prefix)
	case len(ids) == 1 || ids[0] == prefix:
		return ids[0], nil
	case len(ids) > named:
		ids[named] = "others"
	}
	return "", fmt.Errorf("%w: %s is the beginning of %s; give more of it",
		history.ErrAmbiguous, prefix, strings.Join(ids, ", "))
}

// List implements history.Store.
func (s *Store) List(ctx context.Context, target string, limit int) ([]history.Entry, error) {
	rows, err := s.list(ctx, target, limit)
	if err != nil {
		return nil, s.explain("list drills in", err)
	}
	defer rows.Close()
	var list []history.Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, s.explain("list drills in", err)
		}
		list = append(list, e)
	}
	return list, s.explain("list drills in", rows.Err())
}

func (s *Store) list(ctx context.Context, target string, limit int) (*sql.Rows, error) {
	const columns = `SELECT id, target, state, verdict, summary, object_key, bytes, made_at, rows, started, finished FROM drills`
	const newest = ` ORDER BY started DESC, id DESC LIMIT ?`
	if target == "" {
		return s.read.QueryContext(ctx, columns+newest, limit)
	}
	return s.read.QueryContext(ctx, columns+` WHERE target = ?`+newest, target, limit)
}

func scanEntry(rows *sql.Rows) (history.Entry, error) {
	var e history.Entry
	var verdict string
	var made, finished sql.NullInt64
	var started int64
	err := rows.Scan(&e.Drill, &e.Target, &e.State, &verdict, &e.Summary, &e.Key, &e.Bytes, &made, &e.Rows, &started, &finished)
	if err != nil {
		return e, err
	}
	e.Started = moment(started)
	if made.Valid {
		e.MadeAt = moment(made.Int64)
	}
	if finished.Valid {
		e.Finished = moment(finished.Int64)
	}
	return e, e.Verdict.UnmarshalText([]byte(verdict))
}

// Baseline implements history.Store.
func (s *Store) Baseline(ctx context.Context, target string, limit int) (verify.Baseline, error) {
	var base verify.Baseline
	rows, err := s.read.QueryContext(ctx, `SELECT report FROM drills
		WHERE target = ? AND state = ? AND verdict IN (?, ?) ORDER BY started DESC, id DESC LIMIT ?`,
		target, history.Finished, verify.Passed.String(), verify.Warned.String(), limit)
	if err != nil {
		return base, s.explain("read earlier drills from", err)
	}
	defer rows.Close()
	for rows.Next() {
		var whole string
		if err := rows.Scan(&whole); err != nil {
			return verify.Baseline{}, s.explain("read earlier drills from", err)
		}
		var r verify.Report
		if err := json.Unmarshal([]byte(whole), &r); err != nil {
			return verify.Baseline{}, fmt.Errorf("read earlier drills of %s from history %s: %w", target, s.path, err)
		}
		base.Drills = append(base.Drills, history.Past(r))
	}
	return base, s.explain("read earlier drills from", rows.Err())
}
