// Package scratch gives engines that run inside Lifeboat itself, such as SQLite's,
// a directory with a watched disk limit and a deadline. It starts no programs and
// opens no connections.
//
// It cannot hold a hostile program back, because it runs none: an engine that uses
// it must read dumps with a library that executes nothing of them. When Lifeboat is
// killed the directory stays until the next Sweep.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

// name is the runner's name.
const name = "in-process"

// watchInterval is how often disk use is measured: a dump of 1 GB/s overshoots its
// limit by a quarter of a gigabyte.
const watchInterval = 250 * time.Millisecond

// Config says where sandboxes lie.
type Config struct {
	Dir string       // parent directory; when empty, one of this user in the temporary directory
	Log *slog.Logger // nil logs nothing
}

// Runner makes directories. It implements sandbox.Runner.
type Runner struct {
	parent string
	log    *slog.Logger
}

// New returns a runner. It touches nothing yet.
func New(c Config) *Runner {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{parent: c.Dir, log: log}
}

// Name implements sandbox.Runner.
func (r *Runner) Name() string { return name }

// Start implements sandbox.Runner. Image, user and server of the spec are not
// used; of the limits only the disk's can be enforced.
func (r *Runner) Start(ctx context.Context, s sandbox.Spec) (sandbox.Sandbox, error) {
	if err := errors.Join(ctx.Err(), s.Check(time.Now())); err != nil {
		return nil, fmt.Errorf("start in-process sandbox: %w", err)
	}
	parent, err := workdir.Parent(r.parent)
	if err != nil {
		return nil, fmt.Errorf("start in-process sandbox: %w: %w", sandbox.ErrUnavailable, err)
	}
	d, err := workdir.Make(parent, workdir.Label{Runner: name, Owner: s.Owner, Deadline: s.Deadline, Keep: s.Keep})
	if err != nil {
		return nil, fmt.Errorf("start in-process sandbox: %w: %w", sandbox.ErrUnavailable, err)
	}
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &box{
		dir: d, log: r.log, disk: workdir.NewMeter(d), limit: s.Limits.Disk,
		ending: workdir.NewEnding(), timer: time.NewTimer(time.Until(s.Deadline)), closed: watch.Done(), stop: stop, watched: make(chan struct{}),
	}
	go b.watch(watch)
	return b, nil
}

// Room implements sandbox.Runner.
func (r *Runner) Room(ctx context.Context) (sandbox.Room, error) {
	return workdir.Room(ctx, r.parent)
}

// Sweep implements sandbox.Runner.
func (r *Runner) Sweep(ctx context.Context, q sandbox.SweepQuery) ([]string, error) {
	drills, err := workdir.Sweep(ctx, r.parent, name, q, func(_ context.Context, d workdir.Dir) error { return d.Remove() })
	if err != nil {
		return drills, fmt.Errorf("sweep in-process sandboxes: %w", err)
	}
	return drills, nil
}
