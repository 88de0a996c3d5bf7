package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// entries reads lines of the record.
func (s session) entries(ctx context.Context, query string, args ...any) ([]history.Entry, error) {
	var list []history.Entry
	err := s.each(ctx, func(rows *sql.Rows) error {
		e, err := scanEntry(rows)
		list = append(list, e)
		return err
	}, query, args...)
	return list, err
}

// List implements history.Record.
func (s *Store) List(ctx context.Context, f history.Filter) ([]history.Entry, error) {
	query, args, err := listing(f)
	if err != nil {
		return nil, err
	}
	list, err := s.look().entries(ctx, query, args...)
	return list, s.explain("list drills in", err)
}

// listing is the query for a page. Of several verdicts, or states, each has its own
// branch with a limit, since an index is in order of time for one of them only.
func listing(f history.Filter) (query string, args []any, err error) {
	where, common := `started IS NOT NULL`, []any{}
	if f.Target != "" {
		where += ` AND target = ?`
		common = append(common, f.Target)
	}
	if f.Before != "" {
		nanos, id, ok := strings.Cut(f.Before, ".")
		started, err := strconv.ParseInt(nanos, 10, 64)
		if err != nil || !ok {
			return "", nil, fmt.Errorf("list drills: %q is not a place in the list", f.Before)
		}
		where += ` AND (started, id) < (?, ?)`
		common = append(common, started, id)
	}
	const order = ` ORDER BY started DESC, id DESC LIMIT ?`
	limit := max(1, f.Limit)
	var branches []string
	branch := func(more string, own ...any) {
		branches = append(branches, `SELECT * FROM (SELECT `+columns+` FROM drills WHERE `+where+more+order+`) AS branch`)
		args = append(append(append(args, common...), own...), limit)
	}
	states := in(` AND state IN `, f.States)
	switch {
	case len(f.Verdicts) > 0:
		for _, v := range f.Verdicts {
			branch(` AND verdict = ?`+states.text, append([]any{v.String()}, states.args...)...)
		}
	case len(f.States) > 0:
		for _, state := range f.States {
			branch(` AND state = ?`, state)
		}
	default:
		branch(``)
	}
	return strings.Join(branches, ` UNION ALL `) + order, append(args, limit), nil
}

// condition is a part of a query with its arguments.
type condition struct {
	text string
	args []any
}

func in[T any](column string, values []T) condition {
	if len(values) == 0 {
		return condition{}
	}
	c := condition{text: column + `(` + marks(len(values)) + `)`}
	for _, v := range values {
		c.args = append(c.args, v)
	}
	return c
}

// stripsAtOnce is how many strips one query reads.
const stripsAtOnce = 50

// Strips implements history.Record.
func (s *Store) Strips(ctx context.Context, targets []string, n int) (map[string][]history.Mark, error) {
	strips := make(map[string][]history.Mark, len(targets))
	for some := range slices.Chunk(targets, stripsAtOnce) {
		if err := s.look().strips(ctx, some, n, strips); err != nil {
			return nil, s.explain("read strips of drills from", err)
		}
	}
	for _, strip := range strips {
		slices.Reverse(strip)
	}
	return strips, nil
}

// Between the fields of a mark, and between marks. No field holds them.
const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
)

// strips adds those of a few targets, newest first. The database joins the marks of
// each target to one text: to fetch thousands of rows takes several times as long.
func (s session) strips(ctx context.Context, targets []string, n int, strips map[string][]history.Mark) error {
	const u = ` || '` + unitSeparator + `' || `
	args := []any{n}
	for _, target := range targets {
		args = append(args, target)
	}
	query := `SELECT name, (SELECT ` + s.join + `(id` + u + `verdict` + u + `state` + u + `finished` + u + `restore` + u + `summary, '` +
		recordSeparator + `') FROM (SELECT id, verdict, state, finished, restore, summary FROM drills
			WHERE target = targets.name AND state IN ('finished', 'interrupted') ORDER BY finished DESC, id DESC LIMIT ?) AS strip)
		FROM targets WHERE name IN (` + marks(len(targets)) + `)`
	return s.each(ctx, func(rows *sql.Rows) error {
		var target string
		var joined sql.NullString
		if err := rows.Scan(&target, &joined); err != nil || !joined.Valid {
			return err
		}
		for one := range strings.SplitSeq(joined.String, recordSeparator) {
			m, err := parseMark(one)
			if err != nil {
				return err
			}
			strips[target] = append(strips[target], m)
		}
		return nil
	}, query, args...)
}

func parseMark(text string) (m history.Mark, err error) {
	f := strings.SplitN(text, unitSeparator, 6)
	if len(f) != 6 {
		return m, fmt.Errorf("%q is not a mark", text)
	}
	finished, err := strconv.ParseInt(f[3], 10, 64)
	if err != nil {
		return m, err
	}
	restore, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil {
		return m, err
	}
	m = history.Mark{Drill: f[0], State: history.State(f[2]), Finished: moment(finished), Restore: time.Duration(restore), Summary: f[5]}
	return m, m.Verdict.UnmarshalText([]byte(f[1]))
}

// Points implements history.Record.
func (s *Store) Points(ctx context.Context, target string, n int) ([]history.Point, error) {
	var points []history.Point
	err := s.look().each(ctx, func(rows *sql.Rows) error {
		var p history.Point
		var verdict, whole string
		var tables sql.NullString
		err := rows.Scan(&p.Drill, &verdict, when(&p.Finished), &p.Restore, &p.Bytes, &tables, &whole)
		switch {
		case err != nil:
			return err
		case tables.Valid:
			err = json.Unmarshal([]byte(tables.String), &p.Rows)
		default:
			var r verify.Report
			err = json.Unmarshal([]byte(whole), &r)
			p.Rows = history.Largest(r.Tables)
		}
		if err != nil {
			return err
		}
		err = p.Verdict.UnmarshalText([]byte(verdict))
		points = append(points, p)
		return err
	}, `SELECT id, verdict, finished, restore, bytes, tables, CASE WHEN tables IS NULL THEN report ELSE '' END FROM (SELECT id, verdict, finished, restore, bytes FROM drills
			WHERE target = ? AND state IN ('finished', 'interrupted') AND state = 'finished' ORDER BY finished DESC, id DESC LIMIT ?) AS last
		JOIN reports ON drill = id ORDER BY finished, id`, target, n)
	return points, s.explain("read measurements of "+target+" from", err)
}
