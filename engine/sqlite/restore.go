package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// Shell implements engine.Loader. Nothing runs in a sandbox of this engine.
func (l *loader) Shell() string { return "" }

// Restore implements engine.Loader.
func (l *loader) Restore(ctx context.Context, r engine.Received) (engine.Restored, error) {
	res := engine.Restored{Tool: "sqlite " + sqlite3.SQLITE_VERSION, ErrorCount: map[engine.ErrorClass]int{}, Notes: l.notes}
	path := filepath.Join(l.dir, databaseFile)
	var err error
	if r.Manifest.Format == formatSQL {
		err = l.runSQL(ctx, path, &res)
	} else {
		err = replay(ctx, path, &res)
	}
	if err != nil {
		return res, err
	}
	db, err := openDatabase(ctx, path, l.options.Progress)
	if err != nil {
		return res, err
	}
	if err := db.absentModules(ctx, r.Manifest.Extensions, &res); err != nil {
		return res, errors.Join(err, db.Close(ctx))
	}
	res.DB = db
	return res, nil
}

// replay brings a received database to rest: the committed part of its log goes into
// it, or its hot journal is rolled back.
func replay(ctx context.Context, path string, res *engine.Restored) error {
	if !present(path+"-wal") && !present(path+"-journal") {
		return nil
	}
	db, err := connect(path, openWrite)
	if err != nil {
		return fmt.Errorf("open the received database: %w", err)
	}
	defer db.Close()
	for _, stmt := range []string{"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode=DELETE"} {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			note(res, engine.RestoreError{Class: engine.DataLost, Subject: "write-ahead log", Message: message(err),
				Hint: "The log beside the database cannot be applied. Make copies with .backup or VACUUM INTO instead of copying the files."})
			res.Exit = 1
			return nil
		}
	}
	return nil
}

func present(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// note adds an error to what the restore reports.
func note(res *engine.Restored, e engine.RestoreError) {
	res.ErrorCount[e.Class]++
	if len(res.Errors) < engine.MaxRestoreErrors {
		res.Errors = append(res.Errors, e)
	}
}

const absentHint = "The database uses something that SQLite does not have by itself; restoring it takes a SQLite with that extension."

var (
	absentThing = regexp.MustCompile(`no such (module|collation sequence|function): ([^ (]+)`)
	// named are messages that quote nothing but names of the schema.
	named = regexp.MustCompile(`(UNIQUE|NOT NULL|FOREIGN KEY|CHECK|PRIMARY KEY) constraint failed[^(]*|` +
		`(table|index|view|trigger) [^ ]+ already exists|no such table: [^ (]+|no such (?:module|collation sequence|function): [^ (]+|` +
		`table [^ ]+ has \d+ columns but \d+ values were supplied|database disk image is malformed|` +
		`file is not a database|database or disk is full|not authorized`)
)

// message is what SQLite said, without what may come from a row.
func message(err error) string {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return "the statement could not be run"
	}
	if m := named.FindString(e.Error()); m != "" {
		return strings.TrimSpace(m)
	}
	if strings.Contains(e.Error(), "syntax error") {
		return "syntax error"
	}
	if text, ok := modernc.ErrorCodeString[e.Code()&0xff]; ok {
		return text
	}
	return fmt.Sprintf("SQLite error %d", e.Code())
}

// classify says what the error of a statement means for the backup.
func classify(st *statement, err error) engine.RestoreError {
	e := engine.RestoreError{Class: engine.DataLost, Subject: subject(st), Message: message(err)}
	if m := absentThing.FindStringSubmatch(e.Message); m != nil {
		e.Class, e.Subject, e.Hint = engine.ExtensionAbsent, m[1]+" "+m[2], absentHint
	}
	return e
}

// subject names what a statement is about.
func subject(st *statement) string {
	if o, ok := st.created(); ok {
		return o.Kind + " " + o.Table.String()
	}
	if t := st.target(); t != "" {
		return "table " + engine.Table{Name: t}.String()
	}
	return st.keyword + " statement"
}

// limitError turns what SQLite says at a limit of ours into an error that is no fact
// about the backup; nil for any other.
func (l *loader) limitError(err error) error {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return &sandbox.LimitError{Limit: "disk", Bytes: l.options.Limits.Disk, Used: l.options.Limits.Disk}
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOMEM:
		return errTooLarge
	}
	return nil
}
