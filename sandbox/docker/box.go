package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

// errClosed is what methods of a sandbox say after Close.
var errClosed = fmt.Errorf("%w: it was closed", sandbox.ErrGone)

// Box is one container. It implements sandbox.Sandbox.
type Box struct {
	run    *Runner
	id     string
	volume string // name the daemon gave the anonymous volume
	spec   sandbox.Spec
	img    image
	log    *slog.Logger

	stopped chan struct{}   // closed when the sandbox ended by itself
	life    context.Context // ends when it stopped or was closed
	die     context.CancelFunc
	watcher sync.WaitGroup
	rounds  []chan chan<- struct{} // asks each gauge for a round at once

	mu     sync.Mutex // guards the rest
	over   time.Time  // its deadline
	err    error      // why it ended by itself
	closed bool
	gone   bool  // removal was seen to its end
	fuse   *conn // to the guard, until it was told to end
	usage  sandbox.Usage
}

var _ sandbox.Sandbox = (*Box)(nil)

func newBox(r *Runner, s sandbox.Spec, img image, seen container.InspectResponse) *Box {
	life, die := context.WithCancel(context.Background())
	b := &Box{
		life: life, die: die, over: s.Deadline,
		run: r, id: seen.ID, spec: s, img: img,
		log:     r.log.With(slog.String("drill", s.Owner.Drill), slog.String("container", short(seen.ID))),
		stopped: make(chan struct{}),
	}
	for _, m := range seen.Mounts {
		if m.Destination == volumePath {
			b.volume = m.Name
		}
	}
	return b
}

// Describe implements sandbox.Sandbox.
func (b *Box) Describe() sandbox.Description {
	run := fmt.Sprintf("docker exec -it -u %s %s", b.spec.User, short(b.id))
	return sandbox.Description{
		Runner:   "docker",
		ID:       b.id,
		Image:    b.img.label(),
		Loopback: true,
		Enter:    run + " bash",
		Run:      run,
	}
}

// Dir implements sandbox.Sandbox.
func (b *Box) Dir() string { return workDir }

// Usage implements sandbox.Sandbox. Memory is what the sandbox could not give back
// (without the page cache), disk what its files occupy; both are read about every
// second, so shorter peaks go unseen.
func (b *Box) Usage(context.Context) (sandbox.Usage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usage, b.err
}

// Stopped implements sandbox.Sandbox.
func (b *Box) Stopped() <-chan struct{} { return b.stopped }

// Err implements sandbox.Sandbox.
func (b *Box) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// ended returns why nothing can be done in the sandbox any more, nil while it can.
func (b *Box) ended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return b.err
	case b.closed:
		return errClosed
	}
	return nil
}

// stop ends the sandbox for a reason of its own and removes it at once: what fills
// a disk must not wait for somebody to call Close. The first reason stays.
func (b *Box) stop(reason error) {
	b.mu.Lock()
	if b.err != nil || b.closed {
		b.mu.Unlock()
		return
	}
	b.err = reason
	close(b.stopped)
	b.mu.Unlock()
	b.blow()
	b.die()

	ctx, cancel := context.WithTimeoutCause(context.Background(), closeTimeout, errCloseTimeout)
	defer cancel()
	if err := b.discard(ctx); err != nil {
		b.log.WarnContext(ctx, "stopped sandbox not removed yet", slog.Any("error", err))
	}
}

// Close implements sandbox.Sandbox. It works for its own length of time even when
// ctx has ended, and may be called again after a failure.
func (b *Box) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.blow()
	b.die()

	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), closeTimeout, errCloseTimeout)
	defer cancel()
	err := b.discard(ctx)
	b.watcher.Wait()
	if err != nil {
		return fmt.Errorf("close sandbox %s: %w", short(b.id), err)
	}
	return nil
}

// discard removes container and volume once.
func (b *Box) discard(ctx context.Context) error {
	b.mu.Lock()
	gone := b.gone
	b.mu.Unlock()
	if gone {
		return nil
	}
	err := b.run.remove(ctx, b.id)
	if b.volume != "" {
		err = errors.Join(err, b.run.removeVolume(ctx, b.volume))
	}
	if err == nil {
		b.mu.Lock()
		b.gone = true
		b.mu.Unlock()
	}
	return err
}

// alive asks the daemon whether the container still runs. An error means that the
// daemon did not say.
func (b *Box) alive(ctx context.Context) (running, outOfMemory bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errSilent)
	defer cancel()
	seen, err := b.run.cli.ContainerInspect(ctx, b.id, client.ContainerInspectOptions{})
	switch {
	case isGone(err):
		return false, false, nil
	case err != nil:
		return false, false, err
	case seen.Container.State == nil:
		return false, false, nil
	}
	return seen.Container.State.Running, seen.Container.State.OOMKilled, nil
}

// end finds out why the sandbox is no more, or returns nil when it still runs.
func (b *Box) end(now time.Time) error {
	running, outOfMemory, err := b.alive(context.Background())
	switch {
	case !now.Before(b.deadline()):
		return sandbox.ErrDeadline
	case err != nil:
		return fmt.Errorf("%w: the docker daemon does not answer: %w", sandbox.ErrGone, err)
	case outOfMemory:
		return &sandbox.LimitError{Limit: "memory", Bytes: b.spec.Limits.Memory}
	case !running:
		return fmt.Errorf("%w: container %s was stopped or removed by somebody else", sandbox.ErrGone, short(b.id))
	}
	return nil
}

func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}
