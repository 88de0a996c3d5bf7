//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

func startBox(t *testing.T, change func(*sandbox.Spec)) *box {
	t.Helper()
	s := spec()
	if change != nil {
		change(&s)
	}
	started, err := runner(t).Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return started.(*box)
}

// inside runs a script in the sandbox and returns all it printed.
func inside(t *testing.T, b *box, script string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code, err := b.Exec(t.Context(), sandbox.Cmd{
		Args: append([]string{"sh", "-c", "exec 2>&1; " + script, "sh"}, args...), Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String()), code
}

// A dump is restored by a superuser of the database, who may run any program.
func TestHostileDumpReachesNothing(t *testing.T) {
	b := startBox(t, nil)
	out, code := inside(t, b, `initdb -D data -A trust -U postgres -N >log 2>&1 &&
		pg_ctl -D data -l server.log -w -o "-k /sandbox -c listen_addresses='' -F" start >>log 2>&1 || cat log server.log`)
	if out != "" || code != 0 {
		t.Fatalf("start server: %s", out)
	}
	cfg, err := pgx.ParseConfig("host=127.0.0.1 user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return b.Dial(ctx, sandbox.Endpoint{Socket: "/sandbox/.s.PGSQL.5432"})
	}
	db, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))

	secret := filepath.Join(t.TempDir(), "lifeboat.yaml")
	if err := os.WriteFile(secret, []byte("a secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	victim := exec.Command("sleep", "600")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = victim.Process.Kill(); _ = victim.Wait() }()

	if got := program(t, db, "id -un"); got != "postgres" {
		t.Fatalf("programs run as %q; the attempts below would prove nothing", got)
	}
	for name, attempt := range map[string]string{
		"read a configuration":       "cat " + secret,
		"read passwords":             "cat /etc/shadow",
		"list homes":                 "ls /root /home",
		"write a program":            "echo x >/usr/bin/lifeboat-was-here",
		"mount":                      "mount -t tmpfs x /tmp",
		"become root":                "setpriv --reuid=0 true",
		"become root of a space":     "setpriv --no-new-privs unshare --user --map-root-user mount -t tmpfs x /usr",
		"signal a process":           "kill -0 " + strconv.Itoa(victim.Process.Pid),
		"see a process":              "cat /proc/" + strconv.Itoa(victim.Process.Pid) + "/cmdline | grep sleep",
		"reach out":                  "timeout 3 bash -c 'echo >/dev/tcp/192.0.2.1/80'",
		"ask a name server":          "getent hosts example.com",
		"use Docker":                 "ls /var/run/docker.sock /run/docker.sock",
		"change the kernel":          "echo x >/proc/sys/kernel/core_pattern",
		"raise its own limits":       "prlimit --fsize=unlimited --nproc=unlimited true",
		"read the first process":     "cat /proc/1/environ | grep -a PATH",
		"leave through a descriptor": "ls /proc/self/fd/3/..",
	} {
		if got := program(t, db, attempt+" && echo done"); strings.Contains(got, "done") {
			t.Errorf("it could %s: %q", name, got)
		}
	}
	if _, err := db.Exec(t.Context(), "select pg_read_file($1)", secret); err == nil {
		t.Error("the server read a file of this machine")
	}
	if _, err := os.Stat("/usr/bin/lifeboat-was-here"); err == nil {
		t.Error("a program of this machine was written")
	}
}

// program runs a command line the way a hostile dump does and returns what it printed.
func program(t *testing.T, db *pgx.Conn, line string) string {
	t.Helper()
	quoted := "'" + strings.ReplaceAll(line+" 2>&1 || true", "'", "''") + "'"
	sql := "drop table if exists loot; create table loot (line text); copy loot from program " + quoted + " with (format csv, delimiter e'\\x01')"
	if _, err := db.Exec(t.Context(), sql); err != nil {
		return err.Error()
	}
	var out string
	if err := db.QueryRow(t.Context(), "select coalesce(string_agg(line, e'\\n'), '') from loot").Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A dump could put a link where its server's socket is expected.
func TestDialFollowsNoLinkOutOfTheSandbox(t *testing.T) {
	b := startBox(t, nil)
	outside := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(outside, "private"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if out, code := inside(t, b, `ln -s "$1/private" link && ln -s "$1" folder && ln "$1/private" hard 2>/dev/null; : >file`, outside); code != 0 {
		t.Fatal(out)
	}
	for _, socket := range []string{
		"/sandbox/link", "/sandbox/folder/private", "/sandbox/hard", "/sandbox/file", "/sandbox/../" + outside + "/private",
		filepath.Join(outside, "private"), "/tmp/../sandbox/link", "",
	} {
		if c, err := b.Dial(t.Context(), sandbox.Endpoint{Socket: socket}); err == nil {
			t.Errorf("Dial(%q) reached something", socket)
			_ = c.Close()
		}
	}
}

func TestFirstProcessOrKeeperKilledMeansGone(t *testing.T) {
	for name, victim := range map[string]func(*box) int{
		"first process": func(b *box) int { return b.guard.pid },
		"keeper":        func(b *box) int { return b.guard.keeper.Process.Pid },
	} {
		b := startBox(t, nil)
		if err := syscall.Kill(victim(b), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-b.Stopped()
		if !errors.Is(b.Err(), sandbox.ErrGone) {
			t.Errorf("%s: Err = %v, want ErrGone", name, b.Err())
		}
		if _, err := b.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}}); !errors.Is(err, sandbox.ErrGone) {
			t.Errorf("%s: Exec = %v, want ErrGone", name, err)
		}
	}
}

// The number in a record may long belong to somebody else.
func TestSweepSparesAProcessThatGotTheNumber(t *testing.T) {
	r := runner(t)
	stranger := exec.Command("sleep", "600")
	stranger.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	parent, err := workdir.Parent(config().Dir)
	if err != nil {
		t.Fatal(err)
	}
	s := spec()
	d, err := workdir.Make(parent, workdir.Label{Runner: name, Owner: s.Owner, Deadline: s.Deadline})
	if err != nil {
		t.Fatal(err)
	}
	now, err := identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	record := `{"keeper":` + strconv.Itoa(now.Keeper) + `,"start":"1","boot":"` + now.Boot + `"}`
	if err := os.WriteFile(filepath.Join(d.Path, runningFile), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	q := sandbox.SweepQuery{Installation: s.Owner.Installation, Now: time.Now(), Alive: func(string) bool { return false }}
	swept, err := r.Sweep(t.Context(), q)
	if err != nil || len(swept) != 1 {
		t.Errorf("swept %q, %v", swept, err)
	}
	if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(stranger.Process.Pid, &status, syscall.WNOHANG, nil); err != nil || pid != 0 {
		t.Error("a stranger was killed")
	}
}

// userEnv marks the run of this test binary as an ordinary user.
const userEnv = "LIFEBOAT_TEST_ORDINARY_USER"

// Without root the kernel's user namespaces must do, and hold just as well.
func TestOrdinaryUserIsIsolatedAsWell(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv(userEnv) != "" {
		return // all the other tests run as an ordinary user then
	}
	runner(t)
	const nobody = 65534
	dir, err := os.MkdirTemp("", "lifeboat-test-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary := filepath.Join(dir, "test")
	if err := copyFile(binary, "/proc/self/exe"); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o755, binary: 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(binary, "-test.v", "-test.run", "^TestProcess.*$/^(exec|isolation|limits|close|sweep)$|^TestHostile|^TestDial|^TestFirst")
	child.Dir = home
	child.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, userEnv + "=1"}
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := child.CombinedOutput()
	testkit.Need(t, "user namespaces for ordinary users", !bytes.Contains(out, []byte("the kernel refuses namespaces")))
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestHostileDumpReachesNothing")) {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	if list, err := os.ReadDir(home); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// copyFile copies this test binary to where an ordinary user can start it.
func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}
