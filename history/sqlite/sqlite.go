// Package sqlite keeps Lifeboat's database in one SQLite file. Several processes may
// use the file at once. A finished report is written in one transaction and never
// changed; what a killed process leaves is a drill recorded as running, whole.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lifeboat/history"
	"lifeboat/history/internal/sqlstore"
)

var (
	_ history.Store    = (*Store)(nil)
	_ history.Importer = (*Store)(nil)
)

// Store is a database in a file. It implements history.Store.
type Store struct {
	*sqlstore.Store
	path  string
	write *sql.DB // one connection: SQLite has one writer at a time
	read  *sql.DB // read-only, so that lists do not wait for the writer
}

// readers is how many lists and reports can be read at once.
const readers = 4

// Open opens the database at path. It creates the file, readable by its owner only, and
// the folder it lies in where they are missing, and brings an older one to this
// version's form. It refuses a file that is not Lifeboat's.
func Open(ctx context.Context, path string) (*Store, error) {
	s := &Store{path: path}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(s.explain("open", err), s.closeFile())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := prepareFile(s.path); err != nil {
		return err
	}
	marked, err := identify(ctx, s.path)
	if err != nil {
		return err
	}
	if s.write, err = sql.Open("sqlite", address(s.path, writing)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if !marked {
		if err := mark(ctx, s.write); err != nil {
			return err
		}
	}
	if s.read, err = sql.Open("sqlite", address(s.path, reading)); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.Store, err = sqlstore.SQLite(ctx, s.write, s.read, sqlstore.Trouble{Explain: s.explain, Conflict: conflict})
	if err != nil {
		return err
	}
	return s.read.PingContext(ctx)
}

// Close implements history.Store. It may be called twice.
func (s *Store) Close() error {
	return errors.Join(s.Store.Close(), s.closeFile())
}

func (s *Store) closeFile() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} { // the writer last: it folds the log into the file
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close history %s: %w", s.path, err)
	}
	return nil
}
