package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"lifeboat/history/internal/sqlstore"
)

// explain says what was done to which file, and what a person can do about the
// causes that repeat themselves until somebody acts.
func (s *Store) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	at := fmt.Sprintf("%s history %s", operation, s.path)
	if next := nextStep(err); next != "" {
		return fmt.Errorf("%s: %w; %s", at, err, next)
	}
	return fmt.Errorf("%s: %w", at, err)
}

func nextStep(err error) string {
	const aside = "move the file aside to begin a new record, or put back a copy of it"
	switch {
	case errors.Is(err, errForeign):
		return "give the history a path of its own"
	case errors.Is(err, sqlstore.ErrNewer):
		return "run that version, or give this one a history of its own"
	case errors.Is(err, fs.ErrPermission):
		return "let the user that Lifeboat runs as write to the file and its folder"
	}
	switch primary(err) {
	case lib.SQLITE_NOTADB:
		return "it is not a SQLite database: " + aside
	case lib.SQLITE_CORRUPT:
		return "it is damaged: " + aside
	case lib.SQLITE_FULL:
		return "make room on its disk"
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return "let the user that Lifeboat runs as write to the file and its folder"
	case lib.SQLITE_BUSY:
		return "another process held it locked for too long; find out which, and try again"
	case lib.SQLITE_IOERR:
		return "check the disk it lies on, and that it is not a network file system"
	}
	return ""
}

// primary is SQLite's result code without its refinement, and 0 for other errors.
func primary(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// conflict is true when err is a violated UNIQUE.
func conflict(err error) bool {
	return primary(err) == lib.SQLITE_CONSTRAINT && strings.Contains(err.Error(), "UNIQUE")
}
