package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// attempts bounds how often a transaction is tried while others win against it.
const attempts = 10

// rollbackTimeout bounds how long a transaction that failed is taken back; the
// database takes it back itself when the connection is gone.
const rollbackTimeout = 5 * time.Second

// tx is one transaction that writes.
type tx struct {
	session
	courier courier
	with    func(func(riverTx any) error) error // gives River the same transaction
	commit  func() error
	undo    func() // may be called after commit
}

// change runs do in a transaction, again where another transaction won against it.
func (s *Store) change(ctx context.Context, operation string, do func(*tx) error) error {
	var err error
	for range attempts {
		if err = s.once(ctx, do); err == nil || ctx.Err() != nil || !s.again(err) {
			break
		}
	}
	return s.outcome(operation, err)
}

func (s *Store) once(ctx context.Context, do func(*tx) error) error {
	t, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer t.undo()
	if err := do(t); err != nil {
		return err
	}
	return t.commit()
}

// beginSQLite takes the lock of the only writer.
func beginSQLite(d *dialect, c courier, db *sql.DB) func(context.Context) (*tx, error) {
	return func(ctx context.Context) (*tx, error) {
		own, err := db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		return &tx{
			session: session{d, own}, courier: c,
			with:   func(do func(any) error) error { return do(own) },
			commit: own.Commit, undo: func() { own.Rollback() },
		}, nil
	}
}

// beginPostgres begins a transaction that is River's and database/sql's alike: River
// takes pgx's own, so it is begun below database/sql, on a connection that it holds.
func beginPostgres(d *dialect, c courier, db *sql.DB) func(context.Context) (*tx, error) {
	return func(ctx context.Context) (*tx, error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		var own pgx.Tx
		err = conn.Raw(func(driver any) error {
			own, err = driver.(*stdlib.Conn).Conn().Begin(ctx)
			return err
		})
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		with := func(do func(any) error) error {
			return conn.Raw(func(any) error { return do(own) })
		}
		return &tx{
			session: session{d, conn}, courier: c, with: with,
			commit: func() error { return with(func(any) error { return own.Commit(ctx) }) },
			undo: func() {
				ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), rollbackTimeout, errors.New("the rollback took too long"))
				defer cancel()
				_ = with(func(any) error { return own.Rollback(ctx) }) // nothing to take back after a commit
				_ = conn.Close()
			},
		}, nil
	}
}
