package jobs

import (
	"context"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/storage"
)

// Setup is a configuration in force, as the service needs it. It is never changed: a
// reload brings a new one, and drills under way keep theirs.
type Setup struct {
	Targets     map[string]Target
	Sources     map[string]storage.Source
	Concurrency int // drills at once in this process

	Policy    notify.Policy
	Operators []string // notifiers of those who run Lifeboat
	Notifiers map[string]notify.Notifier
	Fallback  map[string]string // notifier -> the one told when it gives up
	Digest    Schedule          // nil: none
	Heartbeat Heartbeat         // of the service; nil: none
}

// Target is one target as the service needs it.
type Target struct {
	Job
	Schedule    Schedule      // nil: only on request
	Spec        string        // tells one schedule from another, for history.Plan
	OnNewBackup bool          // drilled whenever a backup appears
	Poll        time.Duration // how often its source is looked at for one
	Settle      time.Duration // how long a new backup must have been left alone
	Jitter      time.Duration
	Windows     Windows // nil: drills may start at any time
	MaxAgeProof time.Duration
	Owners      []string // notifiers
	Operators   []string // nil: those of the setup
	Heartbeat   Heartbeat
}

// Schedule tells when a target is due.
type Schedule interface {
	// Next is the first occurrence after a moment; zero when there is none.
	Next(after time.Time) time.Time
	// Interval is the longest time between two occurrences around a moment.
	Interval(at time.Time) time.Duration
}

// Windows tells when no scheduled drill may start.
type Windows interface {
	// Closed reports whether a moment is in a window, and when that ends.
	Closed(at time.Time) (closed bool, until time.Time)
}

// closed reports whether a moment is in a maintenance window, and when that ends.
func (t Target) closed(at time.Time) (closed bool, until time.Time) {
	if t.Windows == nil {
		return false, time.Time{}
	}
	return t.Windows.Closed(at)
}

// Heartbeat tells an outside watcher that something works.
type Heartbeat func(ctx context.Context) error

// operators are those who are told what is wrong with drills of t.
func (s *Setup) operators(t Target) []string {
	if t.Operators != nil {
		return t.Operators
	}
	return s.Operators
}

// plan is what history remembers of a target's schedule, first due after now.
func (t Target) plan(now time.Time) history.Plan {
	p := history.Plan{Target: t.Job.Target.Name, Spec: t.Spec}
	if t.Schedule != nil {
		p.Next = t.Schedule.Next(now)
	}
	return p
}
