package pages

import (
	"cmp"
	"slices"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// span is a part of a drill on its time line.
type span struct {
	Name, Took, Extra string
	X, Width          float64 // per mille of the whole
	Open              bool    // it is under way
	Done, Total       int64
	Share             int // percent done, where a total is known
}

// timeline is the phases of a drill side by side in time; they may overlap.
type timeline struct {
	Spans []span
	Whole string
}

// place sets where the spans stand. from and to are seconds after the drill began.
func place(names []span, from, to []float64) timeline {
	whole := 0.0
	for _, end := range to {
		whole = max(whole, end)
	}
	for i := range names {
		if whole > 0 {
			names[i].X = 1000 * from[i] / whole
			names[i].Width = max(4, 1000*(to[i]-from[i])/whole) // the shortest can still be seen
			names[i].X = min(names[i].X, 1000-names[i].Width)
		}
	}
	return timeline{Spans: names, Whole: units.Duration(seconds(whole))}
}

// finished is the time line of a report.
func finished(phases []verify.Phase) timeline {
	list := slices.Clone(phases)
	slices.SortStableFunc(list, func(a, b verify.Phase) int { return cmp.Compare(a.Start, b.Start) })
	var spans []span
	var from, to []float64
	for _, p := range list {
		s := span{Name: p.Name, Took: units.Duration(seconds(p.Seconds))}
		if p.Bytes > 0 {
			s.Extra = units.Bytes(p.Bytes)
			if p.Seconds >= 1 {
				s.Extra += ", " + units.Bytes(int64(float64(p.Bytes)/p.Seconds)) + "/s"
			}
		}
		if p.Rows > 0 {
			if s.Extra != "" {
				s.Extra += ", "
			}
			s.Extra += units.Counted(p.Rows, "row")
		}
		spans, from, to = append(spans, s), append(from, p.Start), append(to, p.Start+p.Seconds)
	}
	return place(spans, from, to)
}

// underWay is the time line of a drill that runs.
func (c clock) underWay(e history.Entry) timeline {
	var spans []span
	var from, to []float64
	for _, p := range e.Progress.Phases {
		end := p.Ended
		s := span{Name: p.Name, Open: end.IsZero(), Done: p.Done, Total: p.Total}
		if s.Open {
			end = c.now
		}
		s.Took = units.Duration(max(0, end.Sub(p.Began)))
		s.Extra = amount(p)
		if p.Total > 0 {
			s.Share = int(min(100, max(0, 100*p.Done/p.Total)))
		}
		spans = append(spans, s)
		from = append(from, max(0, p.Began.Sub(e.Started).Seconds()))
		to = append(to, max(0, end.Sub(e.Started).Seconds()))
	}
	return place(spans, from, to)
}

// amount is how far a phase is, in its unit.
func amount(p history.PhaseProgress) string {
	write := func(n int64) string { return units.Count(n) }
	unit := " " + p.Unit
	if p.Unit == "bytes" {
		write, unit = units.Bytes, ""
	}
	switch {
	case p.Done == 0 && p.Total == 0:
		return ""
	case p.Total > 0:
		return write(p.Done) + " of " + write(p.Total) + unit
	}
	return write(p.Done) + unit
}

// seconds reads a number out of a report, which may have been stored by anybody.
func seconds(s float64) time.Duration {
	if !(s > 0) || s > 1e9 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// nowDoing is what a running drill does, in few words.
func nowDoing(e history.Entry) (words string, share int) {
	if e.CancelBy != "" {
		return "Stopping", 0
	}
	for _, p := range slices.Backward(e.Progress.Phases) {
		if !p.Ended.IsZero() {
			continue
		}
		words = doing(p.Name)
		if p.Total > 0 {
			share = int(min(100, max(0, 100*p.Done/p.Total)))
		}
		if a := amount(p); a != "" {
			words += ": " + a
		}
		return words, share
	}
	return "Starting", 0
}
