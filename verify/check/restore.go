package check

import (
	"context"
	"fmt"
	"slices"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Restore asks how the engine's own restore tool did. An error line that is not
// known to be harmless counts as a loss.
type Restore struct{}

// Name implements verify.Check.
func (Restore) Name() string { return "restore" }

// lossHint is for errors whose own hint the engine does not know.
const lossHint = "Restore this backup by hand with the same tool to see the error in full. If it lost nothing, accept it with an ignore rule; otherwise make a new backup."

// Stage implements verify.Staged.
func (Restore) Stage() verify.Stage { return verify.AfterRestore }

// Run implements verify.Check.
func (c Restore) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	res := in.Restored
	var results []verify.Result
	if res.Exit != 0 && empty(in) {
		results = append(results, verify.Result{
			Verdict: verify.Failed, Code: verify.RestoreFailed, Subject: res.Tool,
			Observed: fmt.Sprintf("exit %d, nothing restored", res.Exit), Expected: "exit 0",
			Detail: "The restore tool gave up and left no table behind.",
			Hint:   "The tool's first errors are listed below. This backup would not have helped; make a new one and drill it.",
		})
	}
	results = append(results, losses(res)...)
	results = append(results, roles(res)...)
	if res.Exit != 0 && len(results) == 0 && res.ErrorCount[engine.Harmless] == 0 {
		results = append(results, verify.Result{
			Verdict: verify.Failed, Code: verify.RestoreIncomplete, Subject: res.Tool,
			Observed: fmt.Sprintf("exit %d", res.Exit), Expected: "exit 0",
			Detail: "The restore tool ended with an error and did not say which.", Hint: lossHint,
		})
	}
	if len(results) == 0 {
		results = append(results, clean(res))
	}
	results = append(results, commands(in.Received.Commands)...)
	for i := range results {
		results[i].Check = c.Name()
	}
	return results, nil
}

// empty is true when the restore left no table at all.
func empty(in verify.Input) bool {
	return in.Restored.DB == nil || in.Measured != nil && len(present(in.Measured)) == 0
}

// losses turns errors that cost something into results. The counts hold more than
// the lines kept, so what was not kept is accounted for as well.
func losses(res engine.Restored) []verify.Result {
	var results []verify.Result
	kept := make(map[engine.ErrorClass]int)
	for _, e := range res.Errors {
		kept[e.Class]++
		r := verify.Result{
			Verdict: verify.Failed, Code: verify.RestoreIncomplete, Subject: e.Subject,
			Observed: short(e.Message, 300), Expected: "no error", Hint: e.Hint,
		}
		switch e.Class {
		case engine.Harmless, engine.RoleAbsent:
			continue
		case engine.ExtensionAbsent:
			r.Code = verify.ExtensionAbsent
			r.Detail = "The sandbox's image lacks an extension that the dump needs, so what depends on it was not restored."
			if r.Hint == "" {
				r.Hint = "Set this target's sandbox image to one that has the extension, and make sure that the server you would restore to has it."
			}
		case engine.DataLost:
			r.Detail = "Rows or objects of the dump did not arrive."
		default:
			r.Detail = "The restore tool reported an error that is not known to be harmless."
		}
		if r.Hint == "" {
			r.Hint = lossHint
		}
		results = append(results, r)
	}
	results = bound(merge(results), "error")
	for _, class := range []engine.ErrorClass{engine.Unclassified, engine.DataLost, engine.ExtensionAbsent} {
		if unkept := res.ErrorCount[class] - kept[class]; unkept > 0 {
			results = append(results, unkeptLosses(class, unkept))
		}
	}
	return results
}

// merge tells equal results once, with their number: a table that is dumped as INSERT
// statements repeats its error for every row.
func merge(results []verify.Result) []verify.Result {
	times := make(map[verify.Result]int64)
	var once []verify.Result
	for _, r := range results {
		if times[r]++; times[r] == 1 {
			once = append(once, r)
		}
	}
	for i, r := range once {
		if n := times[r]; n > 1 {
			once[i].Observed += ", " + units.Count(n) + " times"
		}
	}
	return once
}

func unkeptLosses(class engine.ErrorClass, n int) verify.Result {
	code := verify.RestoreIncomplete
	if class == engine.ExtensionAbsent {
		code = verify.ExtensionAbsent
	}
	lines := units.Counted(int64(n), "more error line")
	return verify.Result{
		Verdict: verify.Failed, Code: code, Subject: lines, Observed: lines, Expected: "no error",
		Detail: "The restore tool reported more errors than are kept with their text.", Hint: lossHint,
	}
}

// roles reports roles that a bare server lacks. They do not lose data, but a real
// recovery needs them, and a dump of one database does not hold them.
func roles(res engine.Restored) []verify.Result {
	const hint = "Keep the roles as well (pg_dumpall --globals-only); a new server needs them before this dump is restored."
	var results []verify.Result
	if n := len(res.RolesCreated); n > 0 {
		results = append(results, verify.Result{
			Verdict: verify.Warned, Code: verify.RoleAbsent, Subject: names(res.RolesCreated),
			Observed: units.Counted(int64(n), "role") + " created without login", Expected: "roles that exist",
			Detail: "The dump names owners or grantees that a bare server does not have; they were created without login to restore it.",
			Hint:   hint,
		})
	}
	if n := res.ErrorCount[engine.RoleAbsent]; n > 0 {
		var who []string
		for _, e := range res.Errors {
			if e.Class == engine.RoleAbsent && !slices.Contains(who, e.Subject) {
				who = append(who, e.Subject)
			}
		}
		results = append(results, verify.Result{
			Verdict: verify.Warned, Code: verify.RoleAbsent, Subject: names(who),
			Observed: units.Counted(int64(n), "statement") + " refused", Expected: "roles that exist",
			Detail: "Grants or ownerships were not restored because their roles are missing.", Hint: hint,
		})
	}
	return results
}

// commands reports what a dump has the restore tool do besides restoring. Here it ran in
// the sandbox; at a recovery it runs on the machine and with the rights of whoever restores.
func commands(list []string) []verify.Result {
	if len(list) == 0 {
		return nil
	}
	return []verify.Result{{
		Verdict: verify.Warned, Code: verify.ClientCommands, Subject: names(list),
		Observed: units.Counted(int64(len(list)), "kind") + " of command", Expected: "only commands that pg_dump writes",
		Detail: "The dump gives psql commands that pg_dump never writes: " + names(list) + ". The sandbox held them; at a recovery they run on the machine of whoever restores.",
		Hint: "Look for these commands in the dump before anybody restores it, and find out who put them there. " +
			"If they are your own, add an ignore rule for client_commands.",
	}}
}

func clean(res engine.Restored) verify.Result {
	r := verify.Result{
		Verdict: verify.Passed, Subject: res.Tool, Observed: fmt.Sprintf("exit %d", res.Exit),
		Detail: "The restore tool reported no error.",
	}
	if n := res.ErrorCount[engine.Harmless]; n > 0 {
		r.Detail = "The restore tool reported " + units.Counted(int64(n), "error") + ", all known to lose nothing."
	}
	return r
}
