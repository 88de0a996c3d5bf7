package workdir

import (
	"context"
	"errors"

	"lifeboat/sandbox"
)

// Sweep removes the sandboxes of a runner below dir that q calls due, and returns
// their drills. One that cannot be removed does not keep the others.
func Sweep(ctx context.Context, dir, runner string, q sandbox.SweepQuery, remove func(context.Context, Dir) error) ([]string, error) {
	parent, err := Parent(dir)
	if err != nil {
		return nil, err
	}
	dirs, err := List(parent, runner)
	errs := []error{err}
	var drills []string
	for _, d := range dirs {
		if ctx.Err() != nil {
			errs = append(errs, ctx.Err())
			break
		}
		if !q.Due(d.Label.Owner, d.Label.Deadline, d.Label.Keep) {
			continue
		}
		if err := remove(ctx, d); err != nil {
			errs = append(errs, err)
			continue
		}
		drills = append(drills, d.Label.Owner.Drill)
	}
	return drills, errors.Join(errs...)
}
