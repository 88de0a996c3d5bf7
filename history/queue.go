package history

import (
	"context"
	"time"

	"lifeboat/notify"
	"lifeboat/verify"
)

// Queue hands drills to the processes that run them. The drill's own row is the
// truth: a drill is run by whoever holds its lease, and only the holder can finish it.
type Queue interface {
	// Enqueue records a drill as queued. It reports false, and changes nothing, when
	// the target has a drill for this occurrence or new backup already. A queued
	// manual drill of the same target and backup is that drill: its id comes back. One
	// whose NotBefore lies after Asked is held back until Release.
	Enqueue(ctx context.Context, d Drill) (id string, fresh bool, err error)
	// Release hands the queued drills to Work whose NotBefore is not after now, and those
	// that a process took with it when it died. It returns how many those are.
	Release(ctx context.Context, now time.Time) (int, error)
	// Work calls do for queued drills that are not held back, in their order, at most n at
	// once, until stop is called. A drill is delivered at least once, and again after
	// the pause that do returns when that is not zero. Its context ends when stop's does; ctx is
	// of the beginning alone.
	// stop lets running calls end until ctx is over, then cancels them and waits; it may be called twice.
	Work(ctx context.Context, n int, do func(ctx context.Context, drill string) (again time.Duration)) (stop func(ctx context.Context) error, err error)
	// Claim leases a queued drill to owner. ErrOver, ErrTaken, ErrNotFound, or a
	// *RunningError when another drill of its target runs.
	Claim(ctx context.Context, drill, owner string, lease time.Duration, now time.Time) (Lease, error)
	// Begin records a drill and leases it to owner at once, past the queue. A
	// *RunningError when another drill of its target runs.
	Begin(ctx context.Context, d Drill, owner string, lease time.Duration, now time.Time) (Lease, error)
	// Beat extends a lease and stores how the drill goes. It reports who called the
	// drill off, empty when nobody did. ErrLeaseLost when another holds it, or it ran out.
	Beat(ctx context.Context, l Lease, lease time.Duration, p Progress) (cancelledBy string, err error)
	// GiveBack puts a leased drill back into the queue and records why. Until its time
	// comes it is held back as by Enqueue; the call of Work's do that held it returns no
	// pause. A drill that was called off meanwhile is cancelled instead.
	GiveBack(ctx context.Context, l Lease, why string, notBefore, now time.Time) error
	// Wait records why a queued drill waits; empty when it does not any more.
	Wait(ctx context.Context, drill, why string, now time.Time) error
	// Finish stores the report of a leased drill, and what follows from it, in one
	// transaction. then is called inside it with the state of the target's alerts, once or
	// more often, and must be a pure function. ErrLeaseLost when another holds it, or it was
	// reaped: then nothing is stored. A lease that ran out, and that nobody took, still counts.
	Finish(ctx context.Context, l Lease, r verify.Report, then func(notify.State) Effects) error
	// Cancel calls a drill off: a queued one becomes cancelled at once, a running one
	// is told at its next beat. It returns the state it was found in. ErrOver, ErrNotFound.
	Cancel(ctx context.Context, drill, by string, now time.Time) (State, error)
	// Reap finds running drills whose lease ran out, or whose owner dead reports as
	// dead, marks each interrupted with a report that says so, and applies what then
	// returns, all in one transaction for each drill. dead may be nil.
	Reap(ctx context.Context, dead func(owner string) bool, now time.Time, then func(Entry, verify.Report, notify.State) Effects) ([]Entry, error)
}

// Lease is the right to run a drill.
type Lease struct {
	Drill
	Owner   string
	Token   int64 // fencing token, higher with each lease of the drill
	Started time.Time
}

// Effects are what follows from an event in a target's life. They are stored in the
// transaction of what they follow from.
type Effects struct {
	State  notify.State // replaces the stored one
	Alerts []Addressed
	Drills []Drill // queued as by Enqueue
}

// Addressed is an alert and the notifiers that carry it, by name. One without any is kept as
// suppressed, with the reason why. An alert has an id; addressed again it keeps its words, and
// no notifier carries it twice.
type Addressed struct {
	Alert      notify.Alert
	To         []string
	Suppressed string
}

