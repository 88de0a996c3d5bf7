// Package history is the contract of Lifeboat's database: the record of drills, which
// stores finished reports whole and never changes one afterwards, and what has to
// change in one transaction with it: the queue of drills, their schedules, and the
// outbox of alerts. Whoever serves pages or runs drills shares nothing else.
//
// Two clocks are told apart. What people agreed on, when a drill is due or how old a
// proof is, comes in as a value. Whether a process still lives, a lease, goes by the
// clock of the database alone.
package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"lifeboat/verify"
)

// Answers of stores that callers act on.
var (
	// ErrNotFound means there is no such drill, target, alert, token or session.
	ErrNotFound = errors.New("not on record")
	// ErrAmbiguous means that several ids begin with what was given.
	ErrAmbiguous = errors.New("several drills begin so")
	// ErrOver means that a drill is finished, interrupted or cancelled: nothing is left to do.
	ErrOver = errors.New("the drill is over")
	// ErrTaken means that another process works on it.
	ErrTaken = errors.New("another process works on it")
	// ErrLeaseLost means that a lease ran out, or was taken over: what its holder does
	// counts no more and it must stop.
	ErrLeaseLost = errors.New("the lease is lost")
)

// Store is the whole database. Methods may be called concurrently, from several
// processes as well.
type Store interface {
	Record
	Queue
	Schedules
	Standings
	Outbox
	Access
	// Installation is the id of this Lifeboat, made up when the database was created.
	Installation(ctx context.Context) (string, error)
	// Ping answers whether the database can be read and written now.
	Ping(ctx context.Context) error
	// Close releases the store. It may be called twice.
	Close() error
}

// Importer is implemented by stores that take in finished drills in bulk, such as
// generated ones. They have no lease and nothing follows from them.
type Importer interface {
	// Import stores the reports of drills that are not on record, and then how their
	// targets stand. Each report says when its drill began and finished.
	Import(ctx context.Context, reports iter.Seq[verify.Report]) error
}

// Record is what drills found.
type Record interface {
	// Get returns the report of one drill by its id or an unambiguous beginning of
	// it. ErrNotFound when there is none, ErrAmbiguous when there are several, a
	// *RunningError while it runs, a *QueuedError before, ErrOver when it was cancelled
	// before it began.
	Get(ctx context.Context, drill string) (verify.Report, error)
	// Entry returns one line of the record by its whole id, whatever its state.
	Entry(ctx context.Context, drill string) (Entry, error)
	// List returns drills that began, newest first, running ones included.
	List(ctx context.Context, f Filter) ([]Entry, error)
	// Waiting returns the queued drills in the order in which they are up: by
	// priority, then by the time they may begin, then by id.
	Waiting(ctx context.Context, limit int) ([]Entry, error)
	// Count tells how many drills there are in a state.
	Count(ctx context.Context, s State) (int, error)
	// Strips returns the last n drills of each target that ended, oldest first.
	Strips(ctx context.Context, targets []string, n int) (map[string][]Mark, error)
	// Points returns what the last n finished drills of a target measured, oldest first.
	Points(ctx context.Context, target string, n int) ([]Point, error)
	// Baseline returns the last limit good drills of a target, newest first.
	Baseline(ctx context.Context, target string, limit int) (verify.Baseline, error)
}

// Filter chooses drills. The zero value chooses all.
type Filter struct {
	Target   string
	States   []State
	Verdicts []verify.Verdict
	// Before is a place in the list, from Entry.Cursor of the last line of the page
	// before; empty begins at the newest.
	Before string
	Limit  int // at least 1
}

// State of a drill.
type State string

// States of a drill. Interrupted is one whose process died under it; Cancelled is one
// that was called off before it began.
const (
	Queued      State = "queued"
	Running     State = "running"
	Finished    State = "finished"
	Interrupted State = "interrupted"
	Cancelled   State = "cancelled"
)

// Trigger is why a drill was asked for.
type Trigger string

