package verify

import (
	"fmt"
	"strings"

	"lifeboat/internal/units"
)

// Summary is the gravest result of a report in one line, for tables and messages:
// "rows_missing public.orders: 10 rows, expected 2,000,000 rows (and 2 more)". Of a
// good report it says what was restored.
func Summary(r Report) string {
	worst, more := Gravest(r.Results)
	if !r.Verdict.Good() && r.Error != "" && (worst == nil || worst.Verdict != Failed) {
		if worst == nil {
			return oneLine(r.Error)
		}
		return oneLine(worst.Code + ": " + r.Error)
	}
	if worst == nil {
		return restoredLine(r)
	}
	line := worst.Code
	if worst.Subject != "" {
		line += " " + worst.Subject
	}
	switch {
	case worst.Observed != "" && worst.Expected != "":
		line += ": " + worst.Observed + ", expected " + worst.Expected
	case worst.Detail != "":
		line += ": " + worst.Detail
	case worst.Observed != "":
		line += ": " + worst.Observed
	}
	if more > 0 {
		line += fmt.Sprintf(" (and %d more)", more)
	}
	return oneLine(line)
}

// Gravest is the first of the worst results, and how many others are not passed.
func Gravest(results []Result) (worst *Result, more int) {
	for i := range results {
		switch {
		case results[i].Verdict == Passed:
			continue
		case worst == nil:
			worst = &results[i]
			continue
		case Graver(results[i], *worst):
			worst = &results[i]
		}
		more++
	}
	return worst, more
}

// Graver reports whether a is to be told before b. That a backup is smaller than usual comes
// after its equals: it is a symptom of theirs, and names nothing to mend.
func Graver(a, b Result) bool {
	if x, y := grade(a), grade(b); x != y {
		return x > y
	}
	return b.Code == BackupShrunk && a.Code != BackupShrunk
}

// grade ranks a result as Worst does: one that nobody filled in proves nothing.
func grade(r Result) Verdict { return Worst([]Result{r}) }

func restoredLine(r Report) string {
	if len(r.Tables) == 0 {
		return "nothing was compared"
	}
	var rows int64
	for _, t := range r.Tables {
		rows += t.Rows
	}
	return units.Counted(int64(len(r.Tables)), "table") + " restored with " + units.Counted(rows, "row")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
