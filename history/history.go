// Package history is the contract of the record of drills. It stores finished
// reports whole and never changes one afterwards.
package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/verify"
)

// Answers of Store.Get.
var (
	// ErrNotFound means there is no such drill.
	ErrNotFound = errors.New("no such drill")
	// ErrAmbiguous means that several ids begin with what was given.
	ErrAmbiguous = errors.New("several drills begin so")
)

// Store is the record of drills. Methods may be called concurrently, from several
// processes as well.
type Store interface {
	// Installation is the id of this Lifeboat, made up when the record was created.
	Installation(ctx context.Context) (string, error)
	// Begin records that a drill of a target runs. While one is recorded as
	// running, another Begin for that target returns a *RunningError.
	Begin(ctx context.Context, d Drill) error
	// Finish stores the report of a drill that was begun, in one transaction.
	// ErrNotFound when it was not; an error as well when it has a report already.
	Finish(ctx context.Context, r verify.Report) error
	// Interrupt marks the drills that run in an instance which is no longer alive as
	// interrupted (verdict errored) and returns them.
	Interrupt(ctx context.Context, alive func(instance string) bool, now time.Time) ([]Drill, error)
	// Get returns the report of one drill by its id or an unambiguous beginning of
	// it. ErrNotFound when there is none, ErrAmbiguous when there are several, a
	// *RunningError while it runs.
	Get(ctx context.Context, drill string) (verify.Report, error)
	// List returns the newest drills of a target, or of all when target is empty,
	// newest first, running ones included.
	List(ctx context.Context, target string, limit int) ([]Entry, error)
	// Baseline returns the last limit good drills of a target, newest first.
	Baseline(ctx context.Context, target string, limit int) (verify.Baseline, error)
	// Close releases the store.
	Close() error
}

// Drill is a drill that runs.
type Drill struct {
	ID       string
	Target   string
	Instance string // the Lifeboat process it runs in
	Started  time.Time
}

// State of an entry.
type State string

// States of a drill. Interrupted is one whose process died under it.
const (
	Running     State = "running"
	Finished    State = "finished"
	Interrupted State = "interrupted"
)

// Entry is one line of the record.
type Entry struct {
	Drill    string
	Target   string
	State    State
	Verdict  verify.Verdict // Unknown while it runs
	Summary  string         // gravest result in one line
	Key      string
	Bytes    int64
	MadeAt   time.Time // of the backup; zero when none was found
	Rows     int64     // restored rows in all
	Started  time.Time
	Finished time.Time // zero while it runs
}

// RunningError refuses a second drill of a target.
type RunningError struct {
	Target string
	Drill  string // the one that runs
	Since  time.Time
}

// Error names the drill that runs and what to do.
func (e *RunningError) Error() string {
	return fmt.Sprintf("target %s is already being drilled since %s as %s; wait for it or stop it",
		e.Target, e.Since.Format(time.DateTime), e.Drill)
}
