package pgserver

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// goneTimeout bounds the wait for what a killed test binary left.
const goneTimeout = 30 * time.Second

// abandoned makes this test binary the one that is killed.
const abandoned = "PGSERVER_TEST_ABANDONED"

func query(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), queryTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var text string
	if err = conn.QueryRow(ctx, sql).Scan(&text); errors.Is(err, pgx.ErrNoRows) { // a statement
		err = nil
	}
	return text, err
}

func TestEveryDatabaseIsItsOwn(t *testing.T) {
	s := Start(t)
	one, two := s.DSN(t), s.DSN(t)
	if _, err := query(t, one, "CREATE TABLE t AS SELECT 'x' AS a"); err != nil {
		t.Fatal(err)
	}
	if got, err := query(t, one, "SELECT a FROM t"); err != nil || got != "x" {
		t.Errorf("the first database answers %q, %v; want x", got, err)
	}
	if _, err := query(t, two, "SELECT a FROM t"); err == nil {
		t.Error("the second database has the table of the first")
	}
	if Start(t) != s {
		t.Error("the second who asks gets another server")
	}
}

func TestAServerThatWasTakenAwayComesBackWithItsData(t *testing.T) {
	s := Start(t)
	dsn := s.DSN(t)
	const name = "SELECT current_database()::text"
	before, err := query(t, dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	if _, err := query(t, dsn, name); err == nil {
		t.Error("a stopped server answers")
	}
	s.Restart(t)
	if after, err := query(t, dsn, name); err != nil || after != before {
		t.Errorf("after the restart it answers %q, %v; want %q", after, err, before)
	}
}

func TestNothingIsLeftOfAKilledTestBinary(t *testing.T) {
	if os.Getenv(abandoned) != "" {
		os.Stdout.WriteString(Start(t).dir + "\n")
		select {} // until the kill
	}
	Start(t) // so that a machine without PostgreSQL says so here
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), abandoned+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := bufio.NewScanner(out)
	line.Scan()
	dir := line.Text()
	pid, errPID := os.ReadFile(dir + "/data/postmaster.pid")
	cmd.Process.Kill()
	cmd.Wait() // an error by design: it was killed
	if errPID != nil || len(pid) == 0 {
		t.Fatalf("no server ran in %q: %v", dir, errPID)
	}
	deadline := time.After(goneTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is still there", dir)
		}
	}
}
