package check

import (
	"context"
	"errors"
	"strings"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Checksum compares the bytes that were read with every checksum stored beside the
// backup or in its metadata. Without one it passes and says so: that all bytes could
// be read is known by then, and what they hashed to is in the report. On a drill that
// ended before anything was read it has nothing to say.
type Checksum struct{}

// Name implements verify.Check.
func (Checksum) Name() string { return "checksum" }

// Stage implements verify.Staged.
func (Checksum) Stage() verify.Stage { return verify.AfterReading }

// Run implements verify.Check.
func (c Checksum) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	var bad []verify.Result
	agreed := 0
	for _, sum := range in.Checksums {
		switch {
		case sum.Want == "" || sum.Got == "":
			continue // nothing was computed to compare it with
		case strings.EqualFold(sum.Want, sum.Got):
			agreed++
			continue
		}
		bad = append(bad, verify.Result{
			Check: c.Name(), Verdict: verify.Failed, Code: verify.ChecksumMismatch, Subject: sum.Subject,
			Observed: sum.Algorithm + " " + sum.Got, Expected: sum.Algorithm + " " + sum.Want,
			Detail: "The stored bytes are not those that " + sum.Origin + " vouches for.",
			Hint:   "The object was damaged or replaced after its checksum was made, or the checksum belongs to another file. Trust neither; make a new backup and compare.",
		})
	}
	if len(bad) > 0 {
		return bound(bad, "object"), nil
	}
	switch {
	case in.SHA256 == "" && in.Received.Bytes == 0:
		return nil, nil
	case in.SHA256 == "":
		return nil, errors.New("the stored bytes were not read to their end")
	}
	r := verify.Result{Check: c.Name(), Verdict: verify.Passed}
	if agreed == 0 {
		r.Detail = "Every byte was read; there is no stored checksum to compare its SHA-256 with."
	} else {
		r.Detail = "Every byte was read and agrees with " + units.Counted(int64(agreed), "stored checksum") + "."
	}
	return []verify.Result{r}, nil
}
