package sandboxtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lifeboat/sandbox"
)

const port = 5432

// bootPostgres starts a server inside, listening as the sandbox allows.
func bootPostgres(t *testing.T, f Fixture, box sandbox.Sandbox) sandbox.Endpoint {
	t.Helper()
	listen := "''"
	if box.Describe().Loopback {
		listen = "127.0.0.1"
	}
	out, code := shell(t, box, `PATH="$1:$PATH"; cd "$2" &&
		initdb -D data -A trust -U postgres -N --no-instructions >initdb.log 2>&1 &&
		pg_ctl -D data -l server.log -w -o "-k '$2' -c listen_addresses=$3 -F" start >start.log 2>&1 ||
		{ cat initdb.log start.log server.log; exit 1; }`, f.Postgres, box.Dir(), listen)
	if code != 0 {
		t.Fatalf("start server: %s", out)
	}
	return sandbox.Endpoint{Port: port, Socket: fmt.Sprintf("%s/.s.PGSQL.%d", box.Dir(), port)}
}

// connect opens a database connection through the sandbox.
func connect(t testing.TB, box sandbox.Sandbox, e sandbox.Endpoint) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("host=127.0.0.1 user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return box.Dial(ctx, e) }
	db, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func testDial(t *testing.T, f Fixture) {
	box := start(t, f, nil)
	t.Run("nobody listens", func(t *testing.T) {
		c, err := box.Dial(t.Context(), sandbox.Endpoint{Port: port, Socket: box.Dir() + "/none"})
		if err == nil {
			c.Close()
			t.Error("Dial reached a server that is not there")
		}
	})
	e := bootPostgres(t, f, box)
	watcher := connect(t, box, e)
	defer watcher.Close(context.WithoutCancel(t.Context()))

	t.Run("megabytes pass unchanged both ways", func(t *testing.T) {
		db := connect(t, box, e)
		defer db.Close(t.Context())
		text := strings.Repeat("0123456789abcdef", 1<<20)
		var hash, back []byte
		err := db.QueryRow(t.Context(), "select sha256($1::text::bytea), repeat($2, 1048576)::bytea", text, "0123456789abcdef").
			Scan(&hash, &back)
		if err != nil {
			t.Fatal(err)
		}
		want := sha256.Sum256([]byte(text))
		if string(hash) != string(want[:]) || string(back) != text {
			t.Error("what was sent or received differs")
		}
	})
	t.Run("closing it frees the server's side", func(t *testing.T) {
		db := connect(t, box, e)
		pid := db.PgConn().PID()
		db.PgConn().Conn().Close() // without a word of farewell
		gone(t, watcher, pid)
	})
	t.Run("the server's end is the end of the stream", func(t *testing.T) {
		db := connect(t, box, e)
		raw := db.PgConn().Conn()
		if _, err := watcher.Exec(t.Context(), "select pg_terminate_backend($1)", db.PgConn().PID()); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, raw); err != nil {
			t.Errorf("got %v, want a clean end", err)
		}
		raw.Close()
	})
	t.Run("a deadline interrupts a read, and the connection goes on", func(t *testing.T) { dialDeadline(t, box, e) })
	t.Run("a query can be cancelled", func(t *testing.T) {
		db := connect(t, box, e)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := db.Exec(ctx, "select pg_sleep(600)"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's end", err)
		}
		db.Close(context.WithoutCancel(t.Context()))
	})
	t.Run("many at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				db := connect(t, box, e)
				defer db.Close(context.WithoutCancel(t.Context()))
				var got int
				if err := db.QueryRow(t.Context(), "select $1::int + count(*) from generate_series(1, 10000)", i).Scan(&got); err != nil || got != i+10000 {
					t.Errorf("connection %d: %d, %v", i, got, err)
				}
			})
		}
		all.Wait()
	})
}

func dialDeadline(t *testing.T, box sandbox.Sandbox, e sandbox.Endpoint) {
	c, err := box.Dial(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	sslRequest := []byte{0, 0, 0, 8, 4, 210, 22, 47}
	if _, err := c.Write(sslRequest); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(c, answer); err != nil || answer[0] != 'N' && answer[0] != 'S' {
		t.Errorf("server answered %q, %v", answer, err)
	}
}

// gone waits until the server has ended a backend.
func gone(t *testing.T, db *pgx.Conn, pid uint32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	eventually(ctx, t, func() (bool, string) {
		var n int
		if err := db.QueryRow(ctx, "select count(*) from pg_stat_activity where pid = $1", pid).Scan(&n); err != nil {
			return false, err.Error()
		}
		return n == 0, "the server still serves a connection that was closed"
	})
}
