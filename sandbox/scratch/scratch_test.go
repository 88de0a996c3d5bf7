package scratch

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
	"lifeboat/sandbox/sandboxtest"
)

// parentEnv tells a test binary started again where its sandboxes lie.
const parentEnv = "LIFEBOAT_TEST_SCRATCH_DIR"

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) == "" {
		if err := os.Setenv(parentEnv, filepath.Join(os.TempDir(), "lifeboat-test-"+rand.Text())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	sandboxtest.Main(m, func(context.Context) (sandbox.Runner, error) { return New(Config{Dir: os.Getenv(parentEnv)}), nil })
}

func TestScratchKeepsTheContractOfARunner(t *testing.T) {
	parent := os.Getenv(parentEnv)
	t.Cleanup(func() {
		if err := os.Remove(parent); err != nil {
			t.Errorf("the parent is not empty: %v", err)
		}
	})
	left := func(_ context.Context, installation string) ([]string, error) {
		dirs, err := workdir.List(parent, name)
		var all []string
		for _, d := range dirs {
			if d.Label.Owner.Installation == installation {
				all = append(all, d.Path)
			}
		}
		return all, err
	}
	sandboxtest.Run(t, func(testing.TB) sandboxtest.Fixture {
		s := spec()
		s.Owner.Installation = "test-" + rand.Text()
		return sandboxtest.Fixture{Runner: New(Config{Dir: parent}), Spec: s, Left: left, NoCommands: true}
	})
}

func spec() sandbox.Spec {
	return sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "here", Instance: "me", Drill: "d1", Target: "orders"},
		Limits:   sandbox.Limits{CPUs: 1, Memory: 1 << 30, Disk: 1 << 20, Pids: 1},
		Deadline: time.Now().Add(time.Hour),
	}
}

func start(t *testing.T, parent string, s sandbox.Spec) sandbox.Sandbox {
	t.Helper()
	b, err := New(Config{Dir: parent}).Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	return b
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func privateDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "boxes")
}

func TestCloseLeavesNothing(t *testing.T) {
	parent := privateDir(t)
	b := start(t, parent, spec())
	deep := filepath.Join(b.Dir(), "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(deep, "rows"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(deep, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := entries(t, parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := b.Usage(t.Context()); !errors.Is(err, sandbox.ErrGone) {
		t.Errorf("Usage after Close = %v, want ErrGone", err)
	}
	select {
	case <-b.Stopped():
		t.Error("Close looked like a sandbox that stopped by itself")
	default:
	}
}

