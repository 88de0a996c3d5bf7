package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// access says what a connection is for.
type access int

const (
	openRead    access = iota // the restored database, for questions
	openCheck                 // the same, for SQLite's own checks
	openWrite                 // the received database, to apply its log
	openRestore               // a new database, to run the SQL of a dump
)

// guard decides what SQLite may compile. It is the wall between a hostile dump and this
// machine: whatever the text of a statement looks like, SQLite asks here first.
type guard struct {
	mode    access
	trusted bool // a statement of ours is being compiled
}

// deniedFunctions reach out of the database, or let memory be read and written.
var deniedFunctions = map[string]bool{"load_extension": true, "readfile": true, "writefile": true, "edit": true, "fts3_tokenizer": true}

// readPragmas look at the database and change nothing; modules of SQLite use some.
var readPragmas = map[string]bool{"data_version": true, "page_size": true, "table_info": true, "table_xinfo": true, "table_list": true, "module_list": true,
	"index_list": true, "index_info": true, "index_xinfo": true, "foreign_key_list": true, "user_version": true, "application_id": true,
	"page_count": true, "freelist_count": true, "encoding": true, "schema_version": true, "integrity_check": true, "foreign_key_check": true}

// allow implements modernc.AuthorizerFn.
func (g *guard) allow(action modernc.AuthorizerActionCode, arg1, arg2, _, _ string) modernc.AuthorizerReturnCode {
	if g.permits(action, arg1, arg2) {
		return modernc.AuthorizerOK
	}
	return modernc.AuthorizerDeny
}

func (g *guard) permits(action modernc.AuthorizerActionCode, arg1, arg2 string) bool {
	switch action {
	case modernc.AuthAttach, modernc.AuthDetach:
		return false // also what VACUUM INTO is made of
	case modernc.AuthFunction:
		return !deniedFunctions[strings.ToLower(arg2)]
	}
	if g.trusted || g.mode == openWrite {
		return true
	}
	switch action {
	case modernc.AuthSelect, modernc.AuthRead:
		return true
	case modernc.AuthPragma:
		pragma := strings.ToLower(arg1)
		return readPragmas[pragma] && (arg2 == "" || g.mode == openRestore || takesName(pragma)) || g.mode == openRestore && harmlessPragmas[pragma]
	case modernc.AuthRecursive:
		return g.mode != openRestore
	case modernc.AuthInsert, modernc.AuthUpdate, modernc.AuthDelete, modernc.AuthTransaction, modernc.AuthSavepoint,
		modernc.AuthCreateTable, modernc.AuthCreateIndex, modernc.AuthCreateView, modernc.AuthCreateTrigger, modernc.AuthCreateVTable,
		modernc.AuthDropTable, modernc.AuthDropIndex, modernc.AuthDropView, modernc.AuthDropTrigger, modernc.AuthDropVTable,
		modernc.AuthReindex, modernc.AuthAnalyze:
		return g.mode == openRestore
	}
	return false
}

// takesName is true for pragmas whose argument is a name and not a value to set.
func takesName(pragma string) bool {
	return strings.HasSuffix(pragma, "info") || strings.HasSuffix(pragma, "list") || strings.HasSuffix(pragma, "check")
}

// connect opens a database of the sandbox.
func connect(path string, mode access) (*sql.DB, error) {
	return connectGuarded(path, &guard{mode: mode})
}

func connectGuarded(path string, g *guard) (*sql.DB, error) {
	q := url.Values{"_pragma": {"trusted_schema(0)", "cell_size_check(1)", "mmap_size(0)"}}
	switch g.mode {
	case openRead:
		q.Set("mode", "ro")
		q.Set("immutable", "1") // nobody writes to it any more, and no index of a log is made
		q.Set("_query_only", "1")
		q.Set("_defensive", "1")
	case openCheck:
		q.Set("mode", "rw") // of a file opened read-only SQLite passes over CHECK constraints
		q.Set("_query_only", "1")
		q.Set("_defensive", "1")
	case openWrite:
		q.Set("mode", "rw")
	case openRestore:
		q.Set("mode", "rwc")
	}
	inner, err := modernc.NewConnector((&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return sql.OpenDB(&connector{inner, g}), nil
}

// connector puts the guard before every connection.
type connector struct {
	driver.Connector
	guard *guard
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	guarded, ok := conn.(modernc.AuthorizerRegisterer)
	if !ok {
		return nil, errors.Join(errors.New("the driver does not let statements be checked"), conn.Close())
	}
	if err := guarded.RegisterAuthorizer(c.guard.allow); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// limits are what SQLite itself bounds on each connection. No second database can be
// attached, by whatever way.
var limits = map[int]int{
	sqlite3.SQLITE_LIMIT_ATTACHED:       0,
	sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
	sqlite3.SQLITE_LIMIT_LENGTH:         maxValue,
	sqlite3.SQLITE_LIMIT_SQL_LENGTH:     maxValue,
	sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH:  50,
	sqlite3.SQLITE_LIMIT_EXPR_DEPTH:     500,
	sqlite3.SQLITE_LIMIT_VDBE_OP:        5_000_000,
}

// session takes a connection out of the pool and sets its limits.
func session(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for id, value := range limits {
		if _, err := modernc.Limit(conn, id, value); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}
