package check

import (
	"context"
	"errors"
	"fmt"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Census compares the rows of every restored table with those counted in the dump's
// own bytes. A restored database without a single row is failed, whatever the dump
// said: nobody keeps backups of nothing.
type Census struct{}

// Name implements verify.Check.
func (Census) Name() string { return "census" }

// Run implements verify.Check.
func (c Census) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	if in.Measured == nil {
		return nil, errNotCounted
	}
	have := present(in.Measured)
	census := in.Received.Census
	restored := ownRows(in, have)
	var expected int64
	for _, n := range census.Tables {
		expected += n.Rows
	}
	accidents := c.accidents(in.Measured)
	if restored == 0 && expected == 0 && len(accidents) == 0 {
		return []verify.Result{c.nothing(in, len(have))}, nil
	}
	if len(census.Tables) == 0 && len(census.Uncounted) == 0 {
		return nil, errors.New("rows were restored, but none were counted in the dump and nothing says why")
	}
	var bad []verify.Result
	for _, want := range census.Tables {
		if r, differs := c.compare(want, have); differs {
			bad = append(bad, r)
		}
	}
	left := c.leftOut(census.LeftOut, have)
	if results := append(bound(bad, "table"), bound(accidents, "table")...); len(results) > 0 {
		return append(results, left...), nil
	}
	r := verify.Result{Check: c.Name(), Verdict: verify.Passed, Observed: rows(restored)}
	switch {
	case len(census.Tables) == 0:
		r.Detail = "The dump holds no count of its own to compare with; what was restored is listed below."
	default:
		r.Observed, r.Expected = rows(expected), rows(expected)
		r.Detail = "Every row counted in the dump arrived, in " + units.Counted(int64(len(census.Tables)), "table") + "."
		if n := len(census.Uncounted); n > 0 {
			r.Detail += " " + units.Counted(int64(n), "table") + " could not be counted in the dump."
		}
	}
	return append([]verify.Result{r}, left...), nil
}

// leftOut warns of tables that were created and that the dump brings no rows for. From
// the dump alone nobody can tell whether that was meant.
func (c Census) leftOut(tables []engine.Table, have map[engine.Table]engine.Measured) []verify.Result {
	var results []verify.Result
	for _, t := range tables {
		if m, there := have[t]; !there || m.Err != nil || m.Rows > 0 {
			continue
		}
		results = append(results, verify.Result{
			Check: c.Name(), Verdict: verify.Warned, Code: verify.RowsLeftOut, Subject: t.String(),
			Observed: "an empty table", Expected: "its rows, or word that it has none",
			Detail: "The dump creates this table and does not speak of its rows, as it does even for an empty table.",
			Hint:   "If its rows are left out on purpose (--exclude-table-data), add an ignore rule for rows_left_out and this table. Otherwise they are lost: make a new backup.",
		})
	}
	return bound(results, "table")
}

// ownRows is the restored rows of the tables that the dump created; tables that an
// extension brings along are not the backup's merit.
func ownRows(in verify.Input, have map[engine.Table]engine.Measured) int64 {
	listed := make(map[engine.Table]bool)
	for _, o := range in.Received.Manifest.Objects {
		if o.Kind == "table" {
			listed[o.Table] = true
		}
	}
	var n int64
	for name, m := range have {
		if len(listed) == 0 || listed[name] {
			n += m.Rows
		}
	}
	return n
}

func (c Census) nothing(in verify.Input, tables int) verify.Result {
	r := verify.Result{
		Check: c.Name(), Verdict: verify.Failed, Code: verify.EmptyRestore, Subject: in.Received.Manifest.Database,
		Observed: units.Counted(int64(tables), "table") + ", 0 rows", Expected: "at least one row",
		Detail: "The dump restores to tables without a single row.",
		Hint:   "Check that the dump is not made with --schema-only and that the backup job is connected to the right database.",
	}
	if tables == 0 {
		r.Detail = "The dump restores to a database without a single table."
	}
	return r
}

// accidents are tables that could not be counted in the restored database.
func (c Census) accidents(measured []engine.Measured) []verify.Result {
	var results []verify.Result
	for _, m := range measured {
		if m.Err == nil || errors.Is(m.Err, engine.ErrNoTable) {
			continue // a table that only a configured check asks about is that check's business
		}
		results = append(results, verify.Result{
			Check: c.Name(), Verdict: verify.Errored, Code: verify.CheckErrored, Subject: m.Table.String(),
			Detail: "The rows of this restored table could not be counted: " + m.Err.Error() + ".",
			Hint:   "Drill again. If it repeats, keep the sandbox (--keep) and count the rows by hand.",
		})
	}
	return results
}

// compare judges one table that was counted in the dump.
func (c Census) compare(want engine.Count, have map[engine.Table]engine.Measured) (verify.Result, bool) {
	r := verify.Result{Check: c.Name(), Verdict: verify.Failed, Subject: want.Table.String(), Expected: rows(want.Rows)}
	m, there := have[want.Table]
	switch {
	case there && m.Err != nil:
		return r, false // reported as an accident
	case !there:
		r.Code, r.Observed = verify.TablesMissing, "no such table"
		r.Detail = fmt.Sprintf("The dump holds %s of this table, and the restored database does not have it.", rows(want.Rows))
		r.Hint = "See the restore errors for why it was not created; without them, restore this one table by hand to find out."
		return r, true
	}
	got := m.Rows
	if want.Tree {
		got = total(m)
	}
	r.Observed = rows(got)
	switch {
	case got < want.Rows:
		r.Code = verify.RowsMissing
		r.Detail = fmt.Sprintf("The restored table lacks %s that the dump has for it.", rows(want.Rows-got))
		r.Hint = "See the restore errors for this table. Without any, a trigger, rule or row filter may have dropped rows while they were loaded."
	case got > want.Rows && !want.AtLeast:
		r.Code = verify.RowsUnexpected
		r.Detail = fmt.Sprintf("The restored table holds %s more than the dump has for it.", rows(got-want.Rows))
		r.Hint = "Something adds rows while the dump is loaded: a trigger, or a function that a default calls. A real recovery would add them as well."
	default:
		return r, false
	}
	return r, true
}
