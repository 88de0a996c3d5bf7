package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

// ErrInterrupted is the cause a caller cancels with when a person stopped Lifeboat.
var ErrInterrupted = errors.New("stopped on request")

// timeoutError means that a drill ran longer than its target allows.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("the drill took longer than its timeout of %s", units.Duration(e.limit))
}

// leakError means that the sandbox did not hold its probes.
type leakError struct{ probes []sandbox.Probe }

func (e *leakError) Error() string {
	var leaks []string
	for _, p := range e.probes {
		if !p.OK {
			leaks = append(leaks, p.Name+": "+p.Detail)
		}
	}
	return "the sandbox is not isolated: " + strings.Join(leaks, "; ")
}

// partlyReadError adds how far a broken dump could be read.
type partlyReadError struct {
	read string
	err  error
}

func (e *partlyReadError) Error() string { return e.err.Error() + "; " + e.read }
func (e *partlyReadError) Unwrap() error { return e.err }

// conclude turns what happened into the finished report.
func (r *run) conclude(ctx context.Context, err error) verify.Report {
	if cause := r.stopped(ctx); err != nil && cause != nil && !isFact(err) {
		err = cause
	}
	late := r.rep.Results
	r.rep.Results = nil
	if r.rep.Artifact != nil {
		r.ask(context.WithoutCancel(ctx), r.checks(verify.AfterReading))
	}
	r.rep.Results = append(r.rep.Results, late...)
	switch {
	case err == nil:
	case isFact(err):
		r.rep.Results = append(r.rep.Results, fact(err))
		why := "the backup could not be read to its end"
		if r.rep.Artifact == nil {
			why = "there is no backup to restore"
		}
		r.rep.NotChecked = append(r.rep.NotChecked, "the restore and all checks of the restored database: "+why)
	default:
		res := accident(err)
		r.rep.Results = append(r.rep.Results, res)
		r.rep.Error = err.Error()
		r.rep.NotChecked = append(r.rep.NotChecked, "everything after the "+r.lastPhase()+" phase: the drill could not go on")
	}
	r.rep.NotChecked = append(r.rep.NotChecked, r.notChecked()...)
	r.rep.Results = verify.ApplyIgnores(r.rep.Results, r.job.Target.Ignore)
	r.rep.Verdict = verify.Worst(r.rep.Results)
	if r.rep.Verdict == verify.Errored && r.rep.Error == "" {
		r.rep.Error = firstErrored(r.rep.Results)
	}
	r.rep.Phases = r.phases.report()
	r.rep.Finished = r.Now()
	return r.rep
}

func (r *run) lastPhase() string {
	list := r.phases.report()
	for _, p := range slices.Backward(list) {
		if p.Name != string(Discard) {
			return p.Name
		}
	}
	return string(Locate)
}

// notChecked lists what was not looked at on a drill that went its way.
func (r *run) notChecked() []string {
	list := []string{}
	skipped := slices.Concat(r.input.Received.Census.Uncounted, r.input.Restored.Notes)
	if r.input.Soundness != nil {
		skipped = append(skipped, r.input.Soundness.Skipped...)
	}
	for _, s := range skipped {
		list = append(list, s.Subject+": "+s.Reason)
	}
	return list
}

func firstErrored(results []verify.Result) string {
	for _, res := range results {
		if res.Verdict == verify.Errored {
			return res.Detail
		}
	}
	return ""
}

// meaning gives an error's words in a verdict.
type meaning struct {
	err          error
	code         string
	detail, hint string
}

// facts maps what can be wrong with a backup's bytes to the words of a verdict.
var facts = []meaning{
	{engine.ErrNotBackup, verify.NotABackup, "The newest object is not a backup",
		"Look at the job that makes the backup: it stored something else, often an error message, and reported success."},
	{engine.ErrFormat, verify.FormatUnknown, "The dump is in a format that cannot be read here",
		"Check that the match pattern names dumps only, and that this Lifeboat is as new as the tool that makes them."},
	{storage.ErrDecrypt, verify.DecryptFailed, "The backup cannot be decrypted with the configured key",
		"Find the key this backup was encrypted for. If it is lost, so is the backup: make a new one now."},
	{engine.ErrTruncated, verify.ArchiveTruncated, "The dump ends too early",
		"Make a new backup now. Then see why the dump or its upload was cut off: disk full, timeout, broken pipe without pipefail."},
	{storage.ErrTruncated, verify.ArchiveTruncated, "The backup ends too early",
		"Make a new backup now. Then see why the dump or its upload was cut off: disk full, timeout, broken pipe without pipefail."},
	{engine.ErrCorrupt, verify.ArchiveCorrupt, "The dump's bytes are damaged",
		"Make a new backup now and drill an older one (--backup KEY). Then look for bad memory, disks or transfers on the way."},
	{storage.ErrCorrupt, verify.ArchiveCorrupt, "The backup's bytes are damaged",
		"Make a new backup now and drill an older one (--backup KEY). Then look for bad memory, disks or transfers on the way."},
}

// isFact tells a fact about the backup from an accident of ours.
func isFact(err error) bool {
	if err == nil {
		return false
	}
	var absent *absentError
	return errors.As(err, &absent) ||
		slices.ContainsFunc(facts, func(m meaning) bool { return errors.Is(err, m.err) })
}

// fact is the failed result that says what is wrong with the backup.
func fact(err error) verify.Result {
	var absent *absentError
	if errors.As(err, &absent) {
		return absent.result()
	}
	for _, f := range facts {
		if errors.Is(err, f.err) {
			return verify.Result{Check: "artifact", Verdict: verify.Failed, Code: f.code,
				Detail: f.detail + because(err, f.err) + ".", Hint: f.hint}
		}
	}
	return accident(err)
}