// Schedules remembers when targets are due. Firing one is a compare-and-set, so that
// any number of processes fire each occurrence once.
type Schedules interface {
	// Plan makes the schedules those of plans: a new target gets its Next, one whose
	// Spec changed or that was retired as well, others keep theirs. Targets that plans does not name are
	// retired: they keep their record, are not due any more, and their queued drills
	// other than manual ones are cancelled.
	Plan(ctx context.Context, plans []Plan, now time.Time) error
	// Due returns the plans whose Next is not after now, earliest first.
	Due(ctx context.Context, now time.Time, limit int) ([]Plan, error)
	// NextDue is the earliest Next of all, zero when there is none.
	NextDue(ctx context.Context) (time.Time, error)
	// Fire moves a target's Next from p.Next to next and queues d (nil for none). It
	// reports false, and changes nothing, when another process was faster or p's Spec is in force
	// no more. Where an earlier drill of the schedule still waits, d is on record as cancelled.
	Fire(ctx context.Context, p Plan, next time.Time, d *Drill) (bool, error)
	// Turn moves a named moment of the whole installation, such as the next digest,
	// from prev to next, and applies alerts in the same transaction. It reports false when prev is not what is
	// stored; a moment never set is the zero time.
	Turn(ctx context.Context, name string, prev, next time.Time, alerts []Addressed) (bool, error)
	// Moment returns a named moment, zero when it was never set.
	Moment(ctx context.Context, name string) (time.Time, error)
	// Keep stores a named text for all processes; Kept returns it, empty when there is none.
	Keep(ctx context.Context, name, text string) error
	Kept(ctx context.Context, name string) (string, error)
}

// Plan is when a target is due.
type Plan struct {
	Target string
	Spec   string    // fingerprint of schedule, time zone and jitter: a change begins anew
	Next   time.Time // zero: never by itself
}

// Standings tell how every target stands, without reading reports.
type Standings interface {
	// Fleet returns a page of targets that are not retired, those that need a person first.
	Fleet(ctx context.Context, q FleetQuery) (Fleet, error)
	// Standing returns one target. ErrNotFound when there is none.
	Standing(ctx context.Context, target string) (Standing, error)
	// Update changes the alerts of a target when no drill ended: then is called with its standing in
	// a transaction, once or more often, and its effects are stored unless it reports false.
	Update(ctx context.Context, target string, then func(Standing) (Effects, bool)) error
}

// FleetQuery chooses targets. The zero value of each field chooses all.
type FleetQuery struct {
	Search   string // part of the name, in capitals or not
	Verdicts []verify.Verdict
	Offset   int
	Limit    int  // 0: all
	Bare     bool // without Last, Running and Queued, which other tables hold
}

// Fleet is a page of targets.
type Fleet struct {
	Standings []Standing
	Total     int                    // that the query chooses
	Verdicts  map[verify.Verdict]int // of all that are not retired, by last verdict; Unknown: never drilled
	Open      int                    // targets with an open problem
}

// Standing is how a target stands.
type Standing struct {
	Target    string
	Since     time.Time     // first planned
	Planned   time.Time     // when the schedule in force was
	Retired   time.Time     // zero while it is configured
	Next      time.Time     // next occurrence of its schedule; zero when there is none
	Last      Entry         // newest drill that ended and speaks for the target; zero when there is none
	VerdictAt time.Time     // end of the newest drill that could tell: passed, warned or failed; zero when there is none
	LastGood  *notify.Proof // never a drill that confirms: at best it contradicts the one before
	// NewestBackup and its time are what the last drill of it found. A drill
	// that was asked for another backup counts only when that one is newer; so it does for
	// Last, VerdictAt and LastGood. A drill that confirms is the last one only when it failed too, and so
	// is one of the newest backup by its name after it failed.
	NewestBackup   string
	NewestBackupAt time.Time
	Running        string // id of the drill that runs
	Queued         int    // drills that wait
	Alerts         notify.State
}

