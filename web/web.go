// Package web is the contract between what people and programs see of Lifeboat over
// HTTP and the service behind it. Everything else is read from the record. It starts no
// drill itself and knows no storage and no sandbox.
package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lifeboat/verify"
)

// Answers of a Service that callers act on.
var (
	// ErrNoTarget means that the configuration has no such target.
	ErrNoTarget = errors.New("there is no such target in the configuration")
	// ErrNoBackup means that its source holds no backup under the key asked for.
	ErrNoBackup = errors.New("there is no such backup")
	// ErrConfig means that the configuration file cannot be used; the one in force stays.
	ErrConfig = errors.New("the configuration in force was kept")
)

// Service is what pages and the API ask for besides the record.
type Service interface {
	// Targets are those of the configuration in force, ordered by name, as lists show them:
	// without Config, Peculiar and Upcoming. Find finds one of them.
	Targets() []Target
	// Target is one of them, whole.
	Target(name string) (Target, bool)
	// Drill queues a manual drill and returns its id; that of the queued one, and fresh
	// false, where the same drill waits already. ErrNoTarget, ErrNoBackup.
	Drill(ctx context.Context, a Ask) (drill string, fresh bool, err error)
	// Cancel calls a drill off, queued or running. history.ErrOver, history.ErrNotFound.
	Cancel(ctx context.Context, drill, by string) error
	// Artifacts lists the backups a target has in its source, newest first, unfinished
	// ones with the reason. It asks the storage. ErrNoTarget.
	Artifacts(ctx context.Context, target string) ([]verify.Candidate, error)
	// Reload reads the configuration file again, all or nothing. ErrConfig with every mistake.
	Reload(ctx context.Context) error
	// Appeared takes the news that an object was stored in a bucket, and looks at the
	// targets it may belong to. It returns how many those are.
	Appeared(ctx context.Context, bucket, key string) int
	// Conditions are what is wrong with the service now, gravest first; empty when all is well.
	Conditions(ctx context.Context) []Condition
	// Coverage is what lies in the sources that no target covers, as last looked at.
	Coverage(ctx context.Context) (Coverage, error)
}

// Target is one of the configuration in force.
type Target struct {
	Name, Source, Match string
	Schedule, Timezone  string // Schedule is empty when it is drilled on request only
	RPO, RTO            time.Duration
	MaxAgeProof         time.Duration
	Owners, Operators   []string // notifiers
	Config              string   // its part of the file in force as YAML, secrets redacted
	// Peculiar are days on which the schedule meets a change of the clock, in words.
	Peculiar []string
	// Upcoming lists the next n times of the schedule after a moment; nil where it has none.
	Upcoming func(after time.Time, n int) []time.Time
}

// Find finds a target in a list that is ordered by name; the zero Target where it has none.
func Find(list []Target, name string) (t Target, known bool) {
	i, known := slices.BinarySearchFunc(list, name, func(t Target, name string) int { return strings.Compare(t.Name, name) })
	if known {
		t = list[i]
	}
	return t, known
}

// Ask is the wish for a drill.
type Ask struct {
	Target string
	Backup string // key; empty for the newest
	By     string // who asks
}

// Condition is something wrong with the service itself.
type Condition struct {
	Code   string // stable, for machines; docs/operating.md lists them
	Detail string // a sentence
	Hint   string // what to do
	Since  time.Time
	Fatal  bool // the service cannot do its work: readyz says no
}

// Coverage is what lies in the sources that no target covers.
type Coverage struct {
	At      time.Time // zero: not looked yet
	Sources []SourceCoverage
}

// SourceCoverage is one source's part of it.
type SourceCoverage struct {
	Source    string
	Error     string // why it could not be listed; then the rest says nothing
	Backups   int    // in all, as far as names tell
	Covered   int    // of them, belong to a target
	Uncovered []Uncovered
}

// Uncovered is a prefix that no target covers.
type Uncovered struct {
	Prefix  string
	Backups int
	Bytes   int64 // of its newest
	Newest  time.Time
	Example string // key of its newest
	Pattern string // match pattern that would cover it, where one can be proposed
}
