package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// errForeign refuses files that are not ours to write to.
var errForeign = errors.New("is a database of another program")

// applicationID marks the file as ours in SQLite's header: "LFBT".
const applicationID = 0x4C464254

// Settings of the two pools. The writer takes the lock when its transaction begins, so
// that it waits there and is not refused in the middle.
var (
	writing = url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
	}
	reading = url.Values{
		"mode":    {"ro"},
		"_pragma": {"busy_timeout(10000)", "query_only(1)"},
	}
)

// address is the driver's name for the file; the path may hold any character.
func address(path string, settings url.Values) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: settings.Encode()}).String()
}

// prepareFile makes the file and its folder. SQLite itself would make the file
// readable for all; its side files take over the file's permissions.
func prepareFile(path string) error {
	if path == "" {
		return errors.New("no path is given")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// identify tells whether the file carries our mark, and refuses another program's
// database before anything is written to it. An empty one may become ours, as it is
// while another process creates it.
func identify(ctx context.Context, path string) (marked bool, err error) {
	db, err := sql.Open("sqlite", address(path, reading))
	if err != nil {
		return false, err
	}
	defer db.Close()
	var id, objects int64
	// In this order: whoever creates a record sets its mark before its tables.
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&objects); err != nil {
		return false, err
	}
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return false, err
	}
	if id != applicationID && (id != 0 || objects > 0) {
		return false, errForeign
	}
	return id == applicationID, nil
}

// mark claims an empty file, before its first table, so that no other process opening
// it meanwhile takes the tables for another program's.
func mark(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
	return err
}
