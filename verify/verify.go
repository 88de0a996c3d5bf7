// Package verify says what must be true of a backup: targets, checks, verdicts
// and the report of a drill. It reads nothing itself: what it judges was fetched,
// restored and measured by the packages it imports.
package verify

import (
	"context"
	"time"

	"lifeboat/engine"
	"lifeboat/storage"
)

// Target is one series of backups that must keep proving itself.
type Target struct {
	Name       string
	Source     string
	Match      string // pattern below the bucket or folder
	Engine     string // empty: recognised from the bytes
	Objectives Objectives
	Checks     []Check  // configured, added to the built-in ones
	Ignore     []Ignore // results accepted with a reason
}

// Objectives of a target. Zero means none was set.
type Objectives struct {
	RPO time.Duration // the newest backup may be at most this old
	RTO time.Duration // a restore may take at most this long
}

// Ignore accepts a result. The reason is shown in every report.
type Ignore struct {
	Code    string // exact
	Subject string // glob; empty for all
	Reason  string
}

// Check is one question asked of a restored backup.
type Check interface {
	// Name is the check's kind, "census" or "rows".
	Name() string
	// Run answers it. Facts about the backup are results, the good ones included;
	// an error means that there is no answer.
	Run(ctx context.Context, in Input) ([]Result, error)
}

// Measurer is implemented by checks that want aggregates from the one pass over
// a table.
type Measurer interface {
	Measures() []engine.Measure
}

// Input is all a check may look at.
type Input struct {
	Target    Target
	Artifact  storage.Artifact
	SHA256    string // of the stored bytes, hex
	Checksums []Checksum
	Received  engine.Received
	Restored  engine.Restored
	Measured  []engine.Measured
	Baseline  Baseline
	Now       time.Time
	LoadTime  time.Duration // from the first byte fetched to the end of the restore
}

// Checksum is one stored checksum of the artifact, compared while it streamed by.
type Checksum struct {
	Origin    string // "orders.dump.sha256", "object metadata"
	Algorithm string // "sha256", "md5"
	Subject   string // key of the object it is about
	Want, Got string // hex; Got is empty when it was not computed
}

// Result is one answer with its evidence.
type Result struct {
	Check    string  `json:"check"`
	Verdict  Verdict `json:"verdict"`
	Code     string  `json:"code,omitempty"` // stable, for machines; empty when passed
	Subject  string  `json:"subject,omitempty"`
	Observed string  `json:"observed,omitempty"`
	Expected string  `json:"expected,omitempty"`
	Detail   string  `json:"detail,omitempty"`  // a sentence a tired person understands
	Hint     string  `json:"hint,omitempty"`    // what to do next
	Ignored  string  `json:"ignored,omitempty"` // the reason of the ignore rule that accepted it
	Seconds  float64 `json:"seconds,omitempty"`
}

// Baseline is what earlier good drills of the same target found, newest first.
// It is empty at first; checks then pass and say that there is nothing to compare.
type Baseline struct {
	Drills []Past
}

// Past is one earlier drill that ended passed or warned.
type Past struct {
	Drill    string
	Key      string
	SHA256   string
	MadeAt   time.Time
	Finished time.Time
	Bytes    int64
	Load     time.Duration
	Tables   map[string]int64 // engine.Table.String() -> rows
}
