//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lifeboat/sandbox"
)

// errStuck is why waiting for the kernel to kill a sandbox was given up.
var errStuck = errors.New("what runs inside could not be killed in time")

// spareProcesses is how many processes above the limit can be made before making
// one fails: the watch is to see the limit crossed, not a server that stumbles.
const spareProcesses = 32

// spareFile is how much longer than the disk limit one file may become, for the
// same reason, in bytes.
const spareFile = 16 << 20

// Exec implements sandbox.Sandbox. A program that is not there exits with 127, one
// killed by a signal with 128 and the signal's number. When ctx ends or Stdin fails,
// the command and the processes of its group are killed before their input ends.
func (b *box) Exec(ctx context.Context, c sandbox.Cmd) (int, error) {
	if len(c.Args) == 0 {
		return -1, errors.New("exec: there is no command")
	}
	g, done, err := b.use()
	if err != nil {
		return -1, err
	}
	defer done()
	code, err := b.exec(ctx, g, c)
	if err == nil && code == 0 {
		return 0, nil
	}
	if reason := b.killed(g, code); reason != nil {
		return -1, reason
	}
	if err != nil {
		return -1, fmt.Errorf("exec %s: %w", c.Args[0], err)
	}
	return code, nil
}

// deathPause is how long the first process may take to be gone, in milliseconds,
// after the kernel killed the others because of its death.
const deathPause = 200

// killed returns why the sandbox ended when that is what ended a command.
func (b *box) killed(g *guard, code int) error {
	pause := 0
	if code == 128+int(syscall.SIGKILL) {
		pause = deathPause
	}
	if err := b.over(); err != nil {
		return err
	}
	if !g.dead(pause) {
		return nil
	}
	b.end(fmt.Errorf("%w: its first process ended", sandbox.ErrGone))
	return b.over()
}

func (b *box) exec(ctx context.Context, g *guard, c sandbox.Cmd) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return -1, err
	}
	p, err := newPipes(c)
	if err != nil {
		return -1, err
	}
	defer p.close()
	args := append(b.enter(g), b.tools.sh, "-c", launchScript, "sh", insideData)
	args = append(args, c.Args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = append(b.env(), c.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.child.in, p.child.out, p.child.err
	cmd.ExtraFiles = []*os.File{p.child.mark}
	if inner := g.inner(); inner != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, inner)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a group to kill, out of reach of the terminal's Ctrl-C
	if err := cmd.Start(); err != nil {
		return -1, err
	}
	p.closeChild()
	kill := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // ended already is as good
	fed := p.feed(c.Stdin, kill)
	copied := p.copy(c)
	release := context.AfterFunc(ctx, kill)
	waited := cmd.Wait()
	cancelled := !release()
	outErr := p.drain(copied)
	b.usage.addCPU(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	select {
	case err := <-fed:
		outErr = errors.Join(err, outErr)
	default: // the command ended without reading all of it
	}
	switch {
	case cancelled:
		return -1, context.Cause(ctx)
	case outErr != nil:
		return -1, outErr
	case !p.started():
		return -1, fmt.Errorf("%w: a command cannot enter it: %w", sandbox.ErrGone, waited)
	}
	return exitCode(cmd.ProcessState), nil
}

// enter is the command line that goes into the sandbox and gives up every power.
func (b *box) enter(g *guard) []string {
	var args []string
	if b.tools.choom != "" { // should the machine run out of memory, the sandbox goes first
		args = append(args, b.tools.choom, "-n", "1000", "--")
	}
	args = append(args, b.tools.nsenter)
	held := func(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }
	for _, s := range g.outer() {
		args = append(args, "--"+s.option+"="+held(s.file))
	}
	limits := []string{
		fmt.Sprintf("--nproc=%d", b.spec.Limits.Pids+spareProcesses),
		fmt.Sprintf("--fsize=%d", b.spec.Limits.Disk+spareFile),
		"--core=0",
	}
	powers := []string{b.tools.setpriv, "--no-new-privs", "--inh-caps=-all"}
	if b.user.nested {
		args = append(args, "--preserve-credentials", "--", b.tools.nsenter, "--user=/proc/self/fd/4", "--preserve-credentials")
	} else {
		powers = append(powers, "--bounding-set=-all", "--clear-groups",
			"--reuid="+strconv.Itoa(b.user.uid), "--regid="+strconv.Itoa(b.user.gid))
	}
	args = append(append(append(args, "--", b.tools.prlimit), limits...), "--")
	if cpus := b.affinity(g.pid); cpus != "" {
		args = append(args, b.tools.taskset, "--cpu-list", cpus)
	}
	return append(append(args, powers...), "--")
}

// affinity lists the processors a sandbox may use, in all as many as its limit, or
// is empty when it may use all. Different sandboxes start at different ones.
func (b *box) affinity(pid int) string {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil || b.tools.taskset == "" {
		return ""
	}
	var all []string
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			all = append(all, strconv.Itoa(i))
		}
	}
	want := int(math.Ceil(b.spec.Limits.CPUs))
	if want >= len(all) {
		return ""
	}
	picked := make([]string, want)
	for i := range picked {
		picked[i] = all[(pid+i)%len(all)]
	}
	return strings.Join(picked, ",")
}

// env is what every command finds in its environment. Nothing of Lifeboat's own is in it.
func (b *box) env() []string {
	path := "/usr/bin:/bin:/usr/sbin:/sbin"
	if b.server.bin != "" {
		path = b.server.bin + ":" + path
	}
	return []string{
		"PATH=" + path, "HOME=" + insideTmp, "TMPDIR=" + insideTmp,
		"USER=" + b.user.name, "LOGNAME=" + b.user.name, "LANG=C.UTF-8",
	}
}

// enterHint is what a person types before a command to run it inside.
func (b *box) enterHint() string {
	if b.user.nested {
		return fmt.Sprintf("nsenter -t %d -U -m -n -p -i -u --preserve-credentials", b.guard.pid)
	}
	return fmt.Sprintf("nsenter -t %d -m -n -p -i -u setpriv --reuid=%d --regid=%d --clear-groups --no-new-privs",
		b.guard.pid, b.user.uid, b.user.gid)
}

// exitCode is the code a shell would show.
func exitCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// drainPause is how long nothing may come from a command that has ended before its
// output counts as complete. What it wrote itself is in the pipe by then; a server
// it left running may hold the pipe open for ever.
const drainPause = 50 * time.Millisecond

// drain reads what a command has written before it ended.
func (p *pipes) drain(copied <-chan error) error {
	close(p.ended)
	now := time.Now()
	for _, f := range []*os.File{p.out, p.err} {
		if f != nil {
			_ = f.SetReadDeadline(now.Add(drainPause)) // wakes the reader, which sets the next one
		}
	}
	var errs []error
	for range cap(copied) {
		errs = append(errs, <-copied)
	}
	return errors.Join(errs...)
}

// copyOut copies what a command writes until the pipe ends or the command has ended
// and nothing comes any more.
func (p *pipes) copyOut(to io.Writer, from *os.File) error {
	buf := make([]byte, copyBuffer)
	for {
		select {
		case <-p.ended:
			_ = from.SetReadDeadline(time.Now().Add(drainPause)) // a pipe always supports it
		default:
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				_ = from.Close() // the command sees a closed pipe instead of a full one
				return fmt.Errorf("take its output: %w", werr)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read its output: %w", err)
		}
	}
}