// Outbox keeps alerts until they are delivered. An alert is stored in the transaction
// of what it follows from; nothing that crashes loses one.
type Outbox interface {
	// ClaimDeliveries leases deliveries that are due to owner, oldest first; the limit is
	// shared out evenly among notifiers, so that one with many holds up no other. Of one
	// problem and notifier only the oldest undelivered is due: threads keep their order. One whose lease
	// ran out while it was being sent comes back with Again set.
	ClaimDeliveries(ctx context.Context, owner string, lease time.Duration, now time.Time, limit int) ([]Delivery, error)
	// Delivered records that it arrived, and the handle of its thread; an empty one changes
	// nothing. It, Postpone and GiveUp answer ErrLeaseLost when another sends d by now, or it is done.
	Delivered(ctx context.Context, d Delivery, thread string, now time.Time) error
	// Postpone records a failed attempt, to be repeated not before then. again says that it may
	// have arrived, which no later attempt takes back.
	Postpone(ctx context.Context, d Delivery, why string, notBefore, now time.Time, again bool) error
	// GiveUp records that it will not arrive, and addresses its alert and others to
	// other notifiers in the same transaction.
	GiveUp(ctx context.Context, d Delivery, why string, now time.Time, instead []Addressed) error
	// Deliveries lists deliveries, newest first.
	Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	// Alert returns an alert by its id. ErrNotFound when there is none.
	Alert(ctx context.Context, id string) (notify.Alert, error)
	// OutboxCounts tells how many deliveries there are by notifier and state.
	OutboxCounts(ctx context.Context) ([]OutboxCount, error)
	// Send addresses alerts that follow from nothing in the database, such as a test.
	Send(ctx context.Context, alerts []Addressed) error
}

// DeliveryState is how far a delivery is.
type DeliveryState string

// States of a delivery.
const (
	Pending    DeliveryState = "pending"
	Sent       DeliveryState = "sent"
	GivenUp    DeliveryState = "given-up"
	Suppressed DeliveryState = "suppressed" // it was decided to tell nobody
)

// Delivery is one alert on its way to one notifier.
type Delivery struct {
	ID        int64
	Alert     notify.Alert // without its report in lists
	Notifier  string       // empty when suppressed
	State     DeliveryState
	Attempts  int // that ended
	NotBefore time.Time
	Created   time.Time
	Ended     time.Time // sent or given up; zero before
	Why       string    // last error, or why it was suppressed
	Thread    string    // of the problem at this notifier
	Again     bool      // an earlier attempt may have arrived
	Token     int64     // of its lease
}

// DeliveryFilter chooses deliveries.
type DeliveryFilter struct {
	Target string
	State  DeliveryState
	Before int64 // id of the last of the page before; 0 begins at the newest
	Limit  int
}

// OutboxCount is how many deliveries of a notifier are in a state.
type OutboxCount struct {
	Notifier string
	State    DeliveryState
	Count    int
	Oldest   time.Time // of those that are pending
}

// Access remembers who may do what. Secrets are kept as hashes only.
type Access interface {
	// AddToken stores a token. An error when its name is taken.
	AddToken(ctx context.Context, t Token) error
	// Tokens lists them by name; RemoveToken removes one and its sessions. ErrNotFound.
	Tokens(ctx context.Context) ([]Token, error)
	RemoveToken(ctx context.Context, name string) error
	// FindToken returns the token with this hash. ErrNotFound.
	FindToken(ctx context.Context, hash string, now time.Time) (Token, error)
	// AddSession, FindSession and RemoveSession keep people logged in. FindSession
	// answers ErrNotFound for one that is over, or whose token was removed.
	AddSession(ctx context.Context, s Session) error
	FindSession(ctx context.Context, hash string, now time.Time) (Session, error)
	RemoveSession(ctx context.Context, hash string) error
}

// Role is what a token may do.
type Role string

// Roles. Operate includes view.
const (
	View    Role = "view"
	Operate Role = "operate"
)

// Token lets a program or a person in.
type Token struct {
	Name    string
	Role    Role
	Hash    string // SHA-256 of the token, hex
	Created time.Time
	Used    time.Time // zero: never
}

// Session is a person who logged in with a token.
type Session struct {
	Hash    string // SHA-256 of the cookie's value, hex
	Token   string // name
	Role    Role
	CSRF    string // random, sent along with each form
	Expires time.Time
}
