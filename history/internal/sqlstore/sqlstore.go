// Package sqlstore implements history.Store over database/sql, once for SQLite and for
// PostgreSQL. The drill's own row is the truth about a drill; River, which nobody
// outside sees, only brings its id to a process that has a hand free. It opens no
// database itself: that is for the packages that know one kind.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"lifeboat/history"
)

var (
	_ history.Store    = (*Store)(nil)
	_ history.Importer = (*Store)(nil)
)

// Store is a database of one kind. The packages that open one wrap it.
type Store struct {
	dialect
	courier courier
	begin   func(context.Context) (*tx, error)
	read    *sql.DB
	close   func() error
	explain Explain

	mu    sync.Mutex
	stops []func(context.Context) error // of Work
}

// Explain says what was done to which database, and what a person can do about the
// causes that repeat themselves until somebody acts. It keeps the cause, and nil.
type Explain func(operation string, err error) error

// answer is an error that is no trouble with the database: it reaches the caller as it is.
type answer struct{ error }

func (a answer) Unwrap() error { return a.error }

// outcome tells answers from trouble.
func (s *Store) outcome(operation string, err error) error {
	var a answer
	if errors.As(err, &a) {
		return a.error
	}
	return s.explain(operation, err)
}

// Close implements history.Store. It cancels the drills of calls of Work that were not stopped.
func (s *Store) Close() error {
	s.mu.Lock()
	stops, closing := s.stops, s.close
	s.stops, s.close = nil, nil
	s.mu.Unlock()
	at, cancel := context.WithCancel(context.Background())
	cancel() // at once
	var errs []error
	for _, stop := range stops {
		if err := stop(at); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	if closing != nil {
		errs = append(errs, closing())
	}
	return errors.Join(errs...)
}

// Installation implements history.Store.
func (s *Store) Installation(ctx context.Context) (string, error) {
	var id string
	err := s.look().row(ctx, `SELECT id FROM installation`).Scan(&id)
	return id, s.explain("read the installation's id from", err)
}

// Ping implements history.Store. It writes: a full disk or a standby answers every read.
func (s *Store) Ping(ctx context.Context) error {
	return s.change(ctx, "try to write to", func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE installation SET id = id`)
		return err
	})
}
