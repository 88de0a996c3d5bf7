package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
)

// queryGrace is how much longer than the server's own limit a query is waited for.
const queryGrace = 5 * time.Second

var errQueryTimeout = errors.New("query did not end at its time limit")

// canceled is the SQLSTATE of a statement that ran into statement_timeout.
const canceled = "57014"

// Query implements engine.Database. It runs in the dump's only database, or in the
// database postgres of a whole server, where unqualified names mean the schema public.
func (d *database) Query(ctx context.Context, sql string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit+queryGrace, errQueryTimeout)
	defer cancel()
	var answer string
	p := d.home()
	err := d.with(ctx, p, func(s *session) (err error) {
		answer, err = s.ask(ctx, sql, limit)
		return err
	})
	return answer, err
}

// home is the part that queries are asked in.
func (d *database) home() *part {
	for _, p := range d.parts {
		if p.name == "postgres" {
			return p
		}
	}
	return d.parts[0]
}

// ask runs one statement of a user. The extended protocol takes one statement only, so
// that it cannot end the read-only transaction it runs in.
func (s *session) ask(ctx context.Context, sql string, limit time.Duration) (string, error) {
	setup := fmt.Sprintf(`SET LOCAL search_path = "$user", public; SET LOCAL statement_timeout = %d`, max(1, limit.Milliseconds()))
	if _, err := s.run(ctx, setup); err != nil {
		return "", s.server.accident(ctx, "prepare query", err)
	}
	rr := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil)
	var answer string
	first := true
	for rr.NextRow() {
		if values := rr.Values(); first && len(values) > 0 {
			answer = string(values[0])
		}
		first = false
	}
	_, err := rr.Close()
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return answer, nil
	case errors.As(err, &refused) && s.server.box.Err() == nil:
		return "", &engine.QueryError{Message: refusal(refused), Timeout: refused.Code == canceled}
	case errors.Is(context.Cause(ctx), errQueryTimeout):
		return "", &engine.QueryError{Message: "canceling statement due to statement timeout", Timeout: true}
	}
	return "", s.server.accident(ctx, "query", err)
}

// ownWords are the classes of SQLSTATE whose messages quote names and not rows: syntax
// and access rules, insufficient resources, operator intervention.
var ownWords = []string{"42", "53", "57", "25", "3D", "3F"}

// refusal is what the server said about a statement, as far as no row can be in it.
func refusal(e *pgconn.PgError) string {
	switch {
	case raiseContext.MatchString("CONTEXT:  " + e.Where):
		return "an exception raised by a function"
	case len(e.Code) == 5 && slices.Contains(ownWords, e.Code[:2]):
		return e.Message
	}
	return readable(e.Message)
}
