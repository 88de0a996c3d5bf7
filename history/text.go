package history

import (
	"cmp"

	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

// Table writes entries for people, one line each, with the gravest finding below
// those that are not passed. The target is left out where several are of the same;
// where it is named, the drill's id tells when it began: it is never cut, since it is
// what people copy.
func Table(entries []Entry, o text.Options) string {
	named := len(entries) == 1
	for _, e := range entries {
		named = named || e.Target != entries[0].Target
	}
	first := text.Column{Title: "STARTED"}
	if named {
		first = text.Column{Title: "TARGET", Flex: true}
	}
	columns := []text.Column{
		first, {Title: "DRILL"}, {Title: "VERDICT", Verdict: true},
		{Title: "SIZE", Right: true}, {Title: "ROWS", Right: true}, {Title: "TIME", Right: true},
	}
	rows := make([]text.Row, 0, len(entries))
	for _, e := range entries {
		began := e.Started
		if began.IsZero() { // it waits, or was called off before it began
			began = e.Asked
		}
		cells := []string{
			began.UTC().Format("2006-01-02 15:04"), e.ID, text.Word(e.Verdict), "-", "-", "-",
		}
		if named {
			cells[0] = e.Target
		}
		if e.State != Finished && e.State != Interrupted {
			cells[2] = string(e.State)
		}
		if e.Key != "" {
			cells[3] = units.Bytes(e.Bytes)
		}
		if e.Rows > 0 {
			cells[4] = units.Count(e.Rows)
		}
		switch {
		case e.Started.IsZero():
		case !e.Finished.IsZero():
			cells[5] = units.Duration(e.Finished.Sub(e.Started))
		case !o.Now.IsZero():
			cells[5] = units.Duration(max(0, o.Now.Sub(e.Started)))
		}
		row := text.Row{Cells: cells, Verdict: e.Verdict}
		if e.Verdict != verify.Passed {
			row.Note = cmp.Or(e.Summary, e.Why)
		}
		rows = append(rows, row)
	}
	return text.Grid(columns, rows, o)
}
