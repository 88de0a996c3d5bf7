package text

import (
	"math"
	"strings"
	"time"

	"lifeboat/verify"
)

// indent is where the text of a check begins, after verdict and name.
const indent = 2 + 8 + 11

// checks writes every result, and below each that is not passed what it means and
// what to do next.
func (p *page) checks(results []verify.Result) {
	if len(results) == 0 {
		return
	}
	p.WriteString("\nChecks\n")
	last := ""
	for _, r := range results {
		name := r.Check
		if name == last {
			name = ""
		}
		last = r.Check
		p.check(r, name)
	}
}

func (p *page) check(r verify.Result, name string) {
	word := pad(Word(r.Verdict), 8, false)
	if r.Ignored != "" {
		word = pad("ignored", 8, false)
	}
	head := "  " + p.o.paint(r.Verdict, word) + pad(cut(Clean(name), 10), 11, false)
	line := finding(r)
	switch {
	case line == "":
		line = r.Detail
	case r.Verdict == verify.Passed && r.Ignored == "" && r.Expected == "":
		line += ". " + r.Detail // nothing was compared, or it takes words to say what
	}
	lines := []string{Clean(line)}
	if width := p.o.width() - indent; Width(lines[0]) > width {
		lines = wrap(lines[0], width)
	}
	for i, l := range lines {
		if i > 0 {
			head = strings.Repeat(" ", indent)
		}
		p.WriteString(head + l + "\n")
	}
	if r.Verdict == verify.Passed && r.Ignored == "" {
		return
	}
	if line != r.Detail {
		p.paragraph(r.Detail, indent)
	}
	if r.Ignored != "" {
		p.paragraph("Ignored: "+r.Ignored, indent)
		return
	}
	if r.Hint != "" {
		p.paragraph("Next: "+r.Hint, indent)
	}
}

// finding is code, subject and numbers in one line: "rows_missing  public.orders
// 10 rows, expected 2,000,000 rows".
func finding(r verify.Result) string {
	var parts []string
	for _, s := range []string{r.Code, r.Subject, r.Observed} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	line := strings.Join(parts, "  ")
	if r.Expected != "" && (r.Verdict != verify.Passed || r.Expected != r.Observed) {
		line += ", expected " + r.Expected
	}
	return line
}

// paragraph writes s below the left margin of n columns.
func (p *page) paragraph(s string, n int) {
	for _, l := range wrap(Clean(s), p.o.width()-n) {
		p.WriteString(strings.Repeat(" ", n) + l + "\n")
	}
}

// seconds reads a number out of a report, which may have been stored by anybody.
func seconds(s float64) time.Duration {
	if math.IsNaN(s) || s < 0 || s > math.MaxInt64/float64(time.Second)/2 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}
