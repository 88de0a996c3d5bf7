package check

import (
	"context"
	"fmt"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Inventory compares the objects that the dump promises to create with those the
// restored database holds. Objects beyond the promised ones are not judged:
// extensions and servers bring their own.
type Inventory struct{}

// Name implements verify.Check.
func (Inventory) Name() string { return "inventory" }

// Run implements verify.Check.
func (c Inventory) Run(ctx context.Context, in verify.Input) ([]verify.Result, error) {
	if in.Restored.DB == nil {
		return nil, errNoDatabase
	}
	want := in.Received.Manifest.Objects
	if len(want) == 0 {
		return []verify.Result{{
			Check: c.Name(), Verdict: verify.Passed,
			Detail: "The dump does not list its objects apart from the rows themselves, so there is no list to compare with.",
		}}, nil
	}
	list, err := in.Restored.DB.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("list restored objects: %w", err)
	}
	have := make(map[engine.Object]bool, len(list))
	for _, o := range list {
		have[o] = true
	}
	byCensus := make(map[engine.Table]bool)
	for _, n := range in.Received.Census.Tables {
		byCensus[n.Table] = true
	}
	var missing []verify.Result
	present := 0
	for _, o := range want {
		switch {
		case have[o]:
			present++
		case o.Kind == "table" && byCensus[o.Table]:
			// The census reports it, with the rows it cost.
		default:
			missing = append(missing, c.missing(o))
		}
	}
	if len(missing) > 0 {
		return bound(missing, "object"), nil
	}
	return []verify.Result{{
		Check: c.Name(), Verdict: verify.Passed,
		Observed: units.Counted(int64(present), "object"), Expected: units.Counted(int64(len(want)), "object"),
		Detail: "Every object that the dump lists was restored, tables counted by the census included.",
	}}, nil
}

func (c Inventory) missing(o engine.Object) verify.Result {
	r := verify.Result{
		Check: c.Name(), Verdict: verify.Failed, Code: verify.ObjectsMissing, Subject: o.String(),
		Observed: "absent", Expected: "present",
		Detail: "The dump lists this " + o.Kind + ", and the restored database does not have it.",
		Hint:   "See the restore errors for why it was not created. Often an extension or a role is missing, or something it refers to.",
	}
	if o.Kind == "table" {
		r.Code, r.Subject = verify.TablesMissing, o.Table.String()
	}
	return r
}