// because is what err adds to the meaning of its sentinel: neither the operation that
// met it, which every reader of a report knows, nor the sentinel's own words.
func because(err, sentinel error) string {
	read := ""
	var partly *partlyReadError
	if errors.As(err, &partly) {
		err, read = partly.err, "; "+partly.read
	} else if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	text := strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
	text = strings.TrimSuffix(strings.TrimSuffix(text, sentinel.Error()), ": ")
	if text == "" {
		return read
	}
	return ": " + text + read
}

// result says that nothing was found, and what came near.
func (e *absentError) result() verify.Result {
	res := verify.Result{
		Check: "artifact", Verdict: verify.Failed, Code: verify.BackupAbsent, Subject: e.pattern,
		Observed: "no object matches", Expected: "at least one backup",
		Detail: "There is no backup under the name this target expects.",
		Hint:   "Check that the backup job ran and writes where the match pattern looks.",
	}
	if e.listed > 0 { // only those that begin as the pattern does are listed
		res.Observed = units.Counted(int64(e.listed), "object") + ", none matches"
	}
	if len(e.near) > 0 {
		res.Detail += " The nearest names are " + strings.Join(e.near, ", ") + "."
	}
	if e.unfinished != nil {
		res.Code, res.Subject = verify.BackupUnfinished, e.unfinished.Key
		res.Observed = e.unfinished.Unfinished
		res.Detail = "The only backups there are unfinished."
		res.Hint = "Wait for the backup job to end, or find out why it never completed."
	}
	return res
}

// accidents maps what can go wrong on our side to the words of a verdict.
var accidents = []meaning{
	{ErrInterrupted, verify.Interrupted, "The drill was stopped before its end",
		"Start it again; nothing is known about this backup."},
	{storage.ErrKeyMissing, verify.KeyMissing, "The backup is encrypted and Lifeboat was given no key for it",
		"Set the key under decrypt: in the target's configuration."},
	{storage.ErrArchived, verify.StorageArchived, "The newest backup lies in a cold storage tier and cannot be read now",
		"Restore the object to a readable tier, or keep the newest backup out of the cold tier."},
	{storage.ErrChanged, verify.ObjectChanged, "The backup was replaced while it was being read",
		"Drill again after the backup job has ended; if this repeats, set complete_when to a marker written last."},
	{storage.ErrNotFound, verify.ObjectChanged, "The backup was removed while it was being read",
		"Drill again; check that retention does not delete the newest backup."},
	{storage.ErrTooLarge, verify.OutOfRoom, "The opened backup is larger than the sandbox may grow",
		"Raise sandbox.disk of the target if the backup is really that large; otherwise treat it as a decompression bomb."},
	{storage.ErrUnreachable, verify.StorageUnreachable, "The storage could not be read",
		"Run lifeboat doctor: it tries every source and says what is wrong with it."},
	{sandbox.ErrImageAbsent, verify.ImageAbsent, "The image this dump must be restored with is not there",
		"Pull or build the image on the sandbox host, or set sandbox.image of the target."},
	{sandbox.ErrOutOfRoom, verify.OutOfRoom, "The sandbox was stopped at one of its limits",
		"Raise that limit under sandbox: in the target's configuration, or find out why the restore grew so large."},
	{sandbox.ErrDeadline, verify.DrillTimeout, "The sandbox reached its deadline",
		"Raise sandbox.timeout of the target, or give the sandbox more CPU."},
	{sandbox.ErrUnavailable, verify.SandboxUnavailable, "No sandbox could be started",
		"Run lifeboat doctor: it starts one and says what is missing."},
	{sandbox.ErrGone, verify.SandboxUnavailable, "The sandbox vanished in the middle of the drill",
		"Look whether Docker was restarted or the container removed by somebody, then drill again."},
	{engine.ErrServerGone, verify.SandboxUnavailable, "The database server in the sandbox died in the middle of the drill",
		"Drill again with more memory under sandbox: in the target's configuration. If it dies every time, look for what in the dump stops its own server."},
}

// accident is the errored result for what happened on our side.
func accident(err error) verify.Result {
	res := verify.Result{Check: "drill", Verdict: verify.Errored}
	var limit *sandbox.LimitError
	if errors.As(err, &limit) {
		res.Subject, res.Expected = limit.Limit, "at most "+units.Bytes(limit.Bytes)
	}
	var timeout *timeoutError
	if errors.As(err, &timeout) || errors.Is(err, context.DeadlineExceeded) {
		res.Code, res.Detail = verify.DrillTimeout, fmt.Sprintf("The drill did not end in time: %v.", err)
		res.Hint = "Raise sandbox.timeout of the target, or give the sandbox more CPU."
		return res
	}
	var leak *leakError
	if errors.As(err, &leak) {
		res.Code, res.Detail = verify.SandboxUnavailable, fmt.Sprintf("Nothing was restored, because %v.", err)
		res.Hint = "Run lifeboat doctor and mend the container host before drilling again."
		return res
	}
	for _, a := range accidents {
		if errors.Is(err, a.err) {
			// Some storages end their words with a full stop of their own.
			res.Code, res.Detail, res.Hint = a.code, a.detail+": "+strings.TrimSuffix(err.Error(), ".")+".", a.hint
			return res
		}
	}
	res.Code = verify.InternalError
	res.Detail = fmt.Sprintf("The drill could not go on: %v.", err)
	res.Hint = "Run it again with --log-level debug; if it stays, report it with the log."
	return res
}
