package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// child is lifeboat in a process of its own.
type child struct {
	*exec.Cmd
	stderr *bufio.Scanner
	stdout *strings.Builder
	seen   []string
	over   <-chan struct{} // closed when another reads stderr and has read it all
}

// childTimeout bounds every wait for a child.
const childTimeout = 2 * time.Minute

// start starts lifeboat as a process of its own.
func start(t testing.TB, env []string, args ...string) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), childTimeout)
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, os.Args[0], args...), stdout: &strings.Builder{}}
	c.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	c.Stdout = c.stdout
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stderr = bufio.NewScanner(pipe)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// until reads what the child says until a line contains text.
func (c *child) until(t testing.TB, text string) {
	t.Helper()
	for c.stderr.Scan() {
		c.seen = append(c.seen, c.stderr.Text())
		if strings.Contains(c.stderr.Text(), text) {
			return
		}
	}
	t.Fatalf("the child ended before it said %q:\n%s", text, strings.Join(c.seen, "\n"))
}

// end reads the rest and returns the exit code; -1 for a signal.
func (c *child) end(t testing.TB) int {
	t.Helper()
	if c.over != nil {
		<-c.over
	} else {
		for c.stderr.Scan() {
			c.seen = append(c.seen, c.stderr.Text())
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode()
}

// record opens the history beside a configuration.
func record(t testing.TB, config string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(filepath.Dir(config), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// left lists containers and volumes of the installation that config belongs to.
func left(t testing.TB, config string) string {
	t.Helper()
	id, err := record(t, config).Installation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	filter := "label=lifeboat.installation=" + id
	return string(tool(t, nil, "docker", "ps", "-aq", "--filter", filter)) +
		string(tool(t, nil, "docker", "volume", "ls", "-q", "--filter", filter))
}

// slowDump takes a while to restore: it sleeps at the end of every phase that runs it.
func slowDump(t testing.TB, seconds string) []byte {
	t.Helper()
	db := pgdumps.Start(t, 15).Load(t, brokenSchema)
	return append(beforeEnd(db.DumpFile(t, "-Fp")), []byte("SELECT pg_catalog.pg_sleep("+seconds+");\n\n"+plainEnd)...)
}

// TestADrillKilledInAnyPhaseIsInterruptedAndLeavesNothing kills lifeboat the hard way
// once each phase has ended, and starts it again.
func TestADrillKilledInAnyPhaseIsInterruptedAndLeavesNothing(t *testing.T) {
	needDocker(t, 15)
	dir := backups{"db.sql": slowDump(t, "3")}.write(t)
	for _, phase := range []string{
		"looking for the newest backup", "reading its head", "starting the sandbox", "starting the server", "fetching", "restoring",
	} {
		t.Run("after "+phase, func(t *testing.T) {
			t.Parallel()
			config := writeConfig(t, dir, "match: db.sql\nsandbox: {timeout: 5m}\n")
			c := start(t, nil, "drill", "--config", config)
			c.until(t, phase)
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			c.end(t)
			code, _, stderr := lifeboat(t, "status", "--config", config)
			if code != exitErrored {
				t.Errorf("status after the kill: exit %d, want %d\n%s", code, exitErrored, stderr)
			}
			entries, err := record(t, config).List(t.Context(), history.Filter{Target: "t", Limit: 10})
			if err != nil || len(entries) != 1 || entries[0].State != history.Interrupted || entries[0].Verdict.Good() {
				t.Errorf("record = %+v, %v; want one interrupted drill", entries, err)
			}
			if found := left(t, config); found != "" {
				t.Errorf("left behind: %s", found)
			}
		})
	}
}

// TestInterruptedDrillsCleanUpBeforeTheyEnd sends what Ctrl-C sends.
func TestInterruptedDrillsCleanUpBeforeTheyEnd(t *testing.T) {
	needDocker(t, 15)
	config := writeConfig(t, backups{"db.sql": slowDump(t, "100")}.write(t), "match: db.sql\n")
	c := start(t, nil, "drill", "--json", "--config", config, "--log-level", "error")
	waitForSandbox(t, config)
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t); code != exitInterrupted {
		t.Errorf("exit %d, want %d\n%s", code, exitInterrupted, strings.Join(c.seen, "\n"))
	}
	if !strings.Contains(c.stdout.String(), `"code":"interrupted"`) {
		t.Errorf("no report of the interrupted drill: %s", c.stdout)
	}
	if found := left(t, config); found != "" {
		t.Errorf("left behind: %s", found)
	}
}

// waitForSandbox waits until the drill over config has a container.
func waitForSandbox(t testing.TB, config string) {
	t.Helper()
	deadline := time.Now().Add(childTimeout)
	for time.Now().Before(deadline) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(config), "lifeboat.db")); err == nil && left(t, config) != "" {
			return
		}
		time.Sleep(50 * time.Millisecond) // there is nothing to be told by
	}
	t.Fatal("no sandbox came up")
}

