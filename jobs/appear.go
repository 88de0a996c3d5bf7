package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"lifeboat/history"
	"lifeboat/storage"
)

// pollTimeout bounds one round of looks at the sources; lookTimeout one of them.
const (
	pollTimeout = 5 * time.Minute
	lookTimeout = time.Minute
)

// lookWhenDue looks for new backups of the targets that are drilled when one appears:
// of each at its own pace, and at once of those that news came about. A source that hangs
// holds up no other.
func (s *Service) lookWhenDue() func(context.Context) error {
	looked := make(map[string]time.Time)
	return func(ctx context.Context) error {
		setup, now := s.setup.Load(), s.Now()
		maps.DeleteFunc(looked, func(name string, _ time.Time) bool { return !setup.Targets[name].OnNewBackup })
		news, due := s.news(), make(map[string][]Target)
		for name, t := range setup.Targets {
			last, seen := looked[name]
			if !t.OnNewBackup || seen && !news[name] && now.Sub(last) < t.Poll && !now.Before(last) {
				continue
			}
			looked[name] = now
			source := t.Job.Target.Source
			due[source] = append(due[source], t)
		}
		var mu sync.Mutex
		var errs []error
		var wg sync.WaitGroup
		for _, targets := range due {
			wg.Go(func() {
				left, err := s.lookInto(ctx, targets, now)
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				for _, t := range left {
					delete(looked, t.Job.Target.Name) // they are up at the next turn
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// lookInto looks for new backups in one source. Once that did not answer in time, the targets
// that are left wait for the next turn.
func (s *Service) lookInto(ctx context.Context, targets []Target, now time.Time) (left []Target, _ error) {
	var errs []error
	for i, t := range targets {
		err := s.lookFor(ctx, t, now)
		errs = append(errs, err)
		if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return targets[i+1:], errors.Join(errs...)
		}
	}
	return nil, errors.Join(errs...)
}

// news takes what Appeared left.
func (s *Service) news() map[string]bool {
	named := make(map[string]bool)
	for {
		select {
		case name := <-s.look:
			named[name] = true
		default:
			return named
		}
	}
}

// Appeared takes the news that an object was stored under a key of a source, as its
// targets see it, and returns to how many of them it may belong.
func (s *Service) Appeared(source, key string) int {
	n := 0
	for name, t := range s.setup.Load().Targets {
		if !t.OnNewBackup || t.Job.Target.Source != source || !strings.HasPrefix(key, t.Pattern.Prefix()) {
			continue
		}
		n++
		select {
		case s.look <- name:
		default: // so many came at once that the next poll finds them all
		}
	}
	return n
}

// lookFor queues a drill when the newest whole backup of a target is one that no drill
// was queued for.
func (s *Service) lookFor(ctx context.Context, t Target, now time.Time) error {
	name := t.Job.Target.Name
	ctx, cancel := context.WithTimeoutCause(ctx, lookTimeout, fmt.Errorf("the storage took longer than %s", lookTimeout))
	defer cancel()
	found, err := storage.Locate(ctx, t.Source, storage.Query{Pattern: t.Pattern, Marker: t.Marker, Settle: t.Settle, Now: now})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(err, ctx.Err()) // whatever words the source has for it
	}
	if err != nil {
		return fmt.Errorf("look for new backups of %s: %w", name, err)
	}
	newest, whole := found.Newest()
	if !whole {
		return nil // that none came is what the RPO and the watchdog are for
	}
	d := history.Drill{
		ID: s.NewID(now), Target: name, Trigger: history.NewBackup, Priority: history.PriorityScheduled, Asked: now,
		By: "new backup", Appeared: identity(newest), Attempt: 1, NotBefore: now.Add(spread(name, newest.MadeAt, t.Jitter)),
	}
	if closed, until := t.closed(d.NotBefore); closed {
		d.NotBefore = until
	}
	if _, _, err := s.Store.Enqueue(ctx, d); err != nil {
		return fmt.Errorf("queue the drill of a new backup of %s: %w", name, err)
	}
	return nil
}

// identity tells one backup from another, and from itself when it was replaced.
func identity(a storage.Artifact) string {
	return fmt.Sprintf("%s %s %d %d", a.Key, a.Version(), a.MadeAt.UnixNano(), a.Bytes())
}
