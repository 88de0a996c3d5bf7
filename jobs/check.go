package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// check measures every table once, then asks the checks at the same time.
func (r *run) check(ctx context.Context, restored engine.Restored) error {
	if restored.DB == nil {
		r.ask(ctx, r.checks(verify.AfterRestore))
		return nil
	}
	if err := r.measure(ctx, restored.DB); err != nil {
		return err
	}
	defer r.phase(Check)()
	r.ask(ctx, append(r.checks(verify.AfterRestore), r.checks(verify.AfterMeasuring)...))
	return nil
}

// measure counts rows and looks for damage, which both go over whole tables, at the
// same time.
func (r *run) measure(ctx context.Context, db engine.Database) error {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer r.phase(Soundness)()
		s, err := db.Soundness(ctx)
		if r.input.SoundnessErr = err; err == nil {
			r.input.Soundness = &s
		}
	})
	end := r.phase(Count)
	measured, err := db.Measure(ctx, verify.Measures(r.checks(verify.AfterMeasuring)))
	end()
	wg.Wait()
	if err != nil {
		return fmt.Errorf("count restored rows: %w", err)
	}
	r.input.Measured = measured
	r.rep.Tables = tablesReport(measured, r.input.Received.Census)
	r.phases.add(Count, 0, rowsIn(measured))
	r.note("counted %s in %s", units.Counted(rowsIn(measured), "row"), units.Counted(int64(len(measured)), "table"))
	return nil
}

// checks are the built-in ones and the target's own that are asked at a stage.
func (r *run) checks(at verify.Stage) []verify.Check {
	all := append(slices.Clone(r.Checks), r.job.Target.Checks...)
	return slices.DeleteFunc(all, func(c verify.Check) bool { return verify.StageOf(c) != at })
}

// ask runs checks concurrently and keeps their results in the order of the checks.
func (r *run) ask(ctx context.Context, checks []verify.Check) {
	results := make([][]verify.Result, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i] = r.askOne(ctx, c) })
	}
	wg.Wait()
	for _, rs := range results {
		r.rep.Results = append(r.rep.Results, rs...)
	}
}

// askOne turns a check that could not be answered into an errored result: a missing
// answer is on record and never good.
func (r *run) askOne(ctx context.Context, c verify.Check) []verify.Result {
	began := r.Now()
	results, err := c.Run(ctx, r.input)
	if err != nil {
		results = append(results, r.unanswered(ctx, c, err))
	}
	for i := range results {
		if results[i].Check == "" {
			results[i].Check = c.Name()
		}
	}
	if len(results) > 0 {
		results[0].Seconds = seconds(r.Now().Sub(began))
	}
	return results
}

// unanswered names our own accident where there was one, and the check's error
// otherwise.
func (r *run) unanswered(ctx context.Context, c verify.Check, err error) verify.Result {
	if cause := r.stopped(ctx); cause != nil {
		err = cause
	}
	res := accident(err)
	res.Check = c.Name()
	if res.Code == verify.InternalError {
		res.Code = verify.CheckErrored
		res.Detail = fmt.Sprintf("The check %s could not be answered: %v.", c.Name(), err)
		res.Hint = "Run the drill again; if it stays, the log at debug level says more."
	}
	return res
}

// stopped is the reason everything under ctx had to end, or nil. The sandbox's own
// reason comes first: it explains the others.
func (r *run) stopped(ctx context.Context) error {
	if r.box != nil && r.box.Err() != nil {
		return r.box.Err()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// firstCause returns the error that explains the others: the cause of a stopped
// context, else the first that is not a mere echo of the cancellation.
func firstCause(ctx context.Context, errs ...error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}
