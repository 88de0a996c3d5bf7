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

// Stage says what must be there before a check can be asked. The zero value is the
// last stage, which almost all checks need.
type Stage int

// Stages of a drill, as checks see them.
const (
	AfterMeasuring Stage = iota // the restored database was measured
	AfterRestore                // the restore tool ended; there may be no database to ask
	AfterReading                // the artifact is known, and its bytes as far as they could be read
)

// Staged is implemented by checks that can be asked before the restored database was
// measured. They are asked even when a drill gets no further.
type Staged interface {
	Stage() Stage
}

// StageOf is the stage c is asked at.
func StageOf(c Check) Stage {
	if s, ok := c.(Staged); ok {
		return s.Stage()
	}
	return AfterMeasuring
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
	Measured  []engine.Measured // nil means that the tables could not be counted
	// Soundness is what Database.Soundness found, asked once for all checks. Nil
	// means that it could not be asked, which is no answer and never good news.
	Soundness    *engine.Soundness
	SoundnessErr error // why it could not be asked
	Baseline     Baseline
	Now          time.Time
	LoadTime     time.Duration // from the first byte fetched to the end of the restore
}

// Measures collects what checks want from the one pass over the tables.
func Measures(checks []Check) []engine.Measure {
	var want []engine.Measure
	for _, c := range checks {
		if m, ok := c.(Measurer); ok {
			want = append(want, m.Measures()...)
		}
	}
	return want
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
