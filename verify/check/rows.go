package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lifeboat/engine"
	"lifeboat/verify"
)

// Rows asks whether a table holds as many rows as it should, partitions and children
// included. Bounds that are nil are not asked about.
type Rows struct {
	Table           engine.Table
	Min, Max, Exact *int64
}

// Name implements verify.Check.
func (Rows) Name() string { return "rows" }

// Run implements verify.Check.
func (c Rows) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	m, err := find(in.Measured, c.Table)
	switch {
	case errors.Is(err, engine.ErrNoTable):
		return []verify.Result{noTable(c.Name(), c.Table, err)}, nil
	case err != nil:
		return nil, fmt.Errorf("count rows of %s: %w", c.Table, err)
	}
	n := total(m)
	r := verify.Result{
		Check: c.Name(), Verdict: verify.Passed, Subject: m.Table.String(), Observed: rows(n), Expected: c.bounds(),
		Detail: "The table holds as many rows as configured.",
	}
	if c.Min != nil && n < *c.Min || c.Max != nil && n > *c.Max || c.Exact != nil && n != *c.Exact {
		r.Verdict, r.Code = verify.Failed, verify.RowsOutOfRange
		r.Detail = fmt.Sprintf("The table holds %s, and the configuration asks for %s.", rows(n), c.bounds())
		r.Hint = "Compare with the source database. If it holds as many, change the bounds of this check; if not, the backup misses rows."
	}
	return []verify.Result{r}, nil
}

func (c Rows) bounds() string {
	var parts []string
	if c.Exact != nil {
		parts = append(parts, "exactly "+rows(*c.Exact))
	}
	if c.Min != nil {
		parts = append(parts, "at least "+rows(*c.Min))
	}
	if c.Max != nil {
		parts = append(parts, "at most "+rows(*c.Max))
	}
	return strings.Join(parts, ", ")
}
