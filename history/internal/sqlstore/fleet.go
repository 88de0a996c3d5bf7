package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"lifeboat/history"
	"lifeboat/verify"
)

// Fleet implements history.Standings.
func (s *Store) Fleet(ctx context.Context, q history.FleetQuery) (history.Fleet, error) {
	f, err := s.look().fleet(ctx, q)
	return f, s.explain("read how all targets stand from", err)
}

func (s session) fleet(ctx context.Context, q history.FleetQuery) (history.Fleet, error) {
	f := history.Fleet{Verdicts: make(map[verify.Verdict]int)}
	all := 0
	err := s.each(ctx, func(rows *sql.Rows) error {
		var word string
		var n, open int
		if err := rows.Scan(&word, &n, &open); err != nil {
			return err
		}
		var v verify.Verdict
		err := v.UnmarshalText([]byte(word))
		f.Verdicts[v] += n
		f.Open += open
		all += n
		return err
	}, `SELECT last_verdict, count(*), sum(CASE WHEN problems > 0 THEN 1 ELSE 0 END) FROM targets
		WHERE retired IS NULL GROUP BY last_verdict`)
	if err != nil {
		return f, err
	}
	where, args := s.chosen(q)
	f.Total = all
	if len(args) > 0 {
		if err := s.row(ctx, `SELECT count(*) FROM targets`+where, args...).Scan(&f.Total); err != nil {
			return f, err
		}
	}
	limit := q.Limit
	if limit <= 0 {
		limit = f.Total
	}
	var list []standing
	err = s.each(ctx, func(rows *sql.Rows) error {
		st, err := scanStanding(rows)
		list = append(list, st)
		return err
	}, `SELECT `+standingColumns+` FROM targets`+where+` ORDER BY urgency, name LIMIT ? OFFSET ?`, append(args, limit, q.Offset)...)
	if err != nil {
		return f, err
	}
	if !q.Bare {
		if err := s.complete(ctx, list); err != nil {
			return f, err
		}
	}
	f.Standings = make([]history.Standing, len(list))
	for i, st := range list {
		f.Standings[i] = st.Standing
	}
	return f, nil
}

// chosen is the condition of a query for targets.
func (s session) chosen(q history.FleetQuery) (where string, args []any) {
	where = ` WHERE retired IS NULL`
	if q.Search != "" {
		where += ` AND ` + s.position + `(lower(name), ?) > 0`
		args = append(args, strings.ToLower(q.Search))
	}
	if len(q.Verdicts) > 0 {
		where += ` AND last_verdict IN (` + marks(len(q.Verdicts)) + `)`
		for _, v := range q.Verdicts {
			args = append(args, v.String())
		}
	}
	return where, args
}