// Triggers.
const (
	Manual    Trigger = "manual"     // a person asked
	Scheduled Trigger = "schedule"   // its time came
	CatchUp   Trigger = "catch-up"   // its time came while no Lifeboat ran
	NewBackup Trigger = "new-backup" // a backup appeared
	Retry     Trigger = "retry"      // the one before could not tell
	Confirm   Trigger = "confirm"    // the one before failed: the same backup once more
	TakeOver  Trigger = "take-over"  // the process of the one before died
)

// Priorities of drills; the smaller goes first.
const (
	PriorityManual    = 1
	PriorityFollowUp  = 2 // retries, confirmations, take-overs
	PriorityScheduled = 3
	PriorityCatchUp   = 4
)

// Drill is a drill that is asked for.
type Drill struct {
	ID       string
	Target   string
	Trigger  Trigger
	Priority int
	Asked    time.Time
	By       string // who asked: a token's name, "schedule"; for people
	// ScheduledFor is the occurrence of the schedule it belongs to. A target has at
	// most one drill for each; zero for drills that no schedule asked for.
	ScheduledFor time.Time
	NotBefore    time.Time // may begin from then on; zero: at once
	Backup       string    // key of the backup to drill; empty: the newest
	// Appeared identifies the new backup that triggered it, by key and version. A
	// target has at most one drill for each; empty for other triggers.
	Appeared string
	Follows  string // drill that this one retries, confirms or takes over
	Attempt  int    // 1 for the first, 2 for its first retry or take-over
}

// Entry is one line of the record.
type Entry struct {
	Drill
	State    State
	Verdict  verify.Verdict // Unknown until it ends
	Summary  string         // gravest result in one line
	Key      string         // of the backup
	SHA256   string
	Bytes    int64
	MadeAt   time.Time     // of the backup; zero when none was found
	Rows     int64         // restored rows in all
	Restore  time.Duration // from the first byte fetched to the end of the restore; 0 when none ended
	Started  time.Time     // zero while it is queued
	Finished time.Time     // zero until it ends
	// Why it waits and since when; empty for one that simply is not up yet.
	Why        string
	WaitsSince time.Time
	Progress   Progress // of one that runs
	Owner      string   // instance that runs it
	CancelBy   string   // who called it off, while it still runs
}

// Cursor is the place of e in a list, for Filter.Before.
func (e Entry) Cursor() string {
	return fmt.Sprintf("%d.%s", e.Started.UnixNano(), e.Drill.ID)
}

// Mark is one drill in a strip of many.
type Mark struct {
	Drill    string
	Verdict  verify.Verdict
	State    State // Finished or Interrupted
	Finished time.Time
	Restore  time.Duration
	Summary  string
}

// Point is what one drill measured, for charts over time.
type Point struct {
	Drill    string
	Finished time.Time
	Verdict  verify.Verdict
	Restore  time.Duration
	Bytes    int64
	Rows     map[string]int64 // by table, of those that Largest takes
}

// Progress tells how a running drill goes. It crosses processes through the database.
type Progress struct {
	Phases []PhaseProgress `json:"phases,omitempty"` // in the order in which they began
	Notes  []Note          `json:"notes,omitempty"`  // the last ones, oldest first
	At     time.Time       `json:"at,omitzero"`      // of the last change
}

// PhaseProgress is one phase of a running drill.
type PhaseProgress struct {
	Name  string    `json:"name"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	Done  int64     `json:"done,omitempty"`  // in Unit
	Total int64     `json:"total,omitempty"` // 0 when it is not known
	Unit  string    `json:"unit,omitempty"`
}

// Note is a line of a running drill's log.
type Note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
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

// QueuedError says that a drill has not begun.
type QueuedError struct{ Target, Drill, Why string }

// Error says why it waits, where that is known.
func (e *QueuedError) Error() string {
	text := fmt.Sprintf("drill %s of %s has not begun", e.Drill, e.Target)
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}
