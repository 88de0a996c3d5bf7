package scratch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

// box is one directory. It implements sandbox.Sandbox and sandbox.Local.
type box struct {
	dir    workdir.Dir
	log    *slog.Logger
	disk   *workdir.Meter
	limit  int64
	ending *workdir.Ending
	timer  *time.Timer // fires at the deadline

	closed  <-chan struct{} // Close was called
	stop    context.CancelFunc
	watched chan struct{} // closed when the watch has ended
}

// watch ends the sandbox at its disk limit or deadline.
func (b *box) watch(ctx context.Context) {
	defer close(b.watched)
	err := workdir.Watch(ctx, watchInterval, b.timer, func() error { return b.disk.Measure(ctx, b.limit) })
	if err == nil {
		return
	}
	b.ending.Because(err)
	// What is restored goes at once, not only when somebody calls Close.
	if err := b.dir.Remove(); err != nil {
		b.log.Warn("stopped sandbox is not removed yet", slog.String("dir", b.dir.Path), slog.Any("error", err))
	}
}

// gone returns why the sandbox can no longer be used.
func (b *box) gone() error {
	if err := b.ending.Err(); err != nil {
		return err
	}
	select {
	case <-b.closed:
		return fmt.Errorf("%w: it was closed", sandbox.ErrGone)
	default:
		return nil
	}
}

// Describe implements sandbox.Sandbox.
func (b *box) Describe() sandbox.Description {
	return sandbox.Description{Runner: name, ID: b.dir.Path, Enter: "cd " + b.dir.Box()}
}

// Dir implements sandbox.Sandbox.
func (b *box) Dir() string { return b.dir.Box() }

// Path implements sandbox.Local.
func (b *box) Path() string { return b.dir.Box() }

// Exec implements sandbox.Sandbox; it always refuses.
func (b *box) Exec(context.Context, sandbox.Cmd) (int, error) {
	if err := b.gone(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%w: an in-process sandbox runs no commands", sandbox.ErrUnavailable)
}

// Dial implements sandbox.Sandbox; it always refuses.
func (b *box) Dial(context.Context, sandbox.Endpoint) (net.Conn, error) {
	if err := b.gone(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: an in-process sandbox holds no server", sandbox.ErrUnavailable)
}

// Usage implements sandbox.Sandbox. Memory and CPU are Lifeboat's own and cannot
// be told apart, so they stay 0.
func (b *box) Usage(ctx context.Context) (sandbox.Usage, error) {
	if err := b.gone(); err != nil {
		return sandbox.Usage{}, err
	}
	if err := b.disk.Measure(ctx, b.limit); err != nil {
		b.ending.Because(err) // the watch finds the same and removes the directory
		return sandbox.Usage{}, err
	}
	return sandbox.Usage{PeakDisk: b.disk.Peak()}, nil
}

// Isolation implements sandbox.Sandbox. There is no inside from which something
// could reach out, so the probes look at what there is: that nobody else can reach
// into the directory, and that nothing in it can be run or leads out. That the
// library which reads the dump executes nothing of it is the engine's promise and
// is not probed here.
func (b *box) Isolation(context.Context) (sandbox.Isolation, error) {
	if err := b.gone(); err != nil {
		return sandbox.Isolation{}, err
	}
	probes := []sandbox.Probe{probePrivate(b.dir.Path), probeContents(b.dir.Box())}
	result := sandbox.Isolation{Isolated: true, Probes: probes}
	for _, p := range probes {
		result.Isolated = result.Isolated && p.OK
	}
	return result, nil
}

// probePrivate looks whether other users can reach into the directory.
func probePrivate(path string) sandbox.Probe {
	p := sandbox.Probe{Name: "private directory"}
	info, err := os.Lstat(path)
	if err != nil {
		p.Detail = "cannot be examined"
		return p
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	p.OK = ok && info.IsDir() && info.Mode().Perm() == 0o700 && int(stat.Uid) == os.Getuid()
	p.Detail = fmt.Sprintf("mode %04o, owned by this user: %v", info.Mode().Perm(), ok && int(stat.Uid) == os.Getuid())
	return p
}

// probeContents looks for anything that could be run or leads out of the
// directory: programs, links, devices, sockets, pipes.
func probeContents(root string) sandbox.Probe {
	p := sandbox.Probe{Name: "programs and links"}
	files := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = e.Info()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // a journal removed while we looked
			return nil
		case err != nil:
			return err
		case info.IsDir():
			return nil
		case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 != 0:
			return fmt.Errorf("an entry that is no plain file (%s)", info.Mode())
		}
		files++
		return nil
	})
	if err != nil {
		p.Detail = err.Error()
		return p
	}
	p.OK, p.Detail = true, fmt.Sprintf("none among %d files; read by a library inside Lifeboat, which starts no program", files)
	return p
}

// Stopped implements sandbox.Sandbox.
func (b *box) Stopped() <-chan struct{} { return b.ending.Done() }

// Err implements sandbox.Sandbox.
func (b *box) Err() error { return b.ending.Err() }

// EndBy implements sandbox.Sandbox. When this process is gone by then, what is left goes
// with the first sweep after it.
func (b *box) EndBy(_ context.Context, t time.Time) error {
	if err := b.gone(); err != nil {
		return err
	}
	if !t.Before(b.dir.Label.Deadline) {
		return nil
	}
	if err := b.dir.EndBy(t); err != nil {
		return fmt.Errorf("bring the deadline of in-process sandbox %s forward: %w", b.dir.Path, err)
	}
	b.timer.Reset(time.Until(t))
	return nil
}

// Close implements sandbox.Sandbox.
func (b *box) Close(context.Context) error {
	b.stop()
	<-b.watched // at once: it stops measuring
	if err := b.dir.Remove(); err != nil {
		return fmt.Errorf("remove in-process sandbox: %w", err)
	}
	return nil
}
