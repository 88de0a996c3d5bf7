package notify

import (
	"time"

	"lifeboat/verify"
)

// State is what has been told about one target. The zero value is a target about
// which nothing was told.
type State struct {
	Problems map[Kind]Problem `json:"problems,omitempty"`
	Errored  int              `json:"errored,omitempty"`      // drills in a row that could not tell
	Since    time.Time        `json:"errored_since,omitzero"` // finish of the first of them
	Numbered int              `json:"numbered,omitempty"`     // alerts made so far, for their ids
}

// Problem is one that is open.
type Problem struct {
	ID      string         `json:"id"`
	Since   time.Time      `json:"since"`
	SentAt  time.Time      `json:"sent_at"`
	Verdict verify.Verdict `json:"verdict"`
	Code    string         `json:"code"`
	Subject string         `json:"subject,omitempty"`
	Backup  string         `json:"backup,omitempty"` // SHA-256 or key of the backup it was found in
}

// Event is what happened to a target: a drill ended, or time went by.
type Event struct {
	Target string
	At     time.Time
	// Report of the drill that ended; nil when only time went by.
	Report *verify.Report
	// Confirms is true when that drill looked a second time at a backup that had
	// failed. It can confirm or contradict, and never ends a problem.
	Confirms bool
	LastGood *Proof // before this event; nil when there is none
	// VerdictDue is when a verdict has to have come by, and WasDue the words for why:
	// "1.5 times its interval of 24 h". Zero when nothing is expected.
	VerdictDue time.Time
	DueWhy     string
}

// Policy is how alerts are decided on.
type Policy struct {
	Repeat          time.Duration // an open problem is told again after that long; 0: never
	UnverifiedAfter int           // drills in a row that could not tell before it is told; at least 1
	URL             string        // address of the pages without a slash at its end; may be empty
}
