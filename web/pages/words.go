package pages

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

// phrases are what the codes of results mean, as the beginning of a sentence.
var phrases = map[string]string{
	verify.BackupAbsent:     "No backup was found",
	verify.BackupStale:      "The newest backup is too old",
	verify.BackupUnchanged:  "The backup has the bytes of an earlier one",
	verify.BackupShrunk:     "The backup is far smaller than usual",
	verify.BackupUnfinished: "The backup was never finished",

	verify.ChecksumMismatch: "The backup does not match its stored checksum",
	verify.DecryptFailed:    "The backup cannot be decrypted with the configured key",
	verify.ArchiveTruncated: "The backup is cut off before its end",
	verify.ArchiveCorrupt:   "The backup is damaged",
	verify.FormatUnknown:    "The backup is of a format that cannot be read here",
	verify.NotABackup:       "What was stored is no backup",

	verify.RestoreFailed:     "The restore failed",
	verify.RestoreIncomplete: "The restore lost something",
	verify.RowsMissing:       "Rows are missing after the restore",
	verify.RowsUnexpected:    "There are more rows than in the dump",
	verify.RowsLeftOut:       "The dump leaves out the rows of a table",
	verify.TablesMissing:     "Tables are missing after the restore",
	verify.ObjectsMissing:    "Objects are missing after the restore",
	verify.EmptyRestore:      "The backup restores without a single row",

	verify.IndexCorrupt:       "An index is damaged",
	verify.TableCorrupt:       "A table is damaged",
	verify.ConstraintViolated: "Rows violate a constraint",
	verify.SequenceBehind:     "A sequence will give out numbers that are taken",
	verify.CollationMismatch:  "A collation has another version here",

	verify.RowsOutOfRange: "A table has another number of rows than configured",
	verify.RowsDropped:    "A table lost rows since the last good drill",
	verify.SchemaChanged:  "A table is gone since the last good drill",
	verify.DataStale:      "The data in the backup is too old",
	verify.QueryMismatch:  "A query gave another answer than configured",

	verify.RoleAbsent:      "The dump needs roles that a bare server lacks",
	verify.ExtensionAbsent: "The dump needs an extension that is not there",
	verify.ClientCommands:  "The dump has psql do more than restore",
	verify.RTOExceeded:     "The restore took longer than agreed",

	verify.SandboxUnavailable: "No sandbox could be used",
	verify.StorageUnreachable: "The storage did not answer",
	verify.KeyMissing:         "The backup is encrypted and no key is configured",
	verify.StorageArchived:    "The newest backup lies in a cold tier",
	verify.ObjectChanged:      "The backup was replaced while it was read",
	verify.ImageAbsent:        "The image for the sandbox is not there",
	verify.OutOfRoom:          "The sandbox ran out of room",
	verify.DrillTimeout:       "The drill took longer than its timeout",
	verify.CheckErrored:       "A check could not be answered",
	verify.Interrupted:        "The drill was interrupted",
	verify.InternalError:      "Something went wrong inside Lifeboat",
}

// finding is a reason in words, and the numbers behind it.
type finding struct {
	What     string // "Rows are missing after the restore"
	Evidence string // "public.orders: 10 rows, expected 2,000,000 rows"
}

// explain puts a summary of the record, which begins with a code, into words. One that begins
// with none is its own words.
func explain(summary string) finding {
	code, rest, _ := strings.Cut(summary, " ")
	if what, ok := phrases[strings.TrimSuffix(code, ":")]; ok {
		return finding{what, text.Clean(rest)}
	}
	return finding{What: text.Clean(sentence(summary))}
}

// sentence begins with a capital.
func sentence(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 || r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// word is what a drill or a target is called: its state as long as there is no verdict.
func word(v verify.Verdict, s history.State) string {
	switch {
	case s != "" && s != history.Finished:
		return string(s)
	case v == verify.Unknown:
		return "never drilled"
	}
	return v.String()
}

// why says in words what a drill was started by.
func why(d history.Drill) string {
	switch d.Trigger {
	case history.Manual:
		if d.By == "" {
			return "asked for by hand"
		}
		return "asked for by " + text.Clean(d.By)
	case history.Scheduled:
		return "on schedule"
	case history.CatchUp:
		return "to catch up after a pause"
	case history.NewBackup:
		return "a new backup appeared"
	case history.Retry:
		return fmt.Sprintf("attempt %d, since the one before could not tell", max(2, d.Attempt))
	case history.Confirm:
		return "a second look at a failed backup"
	case history.TakeOver:
		return "takes over from a process that died"
	}
	return string(d.Trigger)
}

// doing says what a drill does in a phase.
func doing(phase string) string { return sentence(text.Doing(phase)) }

// problemWords say what an open problem of a kind is.
var problemWords = map[string]string{
	"backup": "The backup is bad", "unverified": "It could not be verified", "overdue": "Overdue",
	"service": "Lifeboat itself is in trouble", "digest": "Digest", "test": "Test",
}

// reasonWords say why an alert was sent.
var reasonWords = map[string]string{
	"opened": "new", "repeated": "reminder", "worse": "worse", "different": "another reason", "confirmed": "confirmed",
	"contradicted": "contradicted", "recovered": "recovered", "notice": "notice",
}
