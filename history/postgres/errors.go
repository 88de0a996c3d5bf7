package postgres

import (
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/history/internal/sqlstore"
)

// explain says what was done to which database, and what a person can do about the
// causes that repeat themselves until somebody acts.
func (s *Store) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	at := fmt.Sprintf("%s history %s", operation, s.place)
	if next := nextStep(err); next != "" {
		return fmt.Errorf("%s: %w; %s", at, err, next)
	}
	return fmt.Errorf("%s: %w", at, err)
}

func nextStep(err error) string {
	if errors.Is(err, sqlstore.ErrNewer) {
		return "run that version, or give this one a database of its own"
	}
	switch code(err) {
	case "28P01", "28000":
		return "check user and password in server.history, and the server's pg_hba.conf"
	case "3D000":
		return "create the database, and let Lifeboat's user own it"
	case "42501":
		return "let Lifeboat's user create tables in the database's schema"
	case "25006":
		return "it can only be read; give Lifeboat the address of the primary"
	case "53100":
		return "make room on the server's disk"
	case "53300":
		return "the server has no connection left; raise max_connections, or set pool_max_conns in the address"
	case "57P01", "57P02", "57P03":
		return "wait until the server runs again"
	}
	var unreached *pgconn.ConnectError
	var broken *net.OpError
	if errors.As(err, &unreached) || errors.As(err, &broken) || pgconn.SafeToRetry(err) {
		return "check that the server runs and can be reached from here"
	}
	return ""
}

// code is PostgreSQL's name of the error, empty for others.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// conflict is true when err is a violated UNIQUE.
func conflict(err error) bool { return code(err) == "23505" }

// again is true when another transaction won: a deadlock, or changes it could not follow.
func again(err error) bool { return code(err) == "40P01" || code(err) == "40001" }
