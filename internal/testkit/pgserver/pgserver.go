// Package pgserver runs a real PostgreSQL server for tests: one for each test binary, in
// a temporary folder, gone when the binary ends, however it ends. It is never a server
// that was there before.
package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lifeboat/internal/testkit"
)

// User is the superuser of every server.
const User = "tester"

const (
	commandTimeout = time.Minute      // for initdb, and for a start or a stop
	queryTimeout   = 30 * time.Second // for making or dropping a database
)

// settings make the server fast; nothing in it has to survive a crash of the machine. What
// was committed survives one of the server, which tests rely on.
const settings = `
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = '64MB'
fsync = off
full_page_writes = off
`

// keeper stops the server and removes its folder once its standard input ends, which the
// kernel sees to when the test binary is gone. $1 is pg_ctl, $2 the folder.
const keeper = `trap '' INT TERM HUP; read -r _; "$1" -D "$2/data" -m immediate stop >/dev/null 2>&1; rm -rf "$2"`

// Server is a running PostgreSQL server.
type Server struct {
	Host     string // 127.0.0.1:port
	Socket   string // folder of its unix socket
	Password string // of User; over both, so that a leak of it can be looked for

	programs string
	dir      string
	stdin    *os.File // of the keeper; held open as long as this process lives
}

// shared is the server of this test binary.
var shared struct {
	sync.Mutex
	server *Server
}

// Start returns the server of this test binary, and starts it for the first who asks.
// Without PostgreSQL's programs the test fails, see testkit.Need.
func Start(t testing.TB) *Server {
	t.Helper()
	programs, err := newest()
	testkit.Need(t, "a PostgreSQL server (package postgresql-15)", err == nil)
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		return shared.server
	}
	for range 3 { // another process may take the port between our look and its use
		if shared.server, err = start(programs); err == nil {
			return shared.server
		}
	}
	t.Fatalf("start PostgreSQL: %v", err)
	return nil
}

// newest is the folder with the programs of the newest PostgreSQL server.
func newest() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("no server"), err)
	}
	version := func(path string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(filepath.Dir(path))), 64)
		return v
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return int(10*version(a)) - int(10*version(b)) })), nil
}

func start(programs string) (*Server, error) {
	dir, err := os.MkdirTemp("/tmp", "lifeboat-pg-") // a path short enough for a socket
	if err != nil {
		return nil, err
	}
	s := &Server{Socket: dir, Password: random(16), programs: programs, dir: dir}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.keep(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.pgCtl("start", "-l", filepath.Join(dir, "log"), "-w"); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.stdin.Close() // the keeper removes the folder
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	return s, nil
}

// prepare makes the cluster. It sorts as most servers out there do and not by bytes: who
// relies on an order has to ask for it.
func (s *Server) prepare() error {
	if err := giveAway(s.dir); err != nil {
		return err
	}
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.Password), 0o600); err != nil {
		return err
	}
	if err := giveAway(password); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	err := s.run("initdb", "--pgdata="+data, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu",
		"--icu-locale=en-US", "--auth=scram-sha-256", "--username="+User, "--pwfile="+password)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Host = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(s.Host)
	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(conf, "%sport = %s\nunix_socket_directories = '%s'\n", settings, port, s.Socket)
	return errors.Join(err, conf.Close())
}

// keep starts the keeper. It is not waited for: it outlives this process by design.
func (s *Server) keep() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", filepath.Join(s.programs, "pg_ctl"), s.dir)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = "/", read, unprivileged()
	err = cmd.Start()
	read.Close()
	if err != nil {
		write.Close()
		return err
	}
	s.stdin = write
	return cmd.Process.Release()
}

func (s *Server) pgCtl(args ...string) error {
	return s.run("pg_ctl", append([]string{"-D", filepath.Join(s.dir, "data"), "-s"}, args...)...)
}

// run runs one of the server's programs, as a user that it accepts.
func (s *Server) run(program string, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), commandTimeout, errors.New(program+" took too long"))
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, program), args...)
	var output bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = "/", &output, &output, unprivileged()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, errors.Join(err, context.Cause(ctx)), output.String())
	}
	return nil
}

// DSN makes a database of its own for the test and returns its postgres:// address. It is
// dropped with the test, whoever is still connected.
func (s *Server) DSN(t testing.TB) string {
	t.Helper()
	name := "test_" + random(6)
	if err := s.admin("CREATE DATABASE " + name); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.address(name)
}

func (s *Server) address(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(User, s.Password), Host: s.Host, Path: database, RawQuery: "sslmode=disable"}
	return u.String()
}

// admin runs one statement outside all databases of tests.
func (s *Server) admin(statement string) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), queryTimeout, errors.New("the server took too long"))
	defer cancel()
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// Stop takes the server away as a power cut does, from all tests of this binary: a test
// that calls it is not a parallel one. It is back when the test is over.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.pgCtl("stop", "-m", "immediate"); err != nil {
		t.Fatalf("stop PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if s.pgCtl("status") != nil {
			s.Restart(t)
		}
	})
}

// Restart brings a server back that was stopped, at its address and with its data; one
// that runs is stopped first.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.pgCtl("restart", "-m", "immediate", "-l", filepath.Join(s.dir, "log"), "-w"); err != nil {
		t.Fatalf("restart PostgreSQL: %v", err)
	}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
