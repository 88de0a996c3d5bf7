package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
)

// leaseTime is how long a drill stays with a process that gives no sign of life. With the
// pace at which the lost are looked for, a drill is taken over within a minute.
const leaseTime = 45 * time.Second

// progressPace is how often a drill under way tells the record how it goes.
const progressPace = time.Second

// calledOffError means that a person called the drill off while it ran.
type calledOffError struct{ by string }

func (e *calledOffError) Error() string {
	return fmt.Sprintf("%v by %s", ErrInterrupted, e.by)
}

func (e *calledOffError) Is(target error) bool { return target == ErrInterrupted }

// hold keeps a lease until release is called: it beats, tells the record how the drill
// goes, and ends the returned context when the drill was called off or the lease is
// lost. A process that could not beat for a whole lease treats it as lost, too.
func (p *Pipeline) hold(ctx context.Context, l history.Lease, lease time.Duration, live *live) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.beat(beating, l, lease, live, cancel)
	}()
	return ctx, func() {
		stop()
		<-done
		cancel(nil)
	}
}

// beat goes on until ctx ends or the lease is lost.
func (p *Pipeline) beat(ctx context.Context, l history.Lease, lease time.Duration, live *live, cancel context.CancelCauseFunc) {
	lost := time.AfterFunc(lease, func() {
		cancel(fmt.Errorf("%w: the history could not be reached for %s", history.ErrLeaseLost, lease))
	})
	defer lost.Stop()
	pace := time.NewTicker(min(progressPace, lease/4))
	defer pace.Stop()
	beats := time.NewTicker(lease / 4)
	defer beats.Stop()
	for {
		due := false
		select {
		case <-ctx.Done():
			return
		case <-beats.C:
			due = true
		case <-pace.C:
		}
		progress, changed := live.take()
		if !due && !changed {
			continue
		}
		trying, stop := context.WithTimeout(ctx, lease/2)
		by, err := p.History.Beat(trying, l, lease, progress)
		stop()
		switch {
		case errors.Is(err, history.ErrLeaseLost):
			cancel(fmt.Errorf("%w: %w", history.ErrLeaseLost, err))
			return
		case err != nil && ctx.Err() == nil:
			p.Log.WarnContext(ctx, "drill could not be marked as alive", "drill", l.ID, "target", l.Target, "error", err)
		case err == nil:
			lost.Reset(lease)
			if by != "" {
				cancel(&calledOffError{by})
			}
		}
	}
}

// stopCause is why a drill was stopped from outside, nil when it was not.
func stopCause(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrInterrupted) || errors.Is(cause, history.ErrLeaseLost) {
		return cause
	}
	return nil
}
