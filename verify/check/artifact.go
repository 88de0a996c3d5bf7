package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// ahead is how far in the future a backup's time may lie: a wrong time zone moves it by less.
const ahead = 24 * time.Hour

// Artifact asks whether the backup is whole, recent, of the usual size and new.
//
// A backup with the bytes of an earlier one is failed where the dump holds the time
// it was made: a new dump cannot have those bytes, so an old one was stored again.
// Formats without a time (plain SQL, database files) rightly repeat themselves while
// nothing is written to the database; there it is warned.
type Artifact struct{}

// Name implements verify.Check.
func (Artifact) Name() string { return "artifact" }

// Stage implements verify.Staged.
func (Artifact) Stage() verify.Stage { return verify.AfterReading }

// Run implements verify.Check.
func (a Artifact) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	var results []verify.Result
	if why := in.Artifact.Unfinished; why != "" {
		results = append(results, verify.Result{
			Verdict: verify.Failed, Code: verify.BackupUnfinished, Subject: in.Artifact.Key, Observed: why,
			Expected: "a finished upload",
			Detail:   "The backup looks like one that is still being written, or was never finished: " + why + ".",
			Hint:     "Wait for the upload to end, or find out why the backup job stopped, and drill again.",
		})
	}
	age, err := a.age(in)
	if err != nil {
		return nil, err
	}
	results = append(results, age, a.size(in))
	if r, again := a.repeated(in); again {
		results = append(results, r)
	}
	for i := range results {
		results[i].Check = a.Name()
	}
	return results, nil
}

// age judges the time in the name or metadata, and, more leniently because it has
// no time zone, the time inside the dump.
func (Artifact) age(in verify.Input) (verify.Result, error) {
	made, rpo := in.Artifact.MadeAt, in.Target.Objectives.RPO
	r := verify.Result{Verdict: verify.Passed, Subject: "age"}
	if made.IsZero() {
		return r, fmt.Errorf("age of %s: nothing says when it was made", in.Artifact.Key)
	}
	age := in.Now.Sub(made)
	r.Observed = units.Duration(max(age, 0)) + " old"
	if rpo > 0 {
		r.Expected = "at most " + units.Duration(rpo)
	}
	inside := in.Received.Manifest.MadeAt
	const hint = "Look at the backup job: has it run, and did its upload succeed? Make a new backup now."
	switch {
	case age < -ahead:
		r.Verdict, r.Code, r.Observed = verify.Warned, verify.BackupStale, "made at "+moment(made)
		r.Detail = "The backup's time, read from its " + in.Artifact.MadeAtFrom + ", lies in the future, so its age cannot be judged."
		r.Hint = "Check the clock of the machine that makes the backup and the time pattern in this target's match."
	case rpo > 0 && age > rpo:
		r.Verdict, r.Code, r.Hint = verify.Failed, verify.BackupStale, hint
		r.Detail = fmt.Sprintf("The newest backup was made at %s, %s before this drill; a loss now would cost more than the %s agreed to.",
			moment(made), units.Duration(age), units.Duration(rpo))
	case rpo > 0 && !inside.IsZero() && in.Now.Sub(inside) > rpo+ahead:
		r.Verdict, r.Code, r.Hint = verify.Failed, verify.BackupStale, hint
		r.Observed = units.Duration(in.Now.Sub(inside)) + " old"
		r.Detail = fmt.Sprintf("The backup's %s says %s, but the dump inside says that it was begun at %s: an old dump was stored under a new time.",
			in.Artifact.MadeAtFrom, moment(made), inside.Format("2006-01-02 15:04:05"))
	case rpo > 0:
		r.Detail = "The backup is recent enough."
	default:
		r.Detail = "No RPO applies to it, so its age is not judged."
	}
	return r, nil
}

// size compares with the median of earlier good drills. Only less than half of it
// is called bad: a purge of old rows is an everyday event, a third is not.
func (Artifact) size(in verify.Input) verify.Result {
	now := in.Artifact.Bytes()
	r := verify.Result{Verdict: verify.Passed, Subject: "size", Observed: units.Bytes(now)}
	past := in.Baseline.Drills
	usual, known := in.Baseline.UsualBytes()
	if !known {
		r.Detail = fmt.Sprintf("Too few earlier drills to compare the size with: %d of %d.", len(past), verify.Learned)
		return r
	}
	r.Expected = "about " + units.Bytes(usual)
	if now >= in.Baseline.LeastBytes() {
		r.Detail = fmt.Sprintf("The size is in keeping with the last %d good drills.", len(past))
		return r
	}
	r.Verdict, r.Code = verify.Failed, verify.BackupShrunk
	r.Detail = fmt.Sprintf("The backup is less than half as large as usual: %s, while the median of the last %d good drills is %s.",
		units.Bytes(now), len(past), units.Bytes(usual))
	r.Hint = "Compare the tables below with the last good drill. If data was removed on purpose, add an ignore rule for backup_shrunk until the smaller size is the usual one."
	return r
}

// repeated finds an earlier drill of the same bytes under an earlier time.
func (Artifact) repeated(in verify.Input) (verify.Result, bool) {
	n := slices.IndexFunc(in.Baseline.Drills, func(p verify.Past) bool {
		return p.SHA256 != "" && p.SHA256 == in.SHA256 && p.MadeAt.Before(in.Artifact.MadeAt)
	})
	if n < 0 {
		return verify.Result{}, false
	}
	past := in.Baseline.Drills[n]
	r := verify.Result{
		Verdict: verify.Warned, Code: verify.BackupUnchanged, Subject: "content",
		Observed: "the bytes of " + moment(past.MadeAt), Expected: "a backup made at " + moment(in.Artifact.MadeAt),
		Detail: "The backup is byte for byte the one of " + moment(past.MadeAt) + " (" + past.Key + "). Either nothing was written to the database since, or an old backup was stored again.",
		Hint:   "Find out whether the database should have changed in between. If so, look at what the backup job uploads.",
	}
	if !in.Received.Manifest.MadeAt.IsZero() {
		r.Verdict = verify.Failed
		r.Detail = "The backup is byte for byte the one of " + moment(past.MadeAt) + " (" + past.Key + "). A dump of this format holds the time it was made, so a new one cannot have these bytes: an old backup was stored again."
		r.Hint = "Look at what the backup job uploads: it is not the dump it was meant to make. Make a new backup now."
	}
	return r, true
}
