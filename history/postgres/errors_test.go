package postgres

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lifeboat/internal/testkit/pgserver"
)

// changed is dsn with another part.
func changed(t *testing.T, dsn string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func run(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDatabasesThatCannotBeUsedAreRefusedInWords(t *testing.T) {
	server := pgserver.Start(t)
	cases := []struct {
		name string
		dsn  func(t *testing.T) string
		want string
	}{
		{"no such database", func(t *testing.T) string {
			return changed(t, server.DSN(t), func(u *url.URL) { u.Path = "/nothing_here" })
		}, "create the database"},
		{"a wrong password", func(t *testing.T) string {
			return changed(t, server.DSN(t), func(u *url.URL) { u.User = url.UserPassword(pgserver.User, "hunter2-wrong") })
		}, "check user and password"},
		{"nobody listens", func(t *testing.T) string {
			return changed(t, server.DSN(t), func(u *url.URL) { u.Host = "127.0.0.1:1" })
		}, "check that the server runs"},
		{"a port that is none", func(t *testing.T) string {
			return changed(t, server.DSN(t), func(u *url.URL) { u.Host = "127.0.0.1"; u.RawQuery = "port=many" })
		}, "write it as postgres://"},
		{"a user that may not create tables", func(t *testing.T) string {
			dsn := server.DSN(t)
			run(t, dsn, `DROP ROLE IF EXISTS guest`, `CREATE ROLE guest LOGIN PASSWORD 'hunter2-guest'`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
			return changed(t, dsn, func(u *url.URL) { u.User = url.UserPassword("guest", "hunter2-guest") })
		}, "let Lifeboat's user create tables"},
		{"one that can only be read", func(t *testing.T) string {
			return changed(t, server.DSN(t), func(u *url.URL) { u.RawQuery = "default_transaction_read_only=on" })
		}, "give Lifeboat the address of the primary"},
		{"a newer Lifeboat's", func(t *testing.T) string {
			dsn := server.DSN(t)
			s, err := Open(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			run(t, dsn, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
			return dsn
		}, "form 999, this version knows up to 1); run that version"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dsn := c.dsn(t)
			s, err := Open(t.Context(), dsn)
			if err == nil {
				s.Close()
				t.Fatal("Open took it")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v\nwant %q", err, c.want)
			}
			for _, secret := range []string{server.Password, "hunter2"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("Open = %v, which holds a password", err)
				}
			}
		})
	}
}
