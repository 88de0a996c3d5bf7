package jobs

import (
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
)

// lateness is how many intervals a target may go without a verdict. More than one, so
// that a slow drill or one retry is no alarm; less than two, so that one drill that never
// began is.
const lateness = 1.5

// due is when a verdict about a target has to have come by, and why; zero when nothing
// is expected of it. proof is true when only a good verdict will do.
func (t Target) due(st history.Standing) (due time.Time, why string, proof bool) {
	last := later(later(st.Since, st.Planned), st.VerdictAt)
	if interval := t.interval(last); interval > 0 {
		due = t.beyondWindows(last.Add(time.Duration(lateness*float64(interval))), last.Add(interval))
		why = fmt.Sprintf("a verdict is expected every %s, and none came within %g times that",
			units.Duration(interval), lateness)
		if t.OnNewBackup {
			why = fmt.Sprintf("it is drilled when a new backup appears, and one is expected every %s: "+
				"within %g times that none came, or none got a verdict", units.Duration(interval), lateness)
		}
	}
	if t.MaxAgeProof > 0 {
		proven := st.Since
		if st.LastGood != nil {
			proven = later(proven, st.LastGood.At)
		}
		if by := proven.Add(t.MaxAgeProof); due.IsZero() || by.Before(due) {
			due, proof = by, true
			why = "since max_age_proof is " + units.Duration(t.MaxAgeProof)
		}
	}
	return due, why, proof
}

// beyondWindows puts off when a verdict is due where a maintenance window keeps its drill,
// or the one after it, from beginning. Once it ends the drill has as long as it ever has.
func (t Target) beyondWindows(due, expected time.Time) time.Time {
	rest := due.Sub(expected) + t.Jitter
	for _, at := range []time.Time{expected, due} {
		if closed, until := t.closed(at); closed {
			due = later(due, until.Add(rest))
		}
	}
	return due
}

// someBackup is how often a new backup is expected of a target that is drilled when one
// appears and of which nothing was promised: when none comes any more, nothing else tells.
const someBackup = 31 * 24 * time.Hour

// interval is how often a verdict is expected around a moment, 0 when that is not known. A target that is
// drilled when a backup appears is expected to get one within its RPO.
func (t Target) interval(at time.Time) time.Duration {
	switch {
	case t.Schedule != nil:
		return t.Schedule.Interval(at)
	case t.OnNewBackup && t.Job.Target.Objectives.RPO == 0 && t.MaxAgeProof == 0:
		return someBackup
	case t.OnNewBackup:
		return t.Job.Target.Objectives.RPO
	}
	return 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
