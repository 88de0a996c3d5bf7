package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

//go:embed migrations
var migrations embed.FS

// ErrNewer refuses a database that a newer version has brought to its own form.
var ErrNewer = errors.New("was written by a newer version of Lifeboat")

// Trouble tells the errors of one kind of database apart.
type Trouble struct {
	Explain  Explain
	Conflict func(error) bool // a violated UNIQUE
	Again    func(error) bool // the transaction lost to another one; nil: none does
}

// SQLite makes a store of a file: write is its only writer, read a pool that only
// reads. It brings the file to this version's form. Close leaves both to the caller.
func SQLite(ctx context.Context, write, read *sql.DB, trouble Trouble) (*Store, error) {
	s := &Store{dialect: sqliteDialect, read: read, explain: trouble.Explain}
	s.conflict = trouble.Conflict
	c, err := newCourier(riversqlite.New(write), true)
	if err != nil {
		return nil, err
	}
	s.courier, s.begin = c, beginSQLite(&s.dialect, c, write)
	return s, s.migrateSQLite(ctx, write)
}

// migrateSQLite may meet another process that does the same: one of the two then
// fails, and finds the work done when it looks again.
func (s *Store) migrateSQLite(ctx context.Context, write *sql.DB) error {
	var err error
	for range attempts {
		err = s.migrate(ctx, goose.DialectSQLite3, write)
		if err == nil || errors.Is(err, ErrNewer) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// How long a process waits for another one that brings the database to this version's form.
const (
	lookEvery = 1 // seconds
	looks     = 300
)

// Postgres makes a store of a database. It brings it to this version's form. Close
// closes the pool. The store that comes with an error is to be closed, too.
func Postgres(ctx context.Context, pool *pgxpool.Pool, trouble Trouble) (*Store, error) {
	db := stdlib.OpenDBFromPool(pool)
	s := &Store{dialect: postgresDialect, read: db, explain: trouble.Explain}
	s.conflict, s.again = trouble.Conflict, trouble.Again
	s.close = func() error {
		err := db.Close()
		pool.Close()
		return err
	}
	c, err := newCourier(riverpgxv5.New(pool), false)
	if err != nil {
		return s, err
	}
	s.courier, s.begin = c, beginPostgres(&s.dialect, c, db)
	return s, s.migratePostgres(ctx, db)
}

// migratePostgres keeps all other processes out meanwhile.
func (s *Store) migratePostgres(ctx context.Context, db *sql.DB) (err error) {
	only, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lookEvery, looks))
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := only.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, only.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return s.migrate(ctx, goose.DialectPostgres, db)
}

// migrate brings our tables and River's to this version's form.
func (s *Store) migrate(ctx context.Context, kind goose.Dialect, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations/"+s.kind)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(kind, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, known, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case have > known:
		return fmt.Errorf("%w (form %d, this version knows up to %d)", ErrNewer, have, known)
	case have < known:
		if _, err := provider.Up(ctx); err != nil {
			return err
		}
	}
	if err := s.courier.migrate(ctx); err != nil {
		return err
	}
	own := session{&s.dialect, db}
	_, err = own.exec(ctx, `INSERT INTO installation (one, id) VALUES (1, ?) ON CONFLICT DO NOTHING`, rand.Text())
	return err
}
