package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/verify"
)

// Integrity asks whether the restored database is sound inside: tables, indexes,
// constraints, collations. A collation of another version is warned, since it comes
// with the sandbox's image and a recovery elsewhere may differ; damage is failed.
type Integrity struct{}

// Name implements verify.Check.
func (Integrity) Name() string { return "integrity" }

// Run implements verify.Check.
func (c Integrity) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	if in.Soundness == nil {
		return nil, notExamined(in)
	}
	var results []verify.Result
	for _, f := range in.Soundness.Findings {
		if f.Kind == engine.SequenceBehind {
			continue // Sequences speaks of those
		}
		results = append(results, damage(c.Name(), f))
	}
	if len(results) > 0 {
		return bound(results, "finding"), nil
	}
	if len(in.Soundness.Checked) == 0 {
		return nil, errNotExamined
	}
	return []verify.Result{{
		Check: c.Name(), Verdict: verify.Passed, Observed: names(in.Soundness.Checked), Detail: "No damage was found.",
	}}, nil
}

// damage is the result of one finding. A kind that is not known here is failed: an
// engine does not report what is no damage.
func damage(check string, f engine.Finding) verify.Result {
	r := verify.Result{
		Check: check, Verdict: verify.Failed, Code: verify.TableCorrupt, Subject: f.Subject,
		Observed: f.Observed, Expected: f.Expected, Detail: f.Detail,
	}
	var say string
	switch f.Kind {
	case engine.IndexCorrupt:
		r.Code, say = verify.IndexCorrupt, "This index is damaged: queries that use it may miss rows."
		r.Hint = "Indexes are built anew by a restore from a dump, so this points at an operator class or collation that does not fit the server. Rebuild it by hand in a kept sandbox (--keep) and see."
	case engine.ConstraintViolated:
		r.Code, say = verify.ConstraintViolated, "Rows violate this constraint."
		r.Hint = "Look for the violating rows in the source database: they are there as well, or the dump was not one consistent snapshot."
	case engine.CollationMismatch:
		r.Code, r.Verdict, say = verify.CollationMismatch, verify.Warned, "This collation has another version here than where the database was made, so text may sort differently."
		r.Hint = "Restore to a server with the same C library or ICU version, or rebuild the indexes on text columns after a recovery."
	case engine.SequenceBehind:
		r.Code, r.Verdict, say = verify.SequenceBehind, verify.Warned, "This sequence will give out numbers that its column already holds."
		r.Hint = "After a recovery set it with setval() to the largest value of its column, or inserts will fail as duplicates. Check the source database: it may have the same fault."
	default:
		say = "This table is damaged."
		r.Hint = "Check the disk and memory of the source database, and go back to the last backup that passes."
	}
	if r.Detail == "" {
		r.Detail = say
	}
	return r
}

// Sequences asks whether every sequence is ahead of the column it feeds. One behind
// is warned: no data is lost, but inserts will fail after a recovery.
type Sequences struct{}

// Name implements verify.Check.
func (Sequences) Name() string { return "sequences" }

// Run implements verify.Check.
func (c Sequences) Run(_ context.Context, in verify.Input) ([]verify.Result, error) {
	if in.Soundness == nil {
		return nil, notExamined(in)
	}
	var results []verify.Result
	for _, f := range in.Soundness.Findings {
		if f.Kind == engine.SequenceBehind {
			results = append(results, damage(c.Name(), f))
		}
	}
	if len(results) > 0 {
		return bound(results, "sequence"), nil
	}
	r := verify.Result{Check: c.Name(), Verdict: verify.Passed, Detail: "No sequence is behind its column."}
	if slices.ContainsFunc(in.Soundness.Skipped, func(s engine.Skipped) bool { return strings.Contains(s.Subject, "sequence") }) {
		r.Detail = "No sequence that was looked at is behind its column; the others are listed under what was not checked."
	}
	return []verify.Result{r}, nil
}

// notExamined says that nobody looked for damage, and why where that is known.
func notExamined(in verify.Input) error {
	if in.SoundnessErr == nil {
		return errNotExamined
	}
	return fmt.Errorf("%w: %w", errNotExamined, in.SoundnessErr)
}
