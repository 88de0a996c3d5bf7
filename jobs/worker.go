package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// Pauses after which a drill that could not begin is looked at again.
const (
	busyPause  = 2 * time.Second  // another drill of its target runs
	roomPause  = 15 * time.Second // the sandbox host has no room
	faultPause = 5 * time.Second  // the history did not answer
	patience   = 10 * time.Second // how long a drill waits for room with a worker to itself
)

// work runs one queued drill if it can begin, and says after which pause to offer it again.
func (s *Service) work(ctx context.Context, id string) (again time.Duration) {
	e, err := s.Store.Entry(ctx, id)
	switch {
	case errors.Is(err, history.ErrNotFound):
		return 0
	case err != nil:
		return s.fault(ctx, id, "read", err)
	case e.State != history.Queued:
		return 0
	}
	setup, now := s.setup.Load(), s.Now()
	if now.Before(e.NotBefore) {
		return 0 // the clock was set back: it is released again
	}
	t, configured := setup.Targets[e.Target]
	if !configured {
		return s.unknown(ctx, e, now)
	}
	l, err := s.Store.Claim(ctx, id, s.Pipeline.Instance, s.Lease, now)
	var running *history.RunningError
	switch {
	case errors.As(err, &running):
		if err := s.Store.Wait(ctx, id, "drill "+running.Drill+" of the same target runs", now); err != nil {
			return s.fault(ctx, id, "mark as waiting", err)
		}
		return busyPause
	case errors.Is(err, history.ErrOver), errors.Is(err, history.ErrTaken), errors.Is(err, history.ErrNotFound):
		return 0
	case err != nil:
		return s.fault(ctx, id, "claim", err)
	}
	return s.drill(ctx, setup, t, l)
}

// unknown deals with a drill of a target that this process does not know. The record tells
// whether it was taken out of the configuration, or whether another process has a newer one.
func (s *Service) unknown(ctx context.Context, e history.Entry, now time.Time) (again time.Duration) {
	st, err := s.Store.Standing(ctx, e.Target)
	switch {
	case err != nil && !errors.Is(err, history.ErrNotFound):
		return s.fault(ctx, e.ID, "look up the target", err)
	case err == nil && !st.Since.IsZero() && st.Retired.IsZero():
		return roomPause
	}
	_, err = s.Store.Cancel(ctx, e.ID, "the configuration, which has no such target any more", now)
	if err != nil && !errors.Is(err, history.ErrOver) {
		return s.fault(ctx, e.ID, "cancel", err)
	}
	return 0
}

// fault logs what the history said and asks for another try.
func (s *Service) fault(ctx context.Context, id, what string, err error) time.Duration {
	if ctx.Err() == nil {
		s.Log.WarnContext(ctx, "queued drill could not be handled", "drill", id, "operation", what, "error", err)
	}
	return faultPause
}

// drill runs a leased drill to its end, its return to the queue, or the loss of its lease.
func (s *Service) drill(ctx context.Context, setup *Setup, t Target, l history.Lease) (again time.Duration) {
	job, live := t.Job, newLive(s.Now)
	job.Patience = patience
	held, release := s.Pipeline.hold(ctx, l, s.Lease, live)
	defer release()
	o := s.Pipeline.run(held, l, job, live)
	var wait *WaitError
	switch {
	case errors.Is(o.stopped, history.ErrLeaseLost):
		s.Log.WarnContext(ctx, "drill ended without its lease", "drill", l.ID, "target", l.Target, "error", o.stopped)
		return 0
	case errors.As(o.stopped, &wait):
		return s.giveBack(ctx, l, wait.Error(), roomPause)
	case ctx.Err() != nil && o.stopped == nil && o.report.Verdict == verify.Errored:
		return s.giveBack(ctx, l, "handed over by a Lifeboat that was stopped", 0)
	}
	rep, err := s.record(held, setup, l, o)
	if err != nil {
		s.Log.ErrorContext(ctx, "drill not recorded", "drill", l.ID, "target", l.Target, "error", err)
		return 0 // the lease runs out, and the drill is taken over
	}
	s.Log.InfoContext(ctx, "drill ended", "drill", l.ID, "target", l.Target, "verdict", rep.Verdict.String(),
		"seconds", seconds(rep.Finished.Sub(rep.Started)))
	if rep.Verdict != verify.Errored && t.Heartbeat != nil {
		s.beatTarget(ctx, t)
	}
	return 0
}

// recordTries bounds the attempts to store a report while the history is locked or its
// disk is full: what took an hour to find is not thrown away for a bad minute.
const recordTries = 10

// record stores a report, trying again for as long as the lease is held.
func (s *Service) record(held context.Context, setup *Setup, l history.Lease, o outcome) (rep verify.Report, err error) {
	then := setup.after(s.Now, s.NewID, true)
	for try := range recordTries {
		if rep, err = s.Pipeline.finish(held, l, o, then); err == nil || errors.Is(err, history.ErrLeaseLost) {
			return rep, err
		}
		timer := time.NewTimer(time.Duration(try+1) * time.Second)
		<-timer.C
		if errors.Is(context.Cause(held), history.ErrLeaseLost) {
			return rep, errors.Join(err, context.Cause(held))
		}
	}
	return rep, err
}

// giveBack puts a drill back into the queue even when ctx is over.
func (s *Service) giveBack(ctx context.Context, l history.Lease, why string, pause time.Duration) time.Duration {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), recordTimeout,
		fmt.Errorf("history took longer than %s", recordTimeout))
	defer cancel()
	now := s.Now()
	if err := s.Store.GiveBack(ctx, l, why, now.Add(pause), now); err != nil {
		s.Log.WarnContext(ctx, "drill not given back", "drill", l.ID, "target", l.Target, "error", err)
		// The lease runs out, and the drill is taken over.
	}
	return 0
}

// lost says what follows from drills whose process died. How a target stands is read
// beside the transaction: no other drill of it ends meanwhile.
func (s *Service) lost(ctx context.Context, now time.Time) Lost {
	setup, again := s.setup.Load(), TakenOver(func() time.Time { return now })
	return func(e history.Entry, rep verify.Report, state notify.State) history.Effects {
		t, configured := setup.Targets[e.Target]
		effects := again(e, rep, state)
		if !configured || len(effects.Drills) > 0 || e.CancelBy != "" || e.Backup != "" {
			return effects
		}
		// The last attempt died as well: that counts as one that could not tell.
		st, err := s.Store.Standing(ctx, e.Target)
		if err != nil {
			s.Log.WarnContext(ctx, "interrupted drill judged without its target's past", "drill", e.ID, "target", e.Target, "error", err)
			st = history.Standing{Target: e.Target, Since: now}
		}
		event := t.passage(st, now)
		event.Report = &rep
		return setup.decide(t, state, event)
	}
}
