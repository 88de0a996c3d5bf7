package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Fresh asks whether the newest value of a column is recent, measured from the time
// of the drill: what counts in a loss is how old the data is when it is needed, so
// Within covers the age of the backup and the pace of the data together.
type Fresh struct {
	Table  engine.Table
	Column string
	Within time.Duration
}

// Name implements verify.Check.
func (Fresh) Name() string { return "fresh" }

// Measures implements verify.Measurer.
func (c Fresh) Measures() []engine.Measure {
	return []engine.Measure{{Table: c.Table, Column: c.Column}}
}

// Run implements verify.Check.
func (c Fresh) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	m, err := find(in.Measured, c.Table)
	switch {
	case errors.Is(err, engine.ErrNoTable):
		return []verify.Result{noTable(c.Name(), c.Table, err)}, nil
	case err != nil:
		return nil, fmt.Errorf("newest %s of %s: %w", c.Column, c.Table, err)
	}
	r := verify.Result{
		Check: c.Name(), Verdict: verify.Passed, Subject: m.Table.String() + "." + c.Column,
		Expected: "within " + units.Duration(c.Within), Detail: "The newest value is recent enough.",
	}
	newest, ok := m.Max[c.Column]
	age := in.Now.Sub(newest)
	switch {
	case !ok && c.noColumn(in.Measured, m.Table):
		r.Verdict, r.Code, r.Observed = verify.Failed, verify.DataStale, "no such column of times"
		r.Detail = "The restored table does not have the column this check asks about, or it holds no times."
		r.Hint = "If the column was renamed on purpose, change this check; otherwise the backup is of another schema than you think."
	case !ok:
		r.Verdict, r.Code, r.Observed = verify.Failed, verify.DataStale, "no values"
		r.Detail = "The column holds no value at all, so nothing in the table is recent."
		r.Hint = "Look at the table in the source database: was it emptied, or is the column no longer written to?"
	case age < -ahead:
		r.Verdict, r.Code = verify.Warned, verify.DataStale
		r.Observed = units.Duration(-age) + " in the future"
		r.Detail = "The newest value lies in the future, so it says nothing about how fresh the data is."
		r.Hint = "Use a column that records when a row was written, not one that holds planned times."
	case age > c.Within:
		r.Verdict, r.Code, r.Observed = verify.Failed, verify.DataStale, units.Duration(age)+" old"
		r.Detail = "The newest value is of " + moment(newest) + ", older than the " + units.Duration(c.Within) + " configured."
		r.Hint = "Compare with the source database. If its newest row is newer, the backup is made from a stale replica or an old snapshot."
	default:
		r.Observed = units.Duration(max(age, 0)) + " old"
	}
	return []verify.Result{r}, nil
}

// noColumn is true when the database said that the column is not there.
func (c Fresh) noColumn(measured []engine.Measured, table engine.Table) bool {
	for _, m := range measured {
		if errors.Is(m.Err, engine.ErrNoTable) && (m.Table == table || m.Table == c.Table) {
			return true
		}
	}
	return false
}
