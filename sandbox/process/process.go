//go:build linux

// Package process restores with the server binaries of this very machine, for
// hosts without Docker and for the demo. Linux namespaces take the place of a
// container: a sandbox sees the machine's programs read-only, one directory of its
// own, no network and no other process.
//
// It never runs a server outside of such namespaces: where the kernel does not
// grant them there is no sandbox. It does not filter system calls, so it trusts the
// kernel as much as a container does.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/workdir"
)

// name is the runner's name.
const name = "process"

// Config says where sandboxes lie.
type Config struct {
	Dir string       // parent directory; when empty, one of this user in the temporary directory
	Log *slog.Logger // nil logs nothing
}

// Runner starts sandboxes of this machine's own programs. It implements sandbox.Runner.
type Runner struct {
	parent string
	log    *slog.Logger
	tools  tools
	root   bool // this process is root, and sandboxes get a user id of their own
}

// New returns a runner, or an error wrapping sandbox.ErrUnavailable that says why
// this machine cannot isolate and what to do about it.
func New(c Config) (*Runner, error) {
	t, err := findTools()
	if err == nil {
		err = t.tryNamespaces(os.Getuid() == 0)
	}
	if err != nil {
		return nil, fmt.Errorf("process sandbox: %w: %w", sandbox.ErrUnavailable, err)
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{parent: c.Dir, log: log, tools: t, root: os.Getuid() == 0}, nil
}

// Name implements sandbox.Runner.
func (r *Runner) Name() string { return name }

// Start implements sandbox.Runner. A server that is not installed in the version
// wanted or a newer one is a *sandbox.ImageError. The user of the spec is only the
// name commands run under inside; its number belongs to nobody on this machine or,
// when Lifeboat is not root, is Lifeboat's own, powerless inside.
func (r *Runner) Start(ctx context.Context, s sandbox.Spec) (sandbox.Sandbox, error) {
	b, err := r.start(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("start process sandbox: %w", err)
	}
	return b, nil
}

func (r *Runner) start(ctx context.Context, s sandbox.Spec) (_ *box, err error) {
	if err := errors.Join(ctx.Err(), s.Check(time.Now())); err != nil {
		return nil, err
	}
	user, err := r.user(s.User)
	if err != nil {
		return nil, err
	}
	var srv server
	if s.Server != "" {
		if srv, err = findServer(ctx, s.Server, s.Version); err != nil {
			return nil, err
		}
	}
	parent, err := workdir.Parent(r.parent)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sandbox.ErrUnavailable, err)
	}
	dir, err := workdir.Make(parent, workdir.Label{Runner: name, Owner: s.Owner, Deadline: s.Deadline, Keep: s.Keep})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sandbox.ErrUnavailable, err)
	}
	if err := furnish(dir, user); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", sandbox.ErrUnavailable, err), dir.Remove())
	}
	g, err := r.guard(ctx, dir, user, srv, s)
	if err != nil {
		return nil, errors.Join(err, dir.Remove())
	}
	b := newBox(r, dir, user, srv, s, g)
	if err := b.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", sandbox.ErrUnavailable, err), b.Close(context.WithoutCancel(ctx)))
	}
	return b, nil
}

// Room implements sandbox.Runner.
func (r *Runner) Room(ctx context.Context) (sandbox.Room, error) {
	return workdir.Room(ctx, r.parent)
}

// Sweep implements sandbox.Runner. A sandbox whose Lifeboat was killed removes
// itself, so there is rarely anything to sweep.
func (r *Runner) Sweep(ctx context.Context, q sandbox.SweepQuery) ([]string, error) {
	drills, err := workdir.Sweep(ctx, r.parent, name, q, sweep)
	if err != nil {
		return drills, fmt.Errorf("sweep process sandboxes: %w", err)
	}
	return drills, nil
}
