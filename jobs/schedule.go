package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"lifeboat/history"
)

// fireBatch bounds the plans fired in one turn: a stampede after downtime leaves time
// for everything else.
const fireBatch = 200

// lateBy is how late an occurrence is when it counts as missed: no Lifeboat ran then.
const lateBy = 5 * time.Minute

// catchUpSpread is the time over which the drills missed during a downtime are spread.
const catchUpSpread = 30 * time.Minute

// fireDue queues a drill for every target whose time has come, and releases those that
// waited for theirs.
func (s *Service) fireDue(ctx context.Context) error {
	setup, now := s.setup.Load(), s.Now()
	due, err := s.Store.Due(ctx, now, fireBatch)
	if err != nil {
		return fmt.Errorf("look what is due: %w", err)
	}
	for _, p := range due {
		t, ok := setup.Targets[p.Target]
		if !ok || t.Schedule == nil || t.Spec != p.Spec {
			continue // another process has a newer configuration, and fires it
		}
		next := t.Schedule.Next(now)
		d := t.scheduled(p, now, s.NewID)
		if _, err := s.Store.Fire(ctx, p, next, &d); err != nil {
			return fmt.Errorf("queue the drill of %s due at %s: %w", p.Target, p.Next.Format(time.RFC3339), err)
		}
	}
	if _, err := s.Store.Release(ctx, now); err != nil {
		return fmt.Errorf("release drills that are up: %w", err)
	}
	return nil
}

// scheduled is the drill of the occurrence p.Next. One that was missed stands for all
// that were missed with it, and begins at a time of its own, so that a downtime is
// not followed by a stampede.
func (t Target) scheduled(p history.Plan, now time.Time, newID func(time.Time) string) history.Drill {
	d := history.Drill{
		ID: newID(now), Target: p.Target, Trigger: history.Scheduled, Priority: history.PriorityScheduled,
		Asked: now, By: "schedule", ScheduledFor: p.Next, NotBefore: p.Next.Add(spread(p.Target, p.Next, t.Jitter)), Attempt: 1,
	}
	if now.Sub(p.Next) > lateBy {
		d.Trigger, d.Priority = history.CatchUp, history.PriorityCatchUp
		d.NotBefore = now.Add(spread(p.Target, p.Next, catchUpSpread))
	}
	if closed, until := t.closed(later(now, d.NotBefore)); closed {
		d.NotBefore = until.Add(spread(p.Target, p.Next, t.Jitter))
	}
	return d
}

// spread is a time below limit that is always the same for one occurrence of one target.
func spread(target string, at time.Time, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s@%d", target, at.Unix())) // even, where shorter hashes of like names are not
	return time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(limit))
}
