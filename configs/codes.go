package configs

import (
	"errors"
	"slices"

	"lifeboat/verify"
)

// ignorable lists the results a target may accept: facts about a backup.
var ignorable = []string{
	verify.BackupAbsent, verify.BackupStale, verify.BackupUnchanged, verify.BackupShrunk, verify.BackupUnfinished,
	verify.ChecksumMismatch, verify.DecryptFailed, verify.ArchiveTruncated, verify.ArchiveCorrupt,
	verify.FormatUnknown, verify.NotABackup,
	verify.RestoreFailed, verify.RestoreIncomplete, verify.RowsMissing, verify.RowsUnexpected, verify.RowsLeftOut,
	verify.TablesMissing, verify.ObjectsMissing, verify.EmptyRestore,
	verify.IndexCorrupt, verify.TableCorrupt, verify.ConstraintViolated, verify.SequenceBehind, verify.CollationMismatch,
	verify.RowsOutOfRange, verify.RowsDropped, verify.SchemaChanged, verify.DataStale, verify.QueryMismatch,
	verify.RoleAbsent, verify.ExtensionAbsent, verify.ClientCommands, verify.RTOExceeded,
}

// ours lists the accidents on our side. Ignoring one would make "we could not
// tell" look like good news.
var ours = []string{
	verify.SandboxUnavailable, verify.StorageUnreachable, verify.KeyMissing, verify.StorageArchived, verify.ObjectChanged,
	verify.ImageAbsent, verify.OutOfRoom, verify.DrillTimeout, verify.CheckErrored,
	verify.Interrupted, verify.InternalError,
}

func checkCode(s string) error {
	switch {
	case slices.Contains(ignorable, s):
		return nil
	case slices.Contains(ours, s):
		return errors.New("this one says that nothing could be verified, which cannot be ignored")
	}
	if meant := nearest(s, ignorable); meant != "" {
		return errors.New("did you mean " + meant + "?")
	}
	return errUnlike
}
