//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

// closeTimeout bounds how long Close waits for the kernel to kill what runs inside
// and for the directory to be removed, even when the caller's context has ended.
const closeTimeout = time.Minute

// box is a running sandbox. It implements sandbox.Sandbox.
type box struct {
	dir    workdir.Dir
	user   identity
	server server
	spec   sandbox.Spec
	tools  tools
	log    *slog.Logger

	ending *workdir.Ending
	usage  usage
	timer  *time.Timer        // fires at the deadline
	stop   context.CancelFunc // of the watch
	tasks  sync.WaitGroup     // the watch and the wait for the first process

	mu       sync.Mutex // guards what follows, and the life of guard
	guard    *guard
	users    int // methods that use guard now
	closed   bool
	closing  sync.Mutex // one Close at a time
	released bool
}

func newBox(r *Runner, d workdir.Dir, u identity, srv server, s sandbox.Spec, g *guard) *box {
	return &box{
		dir: d, user: u, server: srv, spec: s, tools: r.tools, log: r.log,
		ending: workdir.NewEnding(), guard: g, timer: time.NewTimer(time.Until(s.Deadline)), stop: func() {},
	}
}

// begin records what runs, for a later sweep, tells the keeper what counts and
// starts to watch.
func (b *box) begin() error {
	if err := b.guard.record(b.dir); err != nil {
		return err
	}
	if b.spec.Keep {
		if err := b.guard.keep(); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.tasks.Go(func() {
		if err := workdir.Watch(ctx, watchInterval, b.timer, func() error { return b.look(ctx) }); err != nil {
			b.end(err)
		}
	})
	b.tasks.Go(func() {
		_, _ = io.Copy(io.Discard, b.guard.alive) // how it ends does not matter, only that
		b.end(fmt.Errorf("%w: its first process ended", sandbox.ErrGone))
	})
	return nil
}

// end stops the sandbox by itself, for the reason err, unless it was closed.
func (b *box) end(err error) {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if !closed && b.ending.Because(err) {
		b.guard.kill() // the keeper removes the directory
	}
}

// use returns the guard for as long as done is not called, or why it cannot be used.
func (b *box) use() (g *guard, done func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.overLocked(); err != nil {
		return nil, nil, err
	}
	b.users++
	return b.guard, b.unuse, nil
}

// over returns why the sandbox has ended, or nil.
func (b *box) over() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overLocked()
}

func (b *box) overLocked() error {
	if err := b.ending.Err(); err != nil {
		return err
	}
	if b.closed {
		return fmt.Errorf("%w: it was closed", sandbox.ErrGone)
	}
	return nil
}

func (b *box) unuse() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users--
	b.releaseWhenIdle()
}

// releaseWhenIdle closes what the guard holds open once nobody uses it any more.
func (b *box) releaseWhenIdle() {
	if b.closed && b.users == 0 && !b.released {
		b.released = true
		b.guard.release()
	}
}

// Describe implements sandbox.Sandbox.
func (b *box) Describe() sandbox.Description {
	run := b.enterHint()
	return sandbox.Description{Runner: name, ID: b.dir.Path, Image: b.server.String(), Enter: run + " sh", Run: run}
}

// Dir implements sandbox.Sandbox.
func (b *box) Dir() string { return insideData }

// Stopped implements sandbox.Sandbox.
func (b *box) Stopped() <-chan struct{} { return b.ending.Done() }

// Err implements sandbox.Sandbox.
func (b *box) Err() error { return b.ending.Err() }

// EndBy implements sandbox.Sandbox. The keeper counts the time.
func (b *box) EndBy(_ context.Context, t time.Time) error {
	g, done, err := b.use()
	if err != nil {
		return err
	}
	defer done()
	if !t.Before(b.spec.Deadline) {
		return nil
	}
	if err := errors.Join(b.dir.EndBy(t), g.endBy(t)); err != nil {
		return fmt.Errorf("bring the deadline of process sandbox %s forward: %w", b.dir.Path, err)
	}
	b.timer.Reset(time.Until(t))
	return nil
}

// Close implements sandbox.Sandbox. It goes on when ctx has ended.
func (b *box) Close(ctx context.Context) error {
	b.closing.Lock()
	defer b.closing.Unlock()
	b.mu.Lock()
	first := !b.closed
	b.closed = true
	if first {
		b.users++ // this method's own
	}
	released := b.released
	b.mu.Unlock()
	if first {
		defer b.unuse()
	}
	if released {
		return b.remove()
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), closeTimeout, errStuck)
	defer cancel()
	b.stop()
	if err := b.guard.end(ctx); err != nil {
		return fmt.Errorf("close process sandbox %s: %w", b.dir.Path, err)
	}
	b.tasks.Wait()
	return b.remove()
}

// remove removes what the keeper could not.
func (b *box) remove() error {
	if err := b.dir.Remove(); err != nil {
		return fmt.Errorf("close process sandbox: %w", err)
	}
	return nil
}
