// Package pgdumps makes real dumps for tests: it starts a PostgreSQL server of a given
// version in a container, loads a schema and runs pg_dump on it. A package that uses it
// calls Main from its TestMain, which removes the containers. Should that not happen,
// they end and remove themselves when their deadline has passed.
package pgdumps

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lifeboat/internal/testkit"
)

// deadline in seconds after which a forgotten container is gone.
const deadline = "3600"

// boot prepares and starts a server and returns when it answers. Durability is off: it
// is thrown away.
const boot = `set -e
initdb -D /tmp/data -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/tmp/initdb.log 2>&1
pg_ctl -D /tmp/data -l /tmp/server.log -w -o "-c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off -c max_locks_per_transaction=4096" start >/dev/null`

// Server is one running server of one major version.
type Server struct {
	Major     int
	container string
	err       error
	once      sync.Once
}

var (
	mu        sync.Mutex
	servers   = make(map[int]*Server)
	databases int
)

// Main runs the tests of a package, removes the containers they needed and returns the
// exit code.
func Main(m *testing.M) int {
	defer func() {
		for _, s := range servers {
			// Without its first process the container ends and removes itself.
			_ = exec.Command("docker", "rm", "-f", "-v", s.container).Run()
		}
	}()
	return m.Run()
}

// Start returns the server of a major version, started at the first call. It has no
// network.
func Start(t testing.TB, major int) *Server {
	t.Helper()
	image := fmt.Sprintf("postgres:%d", major)
	testkit.Need(t, "docker image "+image, exec.Command("docker", "image", "inspect", image).Run() == nil)
	mu.Lock()
	s := servers[major]
	if s == nil {
		s = &Server{Major: major, container: fmt.Sprintf("lifeboat-dumps-%d-%d", major, os.Getpid())}
		servers[major] = s
	}
	mu.Unlock()
	s.once.Do(func() { s.err = s.start(image) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s
}

func (s *Server) start(image string) error {
	run := exec.Command("docker", "run", "-d", "--rm", "--name", s.container, "--network", "none",
		"--user", "postgres", "--entrypoint", "sleep", image, deadline)
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("start %s: %w: %s", image, err, out)
	}
	_, err := s.exec(context.Background(), nil, "sh", "-c", boot)
	return err
}

// exec runs a command in the container and returns what it writes.
func (s *Server) exec(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "docker",
		append([]string{"exec", "-i", "-e", "PGHOST=/tmp", "-e", "PGUSER=postgres", s.container}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// Exec runs a command in the container, feeding it stdin, and returns what it writes.
func (s *Server) Exec(t testing.TB, stdin io.Reader, args ...string) []byte {
	t.Helper()
	out, err := s.exec(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Root runs a command in the container as root.
func (s *Server) Root(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", append([]string{"exec", "--user", "root", s.container}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// DumpAll runs pg_dumpall.
func (s *Server) DumpAll(t testing.TB, flags ...string) []byte {
	t.Helper()
	return s.Exec(t, nil, append([]string{"pg_dumpall"}, flags...)...)
}

// List is what pg_restore says is in an archive.
func (s *Server) List(t testing.TB, dump []byte) string {
	t.Helper()
	return string(s.Exec(t, bytes.NewReader(dump), "pg_restore", "-l"))
}

// Database is a database of its own, dropped when the test ends.
type Database struct {
	*Server
	Name string
}

// unsubscribe drops the subscriptions of a database, with which it could not be
// dropped. Their publishers do not exist.
const unsubscribe = `
SELECT format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname), format('DROP SUBSCRIPTION %I', subname)
FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \gexec
`

// Load creates a database and runs sql in it.
func (s *Server) Load(t testing.TB, sql string) Database {
	t.Helper()
	mu.Lock()
	databases++
	db := Database{Server: s, Name: "dumps_" + strconv.Itoa(databases)}
	mu.Unlock()
	s.Exec(t, nil, "createdb", db.Name)
	t.Cleanup(func() {
		_, err := s.exec(context.Background(), strings.NewReader(unsubscribe), "psql", "-XAtq", "-d", db.Name)
		if err == nil {
			_, err = s.exec(context.Background(), nil, "dropdb", db.Name)
		}
		if err != nil {
			t.Error(err)
		}
	})
	s.Exec(t, strings.NewReader(sql), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", db.Name)
	return db
}

// Query returns what psql prints for one statement, columns parted by |.
func (db Database) Query(t testing.TB, sql string) string {
	t.Helper()
	return strings.TrimSpace(string(db.Exec(t, strings.NewReader(sql), "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", db.Name)))
}

// Dump runs pg_dump and returns what it writes to its standard output.
func (db Database) Dump(t testing.TB, flags ...string) []byte {
	t.Helper()
	return db.Exec(t, nil, append([]string{"pg_dump", "-d", db.Name}, flags...)...)
}

// DumpFile runs pg_dump into a file, where it can seek, and returns the content.
func (db Database) DumpFile(t testing.TB, flags ...string) []byte {
	t.Helper()
	const file = `f=$(mktemp); pg_dump -f "$f" "$@" && cat "$f" && rm "$f"`
	return db.Exec(t, nil, append([]string{"sh", "-c", file, "dump", "-d", db.Name}, flags...)...)
}

// DumpDir runs pg_dump in directory format and returns a folder with its files.
func (db Database) DumpDir(t testing.TB, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	r := tar.NewReader(bytes.NewReader(db.DumpDirTar(t, flags...)))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// DumpDirTar runs pg_dump in directory format and returns the folder, named orders, in
// a tar.
func (db Database) DumpDirTar(t testing.TB, flags ...string) []byte {
	t.Helper()
	const folder = `d=$(mktemp -d); pg_dump -Fd -f "$d/orders" "$@" && tar -C "$d" -cf - orders && rm -r "$d"`
	return db.Exec(t, nil, append([]string{"sh", "-c", folder, "dump", "-d", db.Name}, flags...)...)
}