func TestDiskLimitStopsAndRemoves(t *testing.T) {
	b := start(t, privateDir(t), spec())
	if err := os.WriteFile(filepath.Join(b.Dir(), "big"), bytes.Repeat([]byte("x"), 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	<-b.Stopped()
	var limit *sandbox.LimitError
	if err := b.Err(); !errors.As(err, &limit) || !errors.Is(err, sandbox.ErrOutOfRoom) {
		t.Fatalf("Err = %v, want a *LimitError", err)
	}
	if limit.Limit != "disk" || limit.Bytes != 1<<20 || limit.Used < 2<<20 {
		t.Errorf("limit = %+v", limit)
	}
	if _, err := b.Isolation(t.Context()); !errors.Is(err, sandbox.ErrOutOfRoom) {
		t.Errorf("Isolation after the stop = %v, want the reason", err)
	}
}

func TestDeadlineStops(t *testing.T) {
	s := spec()
	s.Deadline = time.Now().Add(50 * time.Millisecond)
	b := start(t, privateDir(t), s)
	<-b.Stopped()
	if !errors.Is(b.Err(), sandbox.ErrDeadline) {
		t.Errorf("Err = %v, want ErrDeadline", b.Err())
	}
}

func TestStartRefusesWhatIsNotBounded(t *testing.T) {
	parent := privateDir(t)
	s := spec()
	s.Limits.Disk = 0
	if b, err := New(Config{Dir: parent}).Start(t.Context(), s); err == nil {
		t.Errorf("a sandbox without disk limit was started: %v", b.Close(t.Context()))
	}
	if _, err := os.Stat(parent); !os.IsNotExist(err) {
		t.Errorf("a refused start left %s: %v", parent, err)
	}
}

func TestStartRefusesAParentOthersCanWrite(t *testing.T) {
	parent := privateDir(t)
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := New(Config{Dir: parent}).Start(t.Context(), spec())
	if !errors.Is(err, sandbox.ErrUnavailable) {
		t.Errorf("Start = %v, want ErrUnavailable", err)
	}
}

func TestIsolationNoticesEveryHole(t *testing.T) {
	b := start(t, privateDir(t), spec())
	found, err := b.Isolation(t.Context())
	if err != nil || !found.Isolated {
		t.Fatalf("a fresh sandbox: %+v, %v", found, err)
	}
	if err := os.Symlink("/etc", filepath.Join(b.Dir(), "out")); err != nil {
		t.Fatal(err)
	}
	if found, err = b.Isolation(t.Context()); err != nil || found.Isolated {
		t.Errorf("with a link to /etc: %+v, %v; want not isolated", found, err)
	}
	if err := os.Remove(filepath.Join(b.Dir(), "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.Dir(), "program"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if found, err = b.Isolation(t.Context()); err != nil || found.Isolated {
		t.Errorf("with a program: %+v, %v; want not isolated", found, err)
	}
	if err := os.Remove(filepath.Join(b.Dir(), "program")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(b.Dir()), 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err = b.Isolation(t.Context()); err != nil || found.Isolated {
		t.Errorf("open to others: %+v, %v; want not isolated", found, err)
	}
}

func TestCommandsAndServersAreRefused(t *testing.T) {
	b := start(t, privateDir(t), spec())
	if _, err := b.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}}); !errors.Is(err, sandbox.ErrUnavailable) {
		t.Errorf("Exec = %v, want ErrUnavailable", err)
	}
	if _, err := b.Dial(t.Context(), sandbox.Endpoint{}); !errors.Is(err, sandbox.ErrUnavailable) {
		t.Errorf("Dial = %v, want ErrUnavailable", err)
	}
	if local, ok := b.(sandbox.Local); !ok || local.Path() != b.Dir() {
		t.Error("not a directory of this machine")
	}
}

// What a killed Lifeboat left is removed by the next, kept ones at their deadline.
func TestSweepRemovesWhatTheDeadLeft(t *testing.T) {
	parent := privateDir(t)
	r := New(Config{Dir: parent})
	for _, s := range []struct {
		drill, installation, instance string
		keep                          bool
	}{
		{"mine", "here", "me", false}, {"orphan", "here", "dead", false},
		{"kept", "here", "dead", true}, {"foreign", "there", "dead", false},
	} {
		sp := spec()
		sp.Owner = sandbox.Owner{Installation: s.installation, Instance: s.instance, Drill: s.drill, Target: "orders"}
		sp.Keep = s.keep
		start(t, parent, sp)
	}
	q := sandbox.SweepQuery{Installation: "here", Now: time.Now(), Alive: func(i string) bool { return i == "me" }}
	sweep := func(want ...string) {
		t.Helper()
		got, err := r.Sweep(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, d := range got {
			seen[d] = true
		}
		for _, w := range want {
			if !seen[w] {
				t.Errorf("%s was not swept", w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("swept %v, want %v", got, want)
		}
	}
	sweep("orphan")
	sweep()
	q.Now = time.Now().Add(2 * time.Hour)
	sweep("mine", "kept")
	if left := entries(t, parent); len(left) != 1 {
		t.Errorf("%d folders left, want the one of another installation", len(left))
	}
}

func TestRoomKnowsTheDisk(t *testing.T) {
	room, err := New(Config{Dir: privateDir(t)}).Room(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if room.CPUs < 1 || room.FreeMemory <= 0 || room.Memory < room.FreeMemory || room.Disk < room.FreeDisk || room.FreeDisk <= 0 {
		t.Errorf("room = %+v", room)
	}
}
