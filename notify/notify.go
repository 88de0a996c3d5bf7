// Package notify says who is told what about the backups: the alerts, the policy that
// decides on them, and the contract of those who carry them. It keeps no state and
// reads no clock: what was told before comes in as a State, and goes out as one.
package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/verify"
)

// Kind is what an alert is about. Of every target there is at most one open problem
// of a kind.
type Kind string

// Kinds of alerts.
const (
	BadBackup  Kind = "backup"     // the backup is bad: its owners act
	Unverified Kind = "unverified" // drills could not tell, again and again: operators act
	Overdue    Kind = "overdue"    // no verdict came in time: operators act
	Service    Kind = "service"    // Lifeboat itself is in trouble, such as alerts that do not get through
	Digest     Kind = "digest"     // what was proven this week, and what was not
	Test       Kind = "test"       // somebody tries whether alerts arrive
)

// Reason is why an alert about a problem is sent now.
type Reason string

// Reasons, in the life of a problem.
const (
	Opened       Reason = "opened"       // it was good, or never looked at, and is not any more
	Repeated     Reason = "repeated"     // it is as bad as it was for a whole repeat interval
	Worse        Reason = "worse"        // it was warned of, and is graver now
	Different    Reason = "different"    // as bad, for another reason
	Confirmed    Reason = "confirmed"    // a second drill of the same backup says the same
	Contradicted Reason = "contradicted" // a second drill of the same backup says otherwise; the problem stays open
	Recovered    Reason = "recovered"    // the problem is over
	Notice       Reason = "notice"       // no problem: a digest or a test
)

// Audience is whose business an alert is.
type Audience string

// Audiences.
const (
	Owners    Audience = "owners"    // of the target
	Operators Audience = "operators" // of Lifeboat
)

// Alert is one message to people. It holds all that is said; whoever renders it looks
// nothing up.
type Alert struct {
	ID       string   `json:"id"`      // unique; receivers tell a repetition by it
	Problem  string   `json:"problem"` // alerts of one problem share a thread; empty for a notice
	Kind     Kind     `json:"kind"`
	Reason   Reason   `json:"reason"`
	Audience Audience `json:"audience"`

	Target  string         `json:"target,omitempty"` // empty when it is about the service
	Verdict verify.Verdict `json:"verdict"`
	Title   string         `json:"title"` // what is wrong, in one sentence

	Code     string `json:"code,omitempty"` // of the gravest result
	Subject  string `json:"subject,omitempty"`
	Expected string `json:"expected,omitempty"`
	Observed string `json:"observed,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Hint     string `json:"hint,omitempty"` // what to do
	More     int    `json:"more,omitempty"` // further results that are not passed

	Drill    string           `json:"drill,omitempty"`
	Backup   *verify.Artifact `json:"backup,omitempty"`
	Since    time.Time        `json:"since"`               // when the problem began
	LastGood *Proof           `json:"last_good,omitempty"` // nil: this target was never proven

	ReportURL string `json:"report_url,omitempty"` // page of the drill, or of the target
	AgainURL  string `json:"again_url,omitempty"`  // page with the button that drills again

	At     time.Time      `json:"at"`
	Report *verify.Report `json:"report,omitempty"` // of the drill it follows from
	Digest *Summary       `json:"digest,omitempty"` // of a digest
}

// Proof is the last time a target's backup was proven good.
type Proof struct {
	Drill  string    `json:"drill"`
	Key    string    `json:"key"`
	MadeAt time.Time `json:"made_at"` // of the backup
	At     time.Time `json:"at"`      // end of the drill
}

// Summary is what a digest tells.
type Summary struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Drills    int       `json:"drills"`              // ended in that time
	Proven    []string  `json:"proven,omitempty"`    // targets with a good verdict in that time
	Unproven  []Claim   `json:"unproven,omitempty"`  // targets without, and why
	Uncovered []string  `json:"uncovered,omitempty"` // prefixes in the sources that no target covers
}

// Claim is one target of a digest that was not proven.
type Claim struct {
	Target  string         `json:"target"`
	Verdict verify.Verdict `json:"verdict"`
	Why     string         `json:"why"`
}

// Message is an alert on its way to one notifier.
type Message struct {
	Alert  Alert
	Thread string // what Send returned for the first alert of the same problem; empty before
	// Again is true when an earlier attempt may have arrived although no answer came.
	// A notifier that can find out must do so before it sends.
	Again bool
}

// Notifier carries alerts to people.
type Notifier interface {
	// Send delivers m. It returns the handle by which later alerts of the same
	// problem join it, empty when the carrier has no threads. An error is a
	// *RetryError where the receiver said when to try again, wraps ErrRefused when
	// trying again cannot help, and wraps ErrUnanswered when m may have arrived. No
	// error text holds an address or a credential.
	Send(ctx context.Context, m Message) (thread string, err error)
}

// Answers of notifiers that callers act on.
var (
	// ErrRefused means that the receiver will not take this alert however often it is sent.
	ErrRefused = errors.New("refused")
	// ErrUnanswered means that the alert was sent and no answer came: it may have arrived.
	ErrUnanswered = errors.New("no answer")
)

// RetryError means that the receiver asked to be left alone for a while.
type RetryError struct {
	After time.Duration
	Err   error
}

// Error says how long.
func (e *RetryError) Error() string { return fmt.Sprintf("%v; asked to wait %s", e.Err, e.After) }

// Unwrap returns the receiver's own words.
func (e *RetryError) Unwrap() error { return e.Err }
