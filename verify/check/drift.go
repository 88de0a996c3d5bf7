package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Drift compares the restored rows and tables with the earlier good drills.
//
// A table is held against the last good drill, and only where it holds fewer rows
// than in any of the earlier ones: a queue that was empty before may be empty again.
// Emptied from at least 100 rows is failed; emptied from fewer, or down to less than
// half of at least 100 rows, is warned. A table that is gone is warned, unless others
// whose names differ only by digits are still about as many, as partitions by date are.
type Drift struct{}

// Name implements verify.Check.
func (Drift) Name() string { return "drift" }

// Run implements verify.Check.
func (c Drift) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	past := in.Baseline.Drills
	if len(past) == 0 {
		return []verify.Result{{
			Check: c.Name(), Verdict: verify.Passed,
			Detail: "This is the first good drill of this target; there is nothing to compare with yet.",
		}}, nil
	}
	if in.Measured == nil {
		return nil, errNotCounted
	}
	now := make(map[string]engine.Measured)
	shapes := make(map[string]int) // tables of each
	for name, m := range present(in.Measured) {
		now[name.String()] = m
		shapes[shape(name.String())]++
	}
	before := make(map[string]int)
	for name := range past[0].Tables {
		before[shape(name)]++
	}
	var dropped, gone []verify.Result
	for _, name := range slices.Sorted(maps.Keys(past[0].Tables)) {
		m, there := now[name]
		switch {
		case !there && shrunk(shapes[shape(name)], before[shape(name)]):
			gone = append(gone, c.gone(name, past[0]))
		case there && m.Err == nil: // the census speaks of those that could not be counted
			if r, bad := c.dropped(name, total(m), past); bad {
				dropped = append(dropped, r)
			}
		}
	}
	slices.SortStableFunc(dropped, func(a, b verify.Result) int { return int(b.Verdict - a.Verdict) })
	if results := append(bound(dropped, "table"), bound(gone, "table")...); len(results) > 0 {
		return results, nil
	}
	return []verify.Result{{
		Check: c.Name(), Verdict: verify.Passed, Observed: units.Counted(int64(len(now)), "table"),
		Detail: "No table lost many rows since the last good drill (" + past[0].Drill + ").",
	}}, nil
}

func (c Drift) gone(name string, last verify.Past) verify.Result {
	return verify.Result{
		Check: c.Name(), Verdict: verify.Warned, Code: verify.SchemaChanged, Subject: name,
		Observed: "no such table", Expected: rows(last.Tables[name]),
		Detail: "The last good drill (" + last.Drill + ") still had this table.",
		Hint:   "If it was dropped or renamed on purpose, nothing is wrong, and the next drill takes this one as its measure. Otherwise look at what the backup job leaves out.",
	}
}

// dropped judges one table that is there in both.
func (c Drift) dropped(name string, n int64, past []verify.Past) (verify.Result, bool) {
	if n >= (verify.Baseline{Drills: past}).LeastRows(name) {
		return verify.Result{}, false
	}
	was := past[0].Tables[name]
	r := verify.Result{
		Check: c.Name(), Verdict: verify.Warned, Code: verify.RowsDropped, Subject: name,
		Observed: rows(n), Expected: "about " + rows(was),
		Hint: "If rows were removed on purpose, accept this once with an ignore rule for rows_dropped and this table. Otherwise look at the source database now: the loss may be there.",
	}
	r.Detail = fmt.Sprintf("The table lost more than half of its rows since the last good drill (%s).", past[0].Drill)
	if n == 0 {
		r.Detail = fmt.Sprintf("The table is empty; the last good drill (%s) found %s.", past[0].Drill, rows(was))
	}
	if n == 0 && was >= verify.ManyRows {
		r.Verdict = verify.Failed
	}
	return r, true
}

// shrunk reports whether a family of tables lost so many that they were not just
// replaced by later ones: more than a quarter.
func shrunk(now, before int) bool { return 4*now < 3*before }

// shape is a table's name with every run of digits made equal.
func shape(name string) string {
	var b strings.Builder
	digits := false
	for _, r := range name {
		isDigit := r >= '0' && r <= '9'
		switch {
		case isDigit && !digits:
			b.WriteByte('#')
		case !isDigit:
			b.WriteRune(r)
		}
		digits = isDigit
	}
	return b.String()
}
