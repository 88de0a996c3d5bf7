package verify

import (
	"fmt"
)

// Verdict is how good something is, from best to worst after Unknown. The zero
// value is Unknown, so a result nobody filled in is never a pass.
type Verdict int

// Verdicts. Failed outranks Errored: a definite bad answer beats a missing one.
const (
	Unknown Verdict = iota
	Passed
	Warned
	Errored // we could not tell
	Failed  // the backup is bad
)

var verdictNames = [...]string{"unknown", "passed", "warned", "errored", "failed"}

// String is the verdict's word.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return verdictNames[v]
}

// Good is true only for Passed and Warned.
func (v Verdict) Good() bool { return v == Passed || v == Warned }

// MarshalText writes the word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the word.
func (v *Verdict) UnmarshalText(b []byte) error {
	for i, n := range verdictNames {
		if n == string(b) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("verdict %q is not one of %v", b, verdictNames[1:])
}

// Worst is the worst verdict of results. No results, or one left Unknown, is
// Errored: nothing was proven.
func Worst(results []Result) Verdict {
	worst := Unknown
	for _, r := range results {
		v := r.Verdict
		if v == Unknown {
			v = Errored
		}
		worst = max(worst, v)
	}
	if worst == Unknown {
		return Errored
	}
	return worst
}
