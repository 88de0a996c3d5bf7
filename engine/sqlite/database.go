package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lifeboat/engine"
)

// database implements engine.Database. The file does not change any more, so all
// answers come from one state.
type database struct {
	path     string
	db       *sql.DB
	progress func(engine.Progress)
}

// openDatabase opens the restored database for questions.
func openDatabase(ctx context.Context, path string, progress func(engine.Progress)) (*database, error) {
	db, err := connect(path, openRead)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	d := &database{path: path, db: db, progress: progress}
	if _, err := d.schema(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

// absentModules reports the modules of virtual tables that this SQLite lacks: their
// tables cannot be asked, though nothing complained while they were restored.
func (d *database) absentModules(ctx context.Context, needed []string, res *engine.Restored) error {
	for _, name := range needed {
		var n int
		err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM pragma_module_list WHERE name = ? COLLATE NOCASE", name).Scan(&n)
		if err != nil {
			return readError("list the modules of SQLite", err)
		}
		subject := "module " + name
		known := slices.ContainsFunc(res.Errors, func(e engine.RestoreError) bool { return e.Subject == subject })
		if n == 0 && !known {
			note(res, engine.RestoreError{Class: engine.ExtensionAbsent, Subject: subject, Message: "no such module: " + name, Hint: absentHint})
		}
	}
	return nil
}

// Close implements engine.Database.
func (d *database) Close(context.Context) error {
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("close the restored database: %w", err)
	}
	return nil
}

// entry is one line of the schema.
type entry struct {
	kind, name, table, sql string
}

func (e entry) virtual() bool { return e.kind == "table" && createVirtual.MatchString(e.sql) }

// schema reads what the database holds.
func (d *database) schema(ctx context.Context) ([]entry, error) {
	conn, err := session(ctx, d.db)
	if err != nil {
		return nil, readError("open the restored database", err)
	}
	defer conn.Close()
	rows, err := conn.QueryContext(ctx, "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY rowid")
	if err != nil {
		return nil, readError("read the schema", err)
	}
	defer rows.Close()
	var all []entry
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.kind, &e.name, &e.table, &e.sql); err != nil {
			return nil, readError("read the schema", err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, readError("read the schema", err)
	}
	return all, nil
}

// readError says whether a database is damaged or we could not look.
func readError(doing string, err error) error {
	var e *modernc.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return fmt.Errorf("%s: %w: %s", doing, engine.ErrCorrupt, message(err))
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Inventory implements engine.Database.
func (d *database) Inventory(ctx context.Context) ([]engine.Object, error) {
	all, err := d.schema(ctx)
	if err != nil {
		return nil, err
	}
	return objects(all), nil
}

// objects names the entries of a schema.
func objects(all []entry) []engine.Object {
	var list []engine.Object
	for _, e := range all {
		if o, ok := object(e.kind, e.name, e.table, e.virtual()); ok {
			list = append(list, o)
		}
	}
	return list
}

// Query implements engine.Database.
func (d *database) Query(ctx context.Context, stmt string, limit time.Duration) (string, error) {
	conn, err := session(ctx, d.db)
	if err != nil {
		return "", readError("ask the restored database", err)
	}
	defer conn.Close()
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// In an expression a value comes as it is stored. On its own, the driver would make
	// a time of text in a column that is declared as one.
	answer, err := firstValue(bounded, conn, "SELECT +(\n"+strings.TrimRight(stmt, "; \t\r\n")+"\n)")
	if err != nil && bounded.Err() == nil {
		answer, err = firstValue(bounded, conn, stmt)
	}
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case bounded.Err() != nil:
		return "", &engine.QueryError{Message: fmt.Sprintf("it ran longer than %s", limit), Timeout: true}
	}
	var refused *modernc.Error
	if errors.As(err, &refused) {
		return "", &engine.QueryError{Message: refused.Error()}
	}
	return "", readError("ask the restored database", err)
}

// firstValue returns the first column of the first row, empty for none and for NULL.
func firstValue(ctx context.Context, conn *sql.Conn, stmt string) (string, error) {
	rows, err := conn.QueryContext(ctx, stmt)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || len(columns) == 0 || !rows.Next() {
		return "", errors.Join(err, rows.Err())
	}
	var value sql.NullString
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(any)
	}
	into[0] = &value
	if err := rows.Scan(into...); err != nil {
		return "", err
	}
	return value.String, nil
}

// quoteName writes a name so that SQLite reads nothing else in it.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
