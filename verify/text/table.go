package text

import (
	"time"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Table is the verdicts of several targets, one line each, with the gravest finding
// below those that are not passed.
func Table(reports []verify.Report, o Options) string {
	columns := []Column{
		{Title: "TARGET", Flex: true}, {Title: "VERDICT", Verdict: true},
		{Title: "BACKUP AGE", Right: true}, {Title: "SIZE", Right: true}, {Title: "ROWS", Right: true}, {Title: "TIME", Right: true},
	}
	rows := make([]Row, 0, len(reports))
	for _, r := range reports {
		row := Row{
			Cells: []string{
				r.Target, Word(r.Verdict), "-", "-", "-", units.Duration(r.Finished.Sub(r.Started)),
			},
			Verdict: r.Verdict,
		}
		if a := r.Artifact; a != nil {
			row.Cells[2], row.Cells[3] = o.age(a.MadeAt, r.Finished), units.Bytes(a.Bytes)
		}
		if len(r.Tables) > 0 {
			row.Cells[4] = units.Count(restoredRows(r))
		}
		if r.Verdict != verify.Passed {
			row.Note = verify.Summary(r)
		}
		rows = append(rows, row)
	}
	return Grid(columns, rows, o)
}

func restoredRows(r verify.Report) int64 {
	var n int64
	for _, t := range r.Tables {
		n += t.Rows
	}
	return n
}

// age is how old something made at t is, told from o.Now, else from then.
func (o Options) age(t, then time.Time) string {
	now := o.Now
	if now.IsZero() {
		now = then
	}
	if t.IsZero() || now.IsZero() {
		return "-"
	}
	return units.Duration(max(0, now.Sub(t)))
}