// TestASecondDrillOfATargetIsRefused names the first one.
func TestASecondDrillOfATargetIsRefused(t *testing.T) {
	needDocker(t, 15)
	config := writeConfig(t, backups{"db.sql": slowDump(t, "100")}.write(t), "match: db.sql\n")
	c := start(t, nil, "drill", "--config", config)
	c.until(t, "starting the sandbox")
	entries, err := record(t, config).List(t.Context(), history.Filter{Target: "t", Limit: 1})
	if err != nil || len(entries) != 1 {
		t.Fatalf("record = %v, %v", entries, err)
	}
	code, stdout, stderr := lifeboat(t, "drill", "--json", "--config", config)
	if code != exitErrored || !strings.Contains(stderr, entries[0].ID) || stdout != "" {
		t.Errorf("exit %d, stderr %q, stdout %q; want %d and the id %s", code, stderr, stdout, exitErrored, entries[0].ID)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t); code != exitInterrupted {
		t.Errorf("first drill: exit %d, want %d", code, exitInterrupted)
	}
}

// TestDockerGoneInMidDrillIsErroredAndSweptLater cuts the connection to the daemon
// while a restore runs.
func TestDockerGoneInMidDrillIsErroredAndSweptLater(t *testing.T) {
	needDocker(t, 15)
	config := writeConfig(t, backups{"db.sql": slowDump(t, "100")}.write(t), "match: db.sql\nsandbox: {timeout: 5m}\n")
	wire := newWire(t)
	c := start(t, []string{"DOCKER_HOST=unix://" + wire.path}, "drill", "--json", "--config", config, "--log-level", "error")
	waitForSandbox(t, config)
	wire.cut()
	if code := c.end(t); code != exitErrored {
		t.Errorf("exit %d, want %d: %s\n%s", code, exitErrored, c.stdout, strings.Join(c.seen, "\n"))
	}
	if !strings.Contains(c.stdout.String(), `"verdict":"errored"`) {
		t.Errorf("report = %s, want errored", c.stdout)
	}
	if code, _, stderr := lifeboat(t, "status", "--config", config); code != exitErrored {
		t.Errorf("status: exit %d\n%s", code, stderr)
	}
	if found := left(t, config); found != "" {
		t.Errorf("left behind after the next start: %s", found)
	}
}

// wire is a way to the Docker daemon that can be cut.
type wire struct {
	path     string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	gone     bool
}

func newWire(t testing.TB) *wire {
	t.Helper()
	dir, err := os.MkdirTemp("", "wire") // the name of a unix socket must be short
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{path: filepath.Join(dir, "docker.sock")}
	if w.listener, err = net.Listen("unix", w.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.cut()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	go func() {
		for {
			near, err := w.listener.Accept()
			if err != nil {
				return
			}
			go w.join(near)
		}
	}()
	return w
}

func (w *wire) join(near net.Conn) {
	far, err := net.Dial("unix", "/var/run/docker.sock")
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, near, far)
	gone := w.gone
	w.mu.Unlock()
	if gone {
		w.cut()
		return
	}
	go pump(near, far)
	pump(far, near)
}

// pump copies one way and passes the end on.
func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.UnixConn); ok {
		_ = half.CloseWrite()
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	_ = w.listener.Close()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// TestLimitsStopADrillWithTheirName covers what grows or runs without end.
func TestLimitsStopADrillWithTheirName(t *testing.T) {
	needDocker(t, 15)
	db := pgdumps.Start(t, 15).Load(t, brokenSchema)
	plain := db.DumpFile(t, "-Fp")
	with := func(sql string) []byte { return append(beforeEnd(plain), []byte(sql+"\n\n"+plainEnd)...) }
	bomb := gzipped(t, make([]byte, 256<<20))
	tests := []struct {
		name, target string
		files        backups
		code, limit  string
	}{
		{"a restore that never ends", "sandbox: {timeout: 8s}\n", backups{"db.sql": with("SELECT pg_catalog.pg_sleep(3600);")}, verify.DrillTimeout, ""},
		{"a restore that fills the disk", "sandbox: {disk: 200MiB}\n",
			backups{"db.sql": with("CREATE TABLE public.big AS SELECT repeat('x', 2000) FROM generate_series(1, 10000000);")}, verify.OutOfRoom, "disk"},
		{"a restore that needs too much memory", "sandbox: {memory: 192MiB, disk: 5GiB}\n",
			backups{"db.sql": with("SET work_mem = '8GB'; SELECT count(*) FROM (SELECT array_agg(repeat(md5(n::text), 100)) FROM generate_series(1, 5000000) n) x;")}, verify.OutOfRoom, "memory"},
		{"a decompression bomb", "sandbox: {disk: 100MiB}\n", backups{"db.sql": gzipped(t, bomb)}, verify.NotABackup, ""},
		{"a bomb that looks like a dump", "sandbox: {disk: 100MiB}\n",
			backups{"db.sql": gzipped(t, append(beforeEnd(plain), make([]byte, 256<<20)...))}, verify.OutOfRoom, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := writeConfig(t, tt.files.write(t), "match: db.sql\n"+tt.target)
			code, rep := drill(t, config)
			if code == exitGood || rep.Verdict.Good() {
				t.Errorf("exit %d, verdict %s", code, rep.Verdict)
			}
			found := false
			for _, r := range rep.Results {
				found = found || r.Code == tt.code && (tt.limit == "" || r.Subject == tt.limit)
			}
			if !found {
				t.Errorf("verdict %s, error %q, want %s %s; findings:\n%s", rep.Verdict, rep.Error, tt.code, tt.limit, findings(rep))
			}
			if found := left(t, config); found != "" {
				t.Errorf("left behind: %s", found)
			}
		})
	}
}
