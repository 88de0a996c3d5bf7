package check

import (
	"context"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// RTO compares the time from the first byte fetched to the end of the restore with
// the objective. Too slow is warned, not failed: the backup is good.
type RTO struct{}

// Name implements verify.Check.
func (RTO) Name() string { return "rto" }

// Stage implements verify.Staged.
func (RTO) Stage() verify.Stage { return verify.AfterRestore }

// Run implements verify.Check.
func (c RTO) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	limit := in.Target.Objectives.RTO
	r := verify.Result{Check: c.Name(), Verdict: verify.Passed, Observed: units.Duration(in.LoadTime)}
	switch {
	case limit <= 0:
		r.Detail = "No RTO is set for this target, so the time to restore is not judged."
	case in.LoadTime > limit:
		r.Verdict, r.Code, r.Expected = verify.Warned, verify.RTOExceeded, "at most "+units.Duration(limit)
		r.Detail = "Fetching and restoring took " + units.Duration(in.LoadTime) + " here, longer than the " + units.Duration(limit) + " agreed to."
		r.Hint = "See which phase took the time. More cores for the sandbox, a custom-format dump that restores in parallel, or storage nearer by usually help."
	default:
		r.Expected, r.Detail = "at most "+units.Duration(limit), "The restore is fast enough."
	}
	return []verify.Result{r}, nil
}
