package sandbox

import (
	"errors"
	"fmt"
	"time"
)

// Check reports everything that forbids to start s at now: a limit that is not
// set, an owner by whom the sandbox could not be found again, a deadline that is
// missing or has passed. Every runner starts with it.
func (s Spec) Check(now time.Time) error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	l, o := s.Limits, s.Owner
	require(l.CPUs > 0, "CPU limit is not set")
	require(l.Memory > 0, "memory limit is not set")
	require(l.Disk > 0, "disk limit is not set")
	require(l.Pids > 0, "limit of processes is not set")
	require(o.Installation != "" && o.Instance != "" && o.Drill != "", "owner is not complete")
	switch {
	case s.Deadline.IsZero():
		errs = append(errs, errors.New("deadline is not set"))
	case !s.Deadline.After(now):
		errs = append(errs, fmt.Errorf("%w before it started, at %s", ErrDeadline, s.Deadline.UTC().Format(time.RFC3339)))
	}
	return errors.Join(errs...)
}

// Due reports whether a sandbox with these labels is to be removed: its deadline
// has passed, or its instance died and it was not started to be kept. Sandboxes of
// other installations are never ours to remove.
func (q SweepQuery) Due(o Owner, deadline time.Time, keep bool) bool {
	if o.Installation != q.Installation {
		return false
	}
	return deadline.Before(q.Now) || !keep && !q.Alive(o.Instance)
}
