package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

// copyBuffer is large enough that a dump streams in at the daemon's own speed.
const copyBuffer = 256 << 10

// exitPace is how often the daemon is asked for the exit code of a command whose
// output has ended; it knows it a moment later.
const exitPace = 10 * time.Millisecond

// killTimeout bounds the killing of a command that must not see its input end.
const killTimeout = 10 * time.Second

// markName is the variable that marks a command and its children, so that they
// can be found inside. What runs in there can drop it, and harms only itself.
const markName = "LIFEBOAT_COMMAND"

// Exec implements sandbox.Sandbox. A command that cannot be found exits with 126 or
// 127, as in a shell. When Stdin fails, or ctx ends while the command is being fed,
// the command and its children are killed before their input is closed.
func (b *Box) Exec(ctx context.Context, c sandbox.Cmd) (int, error) {
	if err := b.ended(); err != nil {
		return -1, err
	}
	code, err := b.exec(ctx, c)
	if err == nil && code != 0 {
		b.settle(ctx)
		err = b.ended()
	}
	if err == nil {
		return code, nil
	}
	if reason := b.endedSoon(ctx, err); reason != nil {
		return -1, reason
	}
	return -1, fmt.Errorf("exec %s: %w", program(c.Args), err)
}

// endedSoon returns why the sandbox ended when that is what made err. The news of
// its end may come after the broken connection, so it is asked for.
func (b *Box) endedSoon(ctx context.Context, err error) error {
	if reason := b.ended(); reason != nil || errors.Is(err, errSource) || ctx.Err() != nil {
		return reason
	}
	if reason := b.end(time.Now()); reason != nil {
		b.stop(reason)
	}
	return b.ended()
}

func program(args []string) string {
	if len(args) == 0 {
		return "nothing"
	}
	return args[0]
}

func (b *Box) exec(ctx context.Context, c sandbox.Cmd) (int, error) {
	if len(c.Args) == 0 {
		return -1, errors.New("there is no command")
	}
	mark := rand.Text()
	env := c.Env
	if c.Stdin != nil {
		env = append([]string{markName + "=" + mark}, c.Env...)
	}
	s, err := b.open(ctx, openOptions{user: b.spec.User, args: c.Args, env: env, stdin: c.Stdin != nil})
	if err != nil {
		return -1, err
	}
	defer s.Close()
	// The hijacked connection knows nothing of ctx.
	defer context.AfterFunc(ctx, func() { b.abort(s, c.Stdin != nil, mark) })()

	fed := make(chan error, 1)
	go func() { fed <- b.feed(s, c.Stdin, mark) }()
	_, outErr := stdcopy.StdCopy(orDiscard(c.Stdout), orDiscard(c.Stderr), s.Reader)
	close(s.over)
	code, codeErr := b.exitCode(ctx, s.id)
	s.Close() // lets go of a feeder whose command ended early
	var inErr error
	select {
	case inErr = <-fed:
	case <-ctx.Done():
	case <-b.life.Done():
	}
	if err := context.Cause(ctx); err != nil {
		return -1, err
	}
	if err := errors.Join(inErr, outErr, codeErr); err != nil {
		return -1, err
	}
	return code, nil
}

// errSource marks an error of the caller's own reader.
var errSource = errors.New("read standard input")

// feed copies stdin into the command. An error of the source kills the command
// first, since closing its input would look like a clean end.
func (b *Box) feed(s *stream, stdin io.Reader, mark string) error {
	if stdin == nil {
		return nil
	}
	buf := make([]byte, copyBuffer)
	for {
		n, err := stdin.Read(buf)
		if n > 0 {
			if _, werr := s.Conn.Write(buf[:n]); werr != nil {
				return nil // the command ended without reading all: its exit code tells
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = s.CloseWrite() // fails only when the command is gone already
			return nil
		case err != nil:
			b.abort(s, true, mark)
			return fmt.Errorf("%w: %w", errSource, err)
		}
	}
}

// abort gives a command up. One that is being fed is killed before its input ends; it
// may not even have begun yet. If that cannot be done, the sandbox ends.
func (b *Box) abort(s *stream, feeding bool, mark string) {
	defer s.Close()
	if !feeding {
		return
	}
	ctx, cancel := context.WithTimeout(b.life, killTimeout)
	defer cancel()
	tick := time.NewTicker(exitPace)
	defer tick.Stop()
	for b.ended() == nil {
		b.kill(ctx, mark)
		seen, err := b.run.cli.ExecInspect(ctx, s.id, client.ExecInspectOptions{})
		if err == nil && seen.PID != 0 && !seen.Running {
			return
		}
		select {
		case <-s.over:
			return
		case <-tick.C:
		case <-ctx.Done():
			b.stop(fmt.Errorf("%w: a command whose input broke off could not be killed", sandbox.ErrGone))
			return
		}
	}
}

// kill kills what carries the mark. A failure is seen by the command's still running.
func (b *Box) kill(ctx context.Context, mark string) {
	killer, err := b.open(ctx, openOptions{user: b.spec.User, args: []string{"sh", "-c", killMarked, markName + "=" + mark}})
	if err != nil {
		return
	}
	defer killer.Close()
	defer context.AfterFunc(ctx, killer.Close)()
	_, _ = io.Copy(io.Discard, killer.Reader)
}

// killMarked kills every process that carries the mark, until none is left. It
// halts all of them before it kills the first: a shell whose child died goes on
// with its next command.
const killMarked = `
signal() {
	found=
	for p in /proc/[0-9]*; do
		grep -q -F -e "$2" "$p/environ" 2>/dev/null && kill "$1" "${p#/proc/}" 2>/dev/null && found="$found $p"
	done
}
last=none
while signal -STOP "$0"; [ "$found" != "$last" ]; do last=$found; done
while signal -KILL "$0"; [ "$found" ]; do :; done`

// exitCode waits until the daemon has noticed that a command ended.
func (b *Box) exitCode(ctx context.Context, exec string) (int, error) {
	tick := time.NewTicker(exitPace)
	defer tick.Stop()
	for {
		seen, err := b.run.cli.ExecInspect(ctx, exec, client.ExecInspectOptions{})
		if err != nil {
			return -1, fmt.Errorf("ask for the exit code: %w", err)
		}
		if !seen.Running {
			return seen.ExitCode, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return -1, context.Cause(ctx)
		case <-b.life.Done():
			return -1, errClosed
		}
	}
}

// stream is a running command with its streams attached.
type stream struct {
	client.HijackedResponse
	id   string
	over chan struct{} // closed by Exec when the command's output has ended
}

// Close ends the connection; the command sees its input end.
func (s *stream) Close() { s.HijackedResponse.Close() }

type openOptions struct {
	user  string
	args  []string
	env   []string
	dir   string // where it runs; the sandbox's Dir when empty
	stdin bool
}

// open starts a command with its streams attached. It gives up when the sandbox ends.
func (b *Box) open(ctx context.Context, o openOptions) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(b.life, func() { cancel(errClosed) })()
	if o.dir == "" {
		o.dir = workDir
	}
	made, err := b.run.cli.ExecCreate(ctx, b.id, client.ExecCreateOptions{
		User: o.user, Cmd: o.args, Env: o.env, WorkingDir: o.dir,
		AttachStdin: o.stdin, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, err
	}
	att, err := b.run.cli.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return &stream{HijackedResponse: att.HijackedResponse, id: made.ID, over: make(chan struct{})}, nil
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
