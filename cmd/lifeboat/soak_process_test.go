package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// processTimeout bounds every wait for a process that serves.
const processTimeout = 90 * time.Second

// builtProgram is the folder of the binary that serviceProgram built, empty when it did not.
var builtProgram string

// serviceProgram is a binary that asTold runs in: this one, or one without the race
// detector when this one has it, with which a month would last for hours.
var serviceProgram = sync.OnceValues(func() (path string, err error) {
	info, _ := debug.ReadBuildInfo()
	if info == nil || !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return os.Args[0], nil
	}
	if builtProgram, err = os.MkdirTemp("", "lifeboat-program-"); err != nil {
		return "", err
	}
	path = filepath.Join(builtProgram, "lifeboat.test")
	build := exec.Command("go", "test", "-c", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return path, nil
})

func removeServiceProgram() {
	if builtProgram != "" {
		_ = os.RemoveAll(builtProgram) // it lies in the temporary directory
	}
}

// installed is how lifeboat serve is started, again and again.
type installed struct {
	config string
	listen string   // its address
	tmp    string   // its temporary directory
	log    string   // file it writes to
	env    []string // besides this process's
}

// newInstalled makes a service with a temporary directory and an address of its own. The
// configuration is to be written to its path.
func newInstalled(t testing.TB, env ...string) *installed {
	t.Helper()
	dir := t.TempDir()
	s := &installed{config: filepath.Join(dir, "lifeboat.yaml"), log: filepath.Join(dir, "log"), tmp: filepath.Join(dir, "tmp")}
	if err := os.Mkdir(s.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	s.listen = keepableAddress(t)
	s.env = append([]string{asProgram + "=1", "TMPDIR=" + s.tmp}, env...)
	return s
}

// keepableAddress is a free one that stays free while nobody listens on it: it is not among
// those that the kernel gives to connections.
func keepableAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.N(12_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no address is free")
	return ""
}

// daemon is lifeboat serve in a process of its own. What it says goes to a file, so that
// it never waits for a reader.
type daemon struct {
	*installed
	cmd   *exec.Cmd
	ended chan struct{}
}

// start starts it. It is killed at the end of the test, should it still run then.
func (s *installed) start(t testing.TB) *daemon {
	t.Helper()
	program, err := serviceProgram()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &daemon{installed: s, cmd: exec.Command(program, "serve", "--config", s.config), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), s.env...), log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its state is looked at
		close(p.ended)
	}()
	t.Cleanup(func() { p.kill(t) })
	return p
}

// kill ends it the hard way, and waits for that.
func (p *daemon) kill(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Kill() // it may be over
	p.wait(t)
}

// stop ends it with SIGTERM and returns its exit code.
func (p *daemon) stop(t testing.TB) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	return p.cmd.ProcessState.ExitCode()
}

func (p *daemon) wait(t testing.TB) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(processTimeout):
		t.Fatalf("the process did not end within %s:\n%s", processTimeout, p.tail())
	}
}

// died reports whether it ended by itself.
func (p *daemon) died() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// tail is the last of what it said.
func (s *installed) tail() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-6000):])
}

// get asks it for a page.
func (s *installed) get(path string) (string, error) {
	client := &http.Client{Timeout: processTimeout}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + s.listen + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return string(body), err
}

// until waits until something holds, and fails the test when it does not in time.
func (s *installed) until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(processTimeout); !holds(); time.Sleep(5 * time.Millisecond) { // there is nothing to be told by
		if time.Now().After(deadline) {
			t.Fatalf("after %s: not yet %s\n%s", processTimeout, what, s.tail())
		}
	}
}

// measure reads gauges from the metrics of a process.
func (s *installed) measure(t testing.TB, names ...string) map[string]float64 {
	t.Helper()
	text, err := s.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, want := range names {
			if name != want {
				continue
			}
			if found[name], err = strconv.ParseFloat(value, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(found) != len(names) {
		t.Fatalf("metrics have %v of %v:\n%s", found, names, text)
	}
	return found
}

// leftovers are the files below a folder. A sandbox that was being made when its process
// was killed does not count: it holds nothing yet, and is swept after an hour.
func leftovers(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !e.IsDir() && !strings.HasSuffix(filepath.Dir(path), ".new") {
			list = append(list, path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return list
}
