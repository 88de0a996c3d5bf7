//go:build linux

package process

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

var (
	//go:embed guard.sh
	guardScript string
	//go:embed keeper.sh
	keeperScript string
	//go:embed launch.sh
	launchScript string
)

// guard is the hold a sandbox has on its first process and on the keeper outside.
type guard struct {
	pid    int // of the first process, as this machine counts
	pidfd  int // the same, immune to its number being used again
	spaces []space
	proc   *os.File // the sandbox's own /proc
	shm    *os.File // the sandbox's own /dev/shm

	keeper  *exec.Cmd
	control io.WriteCloser // the keeper ends the sandbox when it is closed
	alive   *os.File       // at its end once the first process is gone
	reaped  chan struct{}  // closed when the keeper has ended
	once    sync.Once
	kept    bool
}

// space is one namespace to enter, held open.
type space struct {
	option string // of nsenter
	file   *os.File
}

// guard starts the keeper and the first process of a sandbox and returns when its
// file system stands. When it fails no process is left.
func (r *Runner) guard(ctx context.Context, d workdir.Dir, u identity, srv server, s sandbox.Spec) (*guard, error) {
	seconds := secondsTo(s.Deadline)
	nested := "no"
	if u.nested {
		nested = "yes"
	}
	args := []string{"-c", keeperScript, "lifeboat-sandbox", seconds, d.Path}
	args = append(args, r.tools.setpriv, "--pdeathsig", "KILL", "--") // even a keeper that is killed takes all with it
	args = append(args, r.tools.namespaces(r.root)...)
	args = append(args, r.tools.sh, "-c", guardScript, "lifeboat-sandbox", d.Path, u.name, strconv.Itoa(u.uid), strconv.Itoa(u.gid),
		seconds, strconv.FormatInt(s.Limits.Memory, 10), srv.prefix(), nested)
	cmd := exec.Command(r.tools.sh, args...)
	cmd.Dir = "/"
	cmd.Env = []string{toolPath}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C in the terminal is not for it
	control, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	alive, said, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, control.Close(), alive.Close(), said.Close())
	}
	_ = said.Close()
	g := &guard{keeper: cmd, control: control, alive: alive, pidfd: -1, reaped: make(chan struct{})}
	go func() {
		defer close(g.reaped)
		_ = cmd.Wait() // ends by being killed or not: there is nothing to learn
	}()
	if err := g.hold(ctx, u.nested); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", sandbox.ErrUnavailable, err), g.end(context.WithoutCancel(ctx)))
	}
	return g, nil
}

// hold waits for the first process to be ready and opens everything through which
// it is reached from now on.
func (g *guard) hold(ctx context.Context, nested bool) error {
	release := context.AfterFunc(ctx, func() { _ = g.alive.SetReadDeadline(time.Now()) })
	pid, holder, err := readReady(g.alive)
	if !release() || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	g.pid = pid
	if g.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return fmt.Errorf("hold the sandbox's first process: %w", err)
	}
	proc := fmt.Sprintf("/proc/%d", pid)
	names := []string{"mnt", "net", "pid", "ipc", "uts"}
	if nested {
		names = append([]string{"user"}, names...)
	}
	for _, n := range names {
		if err := g.space(proc+"/ns/"+n, n); err != nil {
			return err
		}
	}
	if nested {
		if err := g.space(fmt.Sprintf("/proc/%d/ns/user", holder), "inner"); err != nil {
			return err
		}
	}
	if g.proc, err = os.Open(proc + "/root/proc"); err != nil {
		return err
	}
	g.shm, err = os.Open(proc + "/root/dev/shm")
	return err
}

// space opens one namespace, and refuses the one this process is in.
func (g *guard) space(path, kind string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	option := map[string]string{"mnt": "mount", "inner": "user"}[kind]
	if option == "" {
		option = kind
	}
	g.spaces = append(g.spaces, space{option, f})
	own, err := os.Stat("/proc/self/ns/" + strings.Replace(kind, "inner", "user", 1))
	if err != nil {
		return err
	}
	there, err := f.Stat()
	if err != nil {
		return err
	}
	if os.SameFile(own, there) {
		return fmt.Errorf("the sandbox has no %s namespace of its own", option)
	}
	return nil
}

// readReady reads what the guard script says until it is ready.
func readReady(r io.Reader) (pid, holder int, err error) {
	var said []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "ready %d %d", &pid, &holder); err == nil {
			return pid, holder, nil
		}
		said = append(said, strings.TrimSpace(lines.Text()))
	}
	return 0, 0, fmt.Errorf("the sandbox could not be built: %s", strings.Join(said, "; "))
}

// kill ends everything in the sandbox at once and has the keeper clean up.
func (g *guard) kill() {
	if g.pidfd >= 0 {
		_ = unix.PidfdSendSignal(g.pidfd, unix.SIGKILL, nil, 0) // gone already is as good
	}
	g.once.Do(func() {
		_ = g.control.Close()
		if !g.kept {
			return
		}
		// This keeper counts only the time, and has to be woken. Until it is reaped its
		// number is nobody else's.
		select {
		case <-g.reaped:
		default:
			_ = syscall.Kill(-g.keeper.Process.Pid, syscall.SIGTERM)
		}
	})
}

// keep tells the keeper that the sandbox outlives this process.
func (g *guard) keep() error {
	if _, err := io.WriteString(g.control, "keep\n"); err != nil {
		return fmt.Errorf("keep the sandbox: %w", err)
	}
	g.kept = true
	return nil
}

// endBy tells the keeper of a sandbox that is kept to wait no longer than to t. Others
// end with this process.
func (g *guard) endBy(t time.Time) error {
	if !g.kept {
		return nil
	}
	_, err := io.WriteString(g.control, secondsTo(t)+"\n")
	return err
}

// secondsTo is how many seconds are to be slept to be at t or a little later.
func secondsTo(t time.Time) string {
	return strconv.Itoa(int(max(0, time.Until(t))/time.Second) + 1)
}

// end kills everything and returns when the keeper has removed the directory.
func (g *guard) end(ctx context.Context) error {
	g.kill()
	select {
	case <-g.reaped:
	case <-ctx.Done():
		return fmt.Errorf("wait for the sandbox to end: %w", context.Cause(ctx))
	}
	return nil
}

// release closes what end leaves open. Nothing of g may be used afterwards.
func (g *guard) release() {
	for _, s := range g.spaces {
		_ = s.file.Close()
	}
	for _, f := range []*os.File{g.proc, g.shm, g.alive} {
		if f != nil {
			_ = f.Close()
		}
	}
	if g.pidfd >= 0 {
		_ = unix.Close(g.pidfd)
	}
}

// outer returns the namespaces that are entered first.
func (g *guard) outer() []space {
	if g.inner() != nil {
		return g.spaces[:len(g.spaces)-1]
	}
	return g.spaces
}

// inner returns the user namespace commands run in when Lifeboat is not root.
func (g *guard) inner() *os.File {
	if last := len(g.spaces) - 1; last > 0 && g.spaces[0].option == "user" {
		return g.spaces[last].file
	}
	return nil
}
