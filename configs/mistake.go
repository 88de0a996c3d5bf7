package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mistake is one thing wrong in a configuration.
type Mistake struct {
	File         string
	Line, Column int    // both from 1; of the value, or of the key when there is no value
	Path         string // "targets.orders.objectives.rpo"
	Rule         string // what must be true: "must be at least 1s"
	Value        string // what stands there, shortened; empty for a secret and where it tells nothing
}

// String is the mistake without its file.
func (m Mistake) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d ", m.Line, m.Column)
	if m.Path != "" {
		b.WriteString(m.Path + ": ")
	}
	b.WriteString(m.Rule)
	if m.Value != "" {
		b.WriteString(" (got " + quoted(m.Value) + ")")
	}
	return b.String()
}

// Mistakes is everything that is wrong in a configuration, in the order of the file.
type Mistakes struct {
	List []Mistake
}

// maxShown bounds how many mistakes a message prints; List has them all.
const maxShown = 100

// Error names every mistake on a line of its own.
func (m *Mistakes) Error() string {
	if len(m.List) == 0 {
		return "no mistakes"
	}
	var b strings.Builder
	noun := "mistakes"
	if len(m.List) == 1 {
		noun = "mistake"
	}
	fmt.Fprintf(&b, "%s: %d %s", m.List[0].File, len(m.List), noun)
	for i, one := range m.List {
		if i == maxShown {
			fmt.Fprintf(&b, "\n  and %d more", len(m.List)-i)
			break
		}
		b.WriteString("\n  " + one.String())
	}
	return b.String()
}

func newMistakes(file string, found []Mistake) *Mistakes {
	for i := range found {
		found[i].File = file
	}
	slices.SortStableFunc(found, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return &Mistakes{found}
}

// quoted shortens a value to what fits beside a rule.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

// nearest returns the candidate that s is most likely a slip of, or "".
func nearest(s string, candidates []string) string {
	best, bestCost := "", 3
	for _, c := range candidates {
		if cost := slips(strings.ToLower(s), strings.ToLower(c)); cost < bestCost && 2*cost <= len(s) {
			best, bestCost = c, cost
		}
	}
	return best
}

// slips counts the letters to add, drop, change or swap with their neighbour to
// turn a into b. It gives up on lengths too far apart.
func slips(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
