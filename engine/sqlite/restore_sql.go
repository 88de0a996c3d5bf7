package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
)

// maxValue bounds one value and the text of one statement, and with them the memory that
// a database or a dump can make this process take: SQLite and its driver hold about
// eight copies of a value while it is inserted. SQLite's own tool writes longer statements
// only for a row larger than half of it.
const maxValue = 64 << 20

// errTooLarge says nothing about the backup: it is Lifeboat that does not go on.
var errTooLarge = fmt.Errorf("%w: a row takes more than the %s that Lifeboat holds in memory", sandbox.ErrOutOfRoom, units.Bytes(maxValue))

// player runs the statements of a dump one after the other, as SQLite's own tool does,
// and goes on after an error.
type player struct {
	ctx    context.Context
	loader *loader
	conn   *sql.Conn
	guard  *guard
	res    *engine.Restored
	open   bool // inside the dump's transaction
	err    error
}

// runSQL makes a database of the received SQL.
func (l *loader) runSQL(ctx context.Context, path string, res *engine.Restored) error {
	f, err := os.Open(filepath.Join(l.dir, sqlFile))
	if err != nil {
		return fmt.Errorf("read the received SQL: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read the received SQL: %w", err)
	}
	g := &guard{mode: openRestore}
	db, err := connectGuarded(path, g)
	if err != nil {
		return fmt.Errorf("make a database: %w", err)
	}
	defer db.Close()
	conn, err := session(ctx, db)
	if err != nil {
		return accident(ctx, "make a database", err)
	}
	defer conn.Close()
	p := &player{ctx: ctx, loader: l, conn: conn, guard: g, res: res}
	if err := p.setUp(info.Size()); err != nil {
		return accident(ctx, "make a database", err)
	}
	if err := p.play(f, info.Size()); err != nil {
		return err
	}
	return p.finish()
}

// accident names what we were doing, and the reason where the context has ended.
func accident(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// setUp trades durability for speed and sets the room there is.
func (p *player) setUp(dump int64) error {
	const pageSize = 4096 // of a new database
	pages := max((p.loader.options.Limits.Disk-dump)/pageSize, 1)
	for _, stmt := range []string{
		"PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=OFF", "PRAGMA locking_mode=EXCLUSIVE",
		"PRAGMA cache_size=-65536", fmt.Sprintf("PRAGMA max_page_count=%d", pages),
	} {
		if err := p.own(stmt); err != nil {
			return err
		}
	}
	return nil
}

// own runs a statement of ours, which the guard lets through.
func (p *player) own(stmt string, args ...any) error {
	p.guard.trusted = true
	defer func() { p.guard.trusted = false }()
	_, err := p.conn.ExecContext(p.ctx, stmt, args...)
	return err
}

// play runs all statements of in.
func (p *player) play(in io.Reader, total int64) error {
	s := scanner{keep: maxValue}
	s.onEnd = func(st *statement) {
		if p.err == nil {
			p.err = p.run(st)
		}
	}
	buf := make([]byte, 256<<10)
	var done int64
	for {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		n, err := in.Read(buf)
		s.write(buf[:n])
		done += int64(n)
		switch {
		case p.err != nil:
			return p.err
		case s.err != nil:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read the received SQL: %w", err)
		}
		p.loader.options.Progress(engine.Progress{Step: "restore", Done: done, Total: total, Unit: "bytes"})
	}
}

// run runs one statement; an error is an accident, not the dump's.
func (p *player) run(st *statement) error {
	switch st.keyword {
	case "PRAGMA":
		return p.pragma(st)
	case "BEGIN":
		p.open = true
	case "COMMIT", "END":
		p.open = false
	case "INSERT":
		if isSchema(st.target()) {
			return p.listVirtual(st)
		}
	case "REPLACE", "UPDATE", "DELETE", "CREATE", "DROP", "ANALYZE", "REINDEX", "SAVEPOINT", "RELEASE":
	default:
		note(p.res, engine.RestoreError{Class: engine.Unclassified, Subject: refusedSubject(st), Message: "refused: .dump writes no such statement",
			Hint: "If the dump was edited or made by another tool, make it with sqlite3's .dump or .backup."})
		return nil
	}
	return p.exec(st)
}

// refusedSubject names a statement that is none of SQL's: a command of the shell, for
// one. The text itself stays out of the report.
func refusedSubject(st *statement) string {
	if len(st.tokens) > 0 && st.tokens[0].kind == '.' {
		return "command of the sqlite3 shell"
	}
	return "statement"
}

// exec runs st as it is. Only what may take long watches the context while it runs.
func (p *player) exec(st *statement) error {
	ctx := p.ctx
	if st.keyword == "INSERT" && !st.inexact {
		ctx = context.WithoutCancel(ctx)
	}
	_, err := p.conn.ExecContext(ctx, string(st.text))
	if err == nil {
		return nil
	}
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	if full := p.loader.limitError(err); full != nil {
		return full
	}
	note(p.res, classify(st, err))
	return nil
}

// harmlessPragmas set properties of the database itself.
var harmlessPragmas = map[string]bool{"user_version": true, "application_id": true, "encoding": true, "page_size": true, "auto_vacuum": true}

// idlePragmas change how a connection works and nothing in the database; they are ours
// to decide and passed over.
var idlePragmas = map[string]bool{"foreign_keys": true, "writable_schema": true, "journal_mode": true, "synchronous": true,
	"cache_size": true, "locking_mode": true, "temp_store": true, "defer_foreign_keys": true, "legacy_alter_table": true, "busy_timeout": true}

func (p *player) pragma(st *statement) error {
	name := strings.ToLower(st.nameAt(1))
	switch {
	case idlePragmas[name]:
		return nil
	case harmlessPragmas[name]:
		return p.exec(st)
	}
	note(p.res, engine.RestoreError{Class: engine.Harmless, Subject: "PRAGMA " + clip(name), Message: "refused: it does not belong to a dump"})
	return nil
}

func clip(s string) string { return s[:min(len(s), 60)] }

// listVirtual puts a virtual table into the schema, which is how .dump restores one: its
// content is in tables of its own that follow. Nothing else may be put there.
func (p *player) listVirtual(st *statement) error {
	v, ok := readVirtualTable(st)
	if !ok {
		note(p.res, engine.RestoreError{Class: engine.Unclassified, Subject: "table sqlite_schema", Message: "refused: only virtual tables may be listed by hand"})
		return nil
	}
	if err := p.own("PRAGMA writable_schema=ON"); err != nil {
		return err
	}
	err := p.own("INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table',?,?,0,?)", v.name, v.name, v.sql)
	if offErr := p.own("PRAGMA writable_schema=OFF"); offErr != nil {
		return errors.Join(err, offErr)
	}
	if err != nil {
		note(p.res, engine.RestoreError{Class: engine.DataLost, Subject: "virtual table " + engine.Table{Name: v.name}.String(), Message: message(err)})
	}
	return nil
}

// finish ends the transaction if the dump left it open.
func (p *player) finish() error {
	if p.open {
		if err := p.own("COMMIT"); err != nil {
			return accident(p.ctx, "finish the database", err)
		}
	}
	if p.res.ErrorCount[engine.DataLost]+p.res.ErrorCount[engine.Unclassified]+p.res.ErrorCount[engine.ExtensionAbsent] > 0 {
		p.res.Exit = 1 // as sqlite3 ends when a statement did not work
	}
	return nil
}
