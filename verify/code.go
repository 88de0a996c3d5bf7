package verify

// Codes of results. They are public: alerts and dashboards branch on them.
const (
	BackupAbsent     = "backup_absent"
	BackupStale      = "backup_stale"
	BackupUnchanged  = "backup_unchanged"
	BackupShrunk     = "backup_shrunk"
	BackupUnfinished = "backup_unfinished"

	ChecksumMismatch = "checksum_mismatch"
	DecryptFailed    = "decrypt_failed"
	ArchiveTruncated = "archive_truncated"
	ArchiveCorrupt   = "archive_corrupt"
	FormatUnknown    = "format_unknown"
	NotABackup       = "not_a_backup"

	RestoreFailed     = "restore_failed"
	RestoreIncomplete = "restore_incomplete"
	RowsMissing       = "rows_missing"
	RowsUnexpected    = "rows_unexpected" // more rows restored than the dump holds
	RowsLeftOut       = "rows_left_out"   // the dump creates a table and does not speak of its rows
	TablesMissing     = "tables_missing"
	ObjectsMissing    = "objects_missing"
	EmptyRestore      = "empty_restore"

	IndexCorrupt       = "index_corrupt"
	TableCorrupt       = "table_corrupt"
	ConstraintViolated = "constraint_violated"
	SequenceBehind     = "sequence_behind"
	CollationMismatch  = "collation_mismatch"

	RowsOutOfRange = "rows_out_of_range"
	RowsDropped    = "rows_dropped"
	SchemaChanged  = "schema_changed"
	DataStale      = "data_stale"
	QueryMismatch  = "query_mismatch"

	RoleAbsent      = "role_absent"
	ExtensionAbsent = "extension_absent"
	ClientCommands  = "client_commands" // the dump has the restore tool do more than restore
	RTOExceeded     = "rto_exceeded"

	SandboxUnavailable = "sandbox_unavailable"
	StorageUnreachable = "storage_unreachable"
	KeyMissing         = "key_missing"      // encrypted, and the configuration has no key
	StorageArchived    = "storage_archived" // the newest backup lies in a cold tier
	ObjectChanged      = "object_changed"   // the object was replaced while we read it
	ImageAbsent        = "image_absent"
	OutOfRoom          = "out_of_room"
	DrillTimeout       = "drill_timeout"
	CheckErrored       = "check_errored" // a check could not be answered
	Interrupted        = "interrupted"
	InternalError      = "internal_error"
)
