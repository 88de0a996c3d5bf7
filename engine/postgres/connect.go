package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

const (
	// port is that of the server inside a sandbox, which has a network of its own.
	port = 5432
	// operator is the superuser Lifeboat works as. It is not "postgres", because a
	// dump may take that role's rights away or give it settings: dumps of managed
	// services do.
	operator = "lifeboat_operator"
	// connectTimeout bounds one connection; a server that takes longer is not well.
	connectTimeout = 30 * time.Second
)

var errConnectTimeout = errors.New("server in the sandbox took too long to accept a connection")

// server is where to reach a server inside a sandbox.
type server struct {
	box      sandbox.Sandbox
	endpoint sandbox.Endpoint
	major    int
}

// endpointIn is where a server started by boot listens.
func endpointIn(box sandbox.Sandbox) sandbox.Endpoint {
	return sandbox.Endpoint{Port: port, Socket: path.Join(box.Dir(), fmt.Sprintf(".s.PGSQL.%d", port))}
}

// connect opens a session as user. Settings that a dump attached to its databases or
// roles do not apply to it where they could change an answer or end the session.
func (s server) connect(ctx context.Context, database, user string) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errConnectTimeout)
	defer cancel()
	cfg, err := pgconn.ParseConfig("host=127.0.0.1 port=5432 user=x database=x sslmode=disable target_session_attrs=any")
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", database, err)
	}
	cfg.User, cfg.Database, cfg.Password = user, database, ""
	cfg.Fallbacks, cfg.ValidateConnect = nil, nil
	cfg.RuntimeParams = s.sessionSettings()
	cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return s.box.Dial(ctx, s.endpoint) }
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, s.accident(ctx, "connect to "+database, err)
	}
	return &session{server: s, conn: conn, database: database}, nil
}

// sessionSettings are given at connection start, which outranks what ALTER ROLE and
// ALTER DATABASE ... SET left behind.
func (s server) sessionSettings() map[string]string {
	p := map[string]string{
		"application_name":                    "lifeboat",
		"client_encoding":                     "UTF8",
		"search_path":                         "pg_catalog",
		"session_preload_libraries":           "",
		"local_preload_libraries":             "",
		"role":                                "none",
		"row_security":                        "off",
		"statement_timeout":                   "0",
		"lock_timeout":                        "0",
		"idle_in_transaction_session_timeout": "0",
		"default_transaction_isolation":       "read committed",
		"default_transaction_deferrable":      "off",
		"DateStyle":                           "ISO, YMD",
		"TimeZone":                            "UTC",
		"IntervalStyle":                       "postgres",
		"bytea_output":                        "hex",
		"standard_conforming_strings":         "on",
		"extra_float_digits":                  "0",
		"lc_messages":                         "C",
		"client_min_messages":                 "error",
		"ignore_system_indexes":               "off",
		"zero_damaged_pages":                  "off",
		"session_replication_role":            "origin",
		"default_tablespace":                  "",
		"temp_tablespaces":                    "",
	}
	if s.major >= 12 {
		p["extra_float_digits"] = "1" // the default since then
	}
	if s.major >= 17 {
		p["event_triggers"] = "off"
		p["transaction_timeout"] = "0"
	}
	if s.major >= 14 {
		p["idle_session_timeout"] = "0"
	}
	return p
}

// accident explains an error of a connection that says nothing about the backup: the
// sandbox's own reason when it stopped, else why ctx ended, else that the server is gone
// if it is, else err.
func (s *server) accident(ctx context.Context, what string, err error) error {
	if serverGone(err) {
		err = engine.ErrServerGone // the driver's words take several lines
	}
	return s.mishap(ctx, what, err)
}

// mishap does the same for an error of a command.
//
// The receiver is a pointer because Boot and Receive run at once: a copy would read
// the version that Boot is about to write.
func (s *server) mishap(ctx context.Context, what string, err error) error {
	if stopped := s.box.Err(); stopped != nil {
		return fmt.Errorf("%s: %w", what, stopped)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %w", what, withoutData(err))
}

// serverGone reports whether err is that of a connection whose other end is gone.
func serverGone(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// It stops, crashed or starts again, although it was up.
		return pe.Code == "57P01" || pe.Code == "57P02" || pe.Code == "57P03"
	}
	var refused *pgconn.ConnectError
	return errors.As(err, &refused) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// withoutData keeps of an error the server sent only what holds no row contents.
func withoutData(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return err
	}
	return fmt.Errorf("%s: %s (SQLSTATE %s)", pe.Severity, refusal(pe), pe.Code)
}

// session is one connection. It is used by one goroutine at a time.
type session struct {
	server   server
	conn     *pgconn.PgConn
	database string
}

// run sends SQL, which may be several statements, and returns the rows of each.
// The error of a statement is a *pgconn.PgError.
func (s *session) run(ctx context.Context, sql string) ([]*pgconn.Result, error) {
	return s.conn.Exec(ctx, sql).ReadAll()
}

// rows returns the rows of the last statement in sql. A nil column is NULL.
func (s *session) rows(ctx context.Context, sql string) ([][][]byte, error) {
	results, err := s.run(ctx, sql)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// close ends the session; the server notices by itself when it cannot be told.
func (s *session) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 5*time.Second, errConnectTimeout)
	defer cancel()
	return s.conn.Close(ctx)
}
