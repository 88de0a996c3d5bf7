package jobs

import (
	"context"
	"fmt"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
)

// Moments of the whole installation, kept in the history.
const (
	momentAwake  = "watchdog.awake" // the last turn of any watchdog
	momentGrace  = "watchdog.grace" // nothing is overdue before
	momentDigest = "digest"
	momentCover  = "coverage"
)

// asleep is how long no watchdog ran when there was a downtime; grace is what the
// catch-ups after it get before anything is called overdue. That Lifeboat was down at all
// is for the outgoing heartbeat to tell: nothing inside can.
const (
	asleep = 10 * time.Minute
	grace  = catchUpSpread + time.Hour
)

// watchWhenDue runs the watchdog at its pace.
func (s *Service) watchWhenDue() func(context.Context) error { return s.every(watchPace, s.watch) }

// watch tells of targets that should have had a verdict by now, and repeats what is
// still open.
func (s *Service) watch(ctx context.Context) error {
	setup, now := s.setup.Load(), s.Now()
	if err := s.rewind(ctx, setup, now); err != nil {
		return err
	}
	spared, err := s.wake(ctx, now)
	if err != nil || spared {
		return err
	}
	fleet, err := s.Store.Fleet(ctx, history.FleetQuery{Bare: true})
	if err != nil {
		return fmt.Errorf("look how targets stand: %w", err)
	}
	late := overdue(fleet.Standings)
	for _, st := range fleet.Standings {
		t, configured := setup.Targets[st.Target]
		if !configured {
			continue
		}
		judge := func(st history.Standing) (history.Effects, bool) {
			e := t.passage(st, now)
			e.Alike = late
			if _, known := st.Alerts.Problems[notify.Overdue]; known {
				e.Alike-- // it counts itself
			}
			effects := setup.decide(t, st.Alerts, e)
			return effects, len(effects.Alerts) > 0
		}
		effects, eventful := judge(st)
		if !eventful {
			continue // thousands that are well need no transaction
		}
		if err := s.Store.Update(ctx, st.Target, judge); err != nil {
			return fmt.Errorf("judge whether %s is overdue: %w", st.Target, err)
		}
		_, was := st.Alerts.Problems[notify.Overdue]
		if _, is := effects.State.Problems[notify.Overdue]; is && !was {
			late++
		}
	}
	return nil
}

// overdue counts the targets that are known to be.
func overdue(standings []history.Standing) (n int) {
	for _, st := range standings {
		if _, open := st.Alerts.Problems[notify.Overdue]; open {
			n++
		}
	}
	return n
}

// passage is the event that time went by.
func (t Target) passage(st history.Standing, now time.Time) notify.Event {
	e := notify.Event{Target: st.Target, At: now, LastGood: st.LastGood}
	e.VerdictDue, e.DueWhy, e.ProofDue = t.due(st)
	return e
}

// putBack is how far in the future the watchdog must have run to say that the clock was put
// back; less is how the clocks of several machines differ.
const putBack = 5 * time.Minute

// rewind takes schedules back with a clock that was put back: they would wait for the time
// that it had shown, which may be years off. No occurrence is fired twice by it, since each
// has one drill at most.
func (s *Service) rewind(ctx context.Context, setup *Setup, now time.Time) error {
	last, err := s.Store.Moment(ctx, momentAwake)
	if err != nil || last.Sub(now) < putBack {
		return err
	}
	fleet, err := s.Store.Fleet(ctx, history.FleetQuery{Bare: true})
	if err != nil {
		return fmt.Errorf("look how targets stand: %w", err)
	}
	for _, st := range fleet.Standings {
		t, configured := setup.Targets[st.Target]
		if !configured || t.Schedule == nil {
			continue
		}
		next := t.Schedule.Next(now)
		if !st.Next.After(next) {
			continue
		}
		p := history.Plan{Target: st.Target, Spec: t.Spec, Next: st.Next}
		if _, err := s.Store.Fire(ctx, p, next, nil); err != nil {
			return fmt.Errorf("take the schedule of %s back with the clock: %w", st.Target, err)
		}
	}
	s.Log.WarnContext(ctx, "the clock was put back, and the schedules with it", "from", last, "to", now)
	return nil
}

// wake keeps track of downtimes, and reports whether the time after one still lasts.
func (s *Service) wake(ctx context.Context, now time.Time) (spared bool, err error) {
	last, err := s.Store.Moment(ctx, momentAwake)
	if err != nil {
		return false, fmt.Errorf("look when the watchdog last ran: %w", err)
	}
	if slept := now.Sub(last); !last.IsZero() && slept > asleep {
		before, err := s.Store.Moment(ctx, momentGrace)
		if err != nil {
			return false, fmt.Errorf("look whether there was a downtime: %w", err)
		}
		if _, err := s.Store.Turn(ctx, momentGrace, before, now.Add(grace), nil); err != nil {
			return false, fmt.Errorf("note a downtime: %w", err)
		}
	}
	if _, err := s.Store.Turn(ctx, momentAwake, last, now, nil); err != nil {
		return false, fmt.Errorf("note that the watchdog runs: %w", err)
	}
	until, err := s.Store.Moment(ctx, momentGrace)
	// A grace further away than it can be is left from a clock that went back.
	return now.Before(until) && until.Sub(now) <= grace, err
}
