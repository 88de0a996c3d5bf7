// Package engine is the contract between a dump and a live database: recognise
// it, restore it inside a sandbox with the engine's own tools, and ask it
// questions. It never opens a connection to anything outside a sandbox, and it
// judges nothing: what the answers are worth is decided in package verify.
package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"lifeboat/sandbox"
)

// Facts about a dump, each wrapped with what was seen. They are answers about the
// backup, not accidents.
var (
	// ErrNotBackup means the bytes are no dump at all: empty, a web page, an error text.
	ErrNotBackup = errors.New("not a backup")
	// ErrFormat means it may be a dump, in a format no engine here can read.
	ErrFormat = errors.New("format is unknown")
	// ErrTruncated means the dump ends before its end.
	ErrTruncated = errors.New("dump is truncated")
	// ErrCorrupt means the dump's bytes contradict themselves.
	ErrCorrupt = errors.New("dump is corrupt")
	// ErrNoTable means a question named a table or column that is not there.
	ErrNoTable = errors.New("no such table")
)

// ErrServerGone means that the server inside the sandbox crashed or went away. It says
// nothing about the backup: whose fault that is, is not known.
var ErrServerGone = errors.New("database server in the sandbox crashed or went away")

// Dump is an artifact with its envelope opened. It can be opened more than once;
// each Open reads from storage again, so an engine opens the whole of it once and
// only its head besides.
type Dump interface {
	// Files lists the files of a directory dump with their names below it. A dump
	// that is one stream has one file with an empty name.
	Files() []File
	// Open reads one file from its beginning. Errors of the stream wrap a sentinel
	// of storage or of the envelope; engines return them as they are.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// File is one file of a dump.
type File struct {
	Name string
	Size int64 // stored bytes, before the envelope is opened
}

// Engine restores dumps of one kind of database. It is stateless.
type Engine interface {
	// Name is "postgres" or "sqlite".
	Name() string
	// Inspect reads as little of the head as it needs and executes nothing. It
	// returns ErrFormat when the dump may be another engine's, ErrNotBackup when no
	// engine here can want it, ErrTruncated or ErrCorrupt when it is this engine's and
	// broken.
	Inspect(ctx context.Context, d Dump) (Manifest, error)
	// Needs says what sandbox the dump is to be restored in.
	Needs(m Manifest) Needs
	// Prepare returns the loader of one dump into one empty sandbox.
	Prepare(box sandbox.Sandbox, m Manifest, o Options) Loader
}

// Needs says what sandbox a dump is to be restored in.
type Needs struct {
	Image   string // proposed image; the configuration may override it
	User    string // user inside the sandbox
	Server  string // name of the server's program; empty for an engine that runs inside Lifeboat
	Version int    // major version of the server
	// Memory and Disk estimate what the restore takes, in bytes, given the stored
	// and, where the manifest tells, the plain size of the dump.
	Memory, Disk func(stored int64) int64
}

// Options of one restore.
type Options struct {
	Limits   sandbox.Limits
	Progress func(Progress) // called from any goroutine; never nil
}

// Progress of a restore, for people who wait.
type Progress struct {
	Step        string // "restore", "count"
	Done, Total int64  // in Unit; Total is 0 when it is not known
	Unit        string // "tables", "bytes"
}

// Loader takes one dump to a live database. Boot and Receive run concurrently;
// Restore is called once both have returned without error.
type Loader interface {
	// Boot starts the server in the sandbox and returns when it accepts connections.
	Boot(ctx context.Context) error
	// Receive streams the whole dump once into the sandbox, to the end of every file,
	// counting rows as they pass. On a fact such as ErrTruncated it still returns what
	// it has seen. An error of the stream is none, whatever it wraps.
	Receive(ctx context.Context, d Dump) (Received, error)
	// Restore runs the engine's own tool. That the tool failed is part of Restored,
	// not an error.
	Restore(ctx context.Context, r Received) (Restored, error)
	// Shell is the command line by which a person inside the sandbox opens what Restore
	// made, for the host's shell to pass on; empty while there is nothing to open, and
	// where there is no such program. It holds no word of the dump's that a shell might
	// misread.
	Shell() string
}

// Manifest is what a dump says about itself before anything is restored.
type Manifest struct {
	Engine        string
	Format        string // "pg_dump custom", "pg_dump tar", "pg_dump directory", "pg_dump plain", "pg_dumpall", "sqlite database", "sqlite sql"
	ServerVersion string // of the server it was dumped from, "16.4"
	ToolVersion   string // of the tool that dumped it
	Compression   string // inside the format: "none", "gzip", "lz4", "zstd"
	Database      string
	MadeAt        time.Time // zero when the dump does not say
	// Objects lists what the dump promises to create, tables included. Empty when
	// the format lists nothing before its end (plain SQL): then Received has it.
	Objects    []Object
	Extensions []string
	Roles      []string // owners and grantees
}

// Object names something a database holds, as the inventory compares it.
type Object struct {
	Kind  string // "table", "index", "constraint", "sequence", "view", "materialized view", "function", "trigger", ...
	Table        // Database, Schema and Name; Name is unique within kind and schema (a trigger's is "table.trigger")
}

// Table names a table.
type Table struct {
	Database string `json:"database,omitempty"` // set only where a dump holds several databases
	Schema   string `json:"schema,omitempty"`
	Name     string `json:"name"`
}

// Census is rows per table as counted in the dump's own bytes, the independent
// witness of the restore.
type Census struct {
	Tables []Count
	// Uncounted names tables whose rows could not be counted in the dump, with why.
	Uncounted []Skipped
	// LeftOut names tables that the dump creates and does not speak of the rows of, not
	// even to say that there are none: somebody left them out, or they were lost.
	LeftOut []Table
}

// Count is the rows of one table.
type Count struct {
	Table Table
	Rows  int64
	// Tree is true when the rows were dumped under a partitioned or inherited parent
	// and only the sum over the whole tree can be compared.
	Tree bool
	// AtLeast is true when the restored table may rightly hold more rows, as the
	// configuration tables of an extension do.
	AtLeast bool
}

// Skipped is something not looked at, and why.
type Skipped struct {
	Subject string
	Reason  string
}

// Received is what was learned while the whole dump streamed by.
type Received struct {
	Manifest Manifest // completed by what only the whole dump tells
	Census   Census
	Bytes    int64 // of the dump itself, envelope opened
	// Commands names what the dump has the restore tool itself do, such as psql's \!, as
	// far as the tools that write dumps never do. It names nothing that is in a row.
	Commands []string
	// Read says how far a broken dump could be read, in words: "312 of about 400
	// tables, 1,200,000 rows". Empty when the dump is whole.
	Read string
}

// Restored is a database that was restored, however well.
type Restored struct {
	DB           Database
	Tool         string // "pg_restore 16.4 -j 2"
	Exit         int
	Errors       []RestoreError // at most MaxRestoreErrors; ErrorCount counts all
	ErrorCount   map[ErrorClass]int
	RolesCreated []string // roles the server lacked, created without login
	Notes        []Skipped
}

// MaxRestoreErrors bounds how many error lines are kept with their text.
const MaxRestoreErrors = 100

// ErrorClass says what an error line of a restore tool means for the backup. The
// zero value is the gravest.
type ErrorClass int

// Classes of restore errors.
const (
	Unclassified    ErrorClass = iota // not known to be harmless, so it is not
	DataLost                          // rows or objects did not arrive
	ExtensionAbsent                   // the image lacks an extension the dump needs
	RoleAbsent                        // a role is missing on a bare server
	Harmless                          // known to lose nothing, counted and shown
)

// RestoreError is one classified error of the restore tool. It carries no row data.
type RestoreError struct {
	Class   ErrorClass
	Subject string // object it is about, "extension postgis"
	Message string // the tool's words, without row contents
	Hint    string // what to do
}

// Database is a restored database being asked questions. All answers come from
// one consistent state. Methods may be called concurrently.
type Database interface {
	// Measure goes over every table once and returns its exact count of rows with
	// the extra aggregates asked for, under the table that Find makes of its name. A
	// table or column of want that is not there comes back as an entry of its own,
	// besides the table's count, with Err set to an error wrapping ErrNoTable; any
	// other Err means that the table could not be counted. Without an error the answer
	// is never nil.
	Measure(ctx context.Context, want []Measure) ([]Measured, error)
	// Inventory lists what the database holds, in the same words as Manifest.Objects.
	Inventory(ctx context.Context) ([]Object, error)
	// Soundness looks for damage inside: corrupt pages and indexes, violated
	// constraints, sequences behind their columns.
	Soundness(ctx context.Context) (Soundness, error)
	// Query runs one read-only statement with a time limit and returns the first
	// column of its first row as text, empty for no row and for NULL. A statement that
	// the database refuses, one that writes included, is a *QueryError; anything else
	// is an accident.
	Query(ctx context.Context, sql string, limit time.Duration) (string, error)
	// Close releases connections. It may be called again. The sandbox goes on.
	Close(ctx context.Context) error
}

// Measure asks for the newest value of a column in the pass over its table.
type Measure struct {
	Table  Table
	Column string
}

// Measured is what one pass over one table found.
type Measured struct {
	Table Table
	Rows  int64                // of this very table, without partitions or children
	Tree  int64                // with them
	Max   map[string]time.Time // newest value per column asked for; absent when there are no values
	Err   error
}

// Soundness is what was found inside a database.
type Soundness struct {
	Findings []Finding
	Checked  []string // what was looked at: "34 indexes with amcheck", ...
	Skipped  []Skipped
}

// FindingKind names a kind of damage.
type FindingKind string

// Kinds of damage.
const (
	IndexCorrupt       FindingKind = "index_corrupt"
	TableCorrupt       FindingKind = "table_corrupt"
	ConstraintViolated FindingKind = "constraint_violated"
	SequenceBehind     FindingKind = "sequence_behind"
	CollationMismatch  FindingKind = "collation_mismatch"
)

// Finding is one damage.
type Finding struct {
	Kind     FindingKind
	Subject  string
	Detail   string // without row contents
	Observed string
	Expected string
}

// QueryError is a database's refusal of a statement that the user configured.
type QueryError struct {
	Message string // the database's words
	Timeout bool   // it ran longer than its limit
}

// Error implements error.
func (e *QueryError) Error() string { return e.Message }
