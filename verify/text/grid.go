package text

import (
	"strings"

	"lifeboat/verify"
)

// Column of a grid.
type Column struct {
	Title   string
	Right   bool // numbers
	Verdict bool // painted in the color of the row's verdict
	Flex    bool // cut first when the line is too long
}

// Row of a grid.
type Row struct {
	Cells   []string
	Verdict verify.Verdict
	Note    string // printed below the cells, in at most noteLines lines
}

const (
	gap       = 2 // columns between columns
	noteLines = 3
)

// Grid writes rows below the titles of columns. Cells and notes need not be clean.
func Grid(columns []Column, rows []Row, o Options) string {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = Width(c.Title)
	}
	clean := make([][]string, len(rows))
	for n, r := range rows {
		for i, cell := range r.Cells {
			clean[n] = append(clean[n], Clean(cell))
			widths[i] = max(widths[i], Width(clean[n][i]))
		}
	}
	shrink(columns, widths, o.width())

	var b strings.Builder
	line := func(cells []string, v verify.Verdict) {
		var parts []string
		for i, c := range columns {
			cell := pad(cut(cells[i], widths[i]), widths[i], c.Right)
			if c.Verdict {
				cell = o.paint(v, cell)
			}
			parts = append(parts, cell)
		}
		b.WriteString(strings.TrimRight(strings.Join(parts, strings.Repeat(" ", gap)), " ") + "\n")
	}
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.Title
	}
	line(titles, -1)
	for n, r := range rows {
		line(clean[n], r.Verdict)
		for _, l := range note(r.Note, o.width()-gap) {
			b.WriteString(strings.Repeat(" ", gap) + l + "\n")
		}
	}
	return b.String()
}

// shrink takes what is too much from the flexible columns.
func shrink(columns []Column, widths []int, limit int) {
	const least = 8
	total := -gap
	for _, w := range widths {
		total += w + gap
	}
	for i, c := range columns {
		if c.Flex && total > limit {
			less := min(total-limit, max(0, widths[i]-least))
			widths[i] -= less
			total -= less
		}
	}
}

func note(s string, width int) []string {
	lines := wrap(Clean(s), width)
	if len(lines) > noteLines {
		rest := strings.Join(lines[noteLines-1:], " ")
		lines = append(lines[:noteLines-1], cut(rest, width))
	}
	return lines
}
