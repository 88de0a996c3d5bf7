// Package jobs takes drills from a target to a report: the pipeline of one drill,
// several drills at once within the room there is, and cleaning up after runs that
// died. It knows no concrete storage, sandbox, engine or check.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

// Job asks for one drill.
type Job struct {
	Target  verify.Target
	Pattern storage.Pattern
	Marker  string         // completion marker of the target, may be empty
	Opener  storage.Opener // with the target's keys and size limit
	Limits  sandbox.Limits
	Timeout time.Duration // of the whole drill
	Runner  string        // "docker" or "process"; empty takes the first that is there
	Image   string        // overrides the image inferred from the dump
	Backup  string        // drills this very key instead of the newest
	Keep    time.Duration // leaves the sandbox running that long after the drill
}

// Pipeline runs drills. Its fields are set once by cmd; it may be used concurrently.
type Pipeline struct {
	Sources map[string]storage.Source
	Engines []engine.Engine // asked in this order whether a dump is theirs
	// Servers are the runners for engines that need a server, by preference; Local
	// runs engines that work inside Lifeboat itself.
	Servers   []sandbox.Runner
	NoServers error // why other runners are not to be had; nil when all are
	Local     sandbox.Runner
	Checks    []verify.Check // built in, asked of every target
	History   history.Store

	Installation string
	Instance     string

	Now      func() time.Time
	NewID    func(at time.Time) string
	Progress func(Event) // never nil; called from any goroutine
	Log      *slog.Logger

	admission admission
}

// baselineDrills is how many earlier good drills a new one is compared with.
const baselineDrills = 10

// Drill runs one drill to its end and records it. The error is nil whenever there is
// a report, whatever its verdict. A second drill of a target is refused with a
// *history.RunningError.
func (p *Pipeline) Drill(ctx context.Context, j Job) (verify.Report, error) {
	started := p.Now()
	d := history.Drill{ID: p.NewID(started), Target: j.Target.Name, Instance: p.Instance, Started: started}
	if err := p.History.Begin(ctx, d); err != nil {
		return verify.Report{}, fmt.Errorf("begin drill of %s: %w", j.Target.Name, err)
	}
	r := &run{Pipeline: p, job: j, id: d.ID, log: p.Log.With("drill", d.ID, "target", j.Target.Name)}
	r.rep = verify.Report{Schema: verify.Schema, Drill: d.ID, Target: j.Target.Name, Started: started}
	r.input = verify.Input{Target: j.Target, Now: started}
	if j.Backup != "" {
		r.input.Target.Objectives.RPO = 0 // that is about the newest one, which was not asked for
	}

	ctx, cancel := context.WithTimeoutCause(ctx, j.Timeout, &timeoutError{j.Timeout})
	defer cancel()
	var err error
	if r.input.Baseline, err = p.History.Baseline(ctx, j.Target.Name, baselineDrills); err != nil {
		err = fmt.Errorf("read what earlier drills of %s found: %w", j.Target.Name, err)
	} else {
		err = r.drill(ctx)
	}
	rep := r.conclude(ctx, err)
	return rep, p.record(ctx, rep)
}

// recordTimeout bounds writing one report.
const recordTimeout = 15 * time.Second

// record stores rep even when ctx is over: an interrupted drill is on record too.
func (p *Pipeline) record(ctx context.Context, rep verify.Report) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), recordTimeout,
		fmt.Errorf("history took longer than %s", recordTimeout))
	defer cancel()
	if err := p.History.Finish(ctx, rep); err != nil {
		return fmt.Errorf("record drill %s: %w", rep.Drill, err)
	}
	return nil
}

// Reap cleans up after runs that died: their drills become interrupted, their
// sandboxes are removed. Runners that cannot be asked are reported and do not stop
// the others.
func (p *Pipeline) Reap(ctx context.Context, alive func(instance string) bool) error {
	now := p.Now()
	dead, err := p.History.Interrupt(ctx, alive, now)
	if err != nil {
		return fmt.Errorf("mark interrupted drills: %w", err)
	}
	for _, d := range dead {
		p.Log.WarnContext(ctx, "drill was interrupted", "drill", d.ID, "target", d.Target, "started", d.Started)
	}
	q := sandbox.SweepQuery{Installation: p.Installation, Now: now, Alive: alive}
	for _, r := range append([]sandbox.Runner{p.Local}, p.Servers...) {
		swept, err := r.Sweep(ctx, q)
		if err != nil {
			p.Log.WarnContext(ctx, "sandboxes not swept", "runner", r.Name(), "error", err)
		}
		for _, id := range swept {
			p.Log.WarnContext(ctx, "sandbox of a dead run removed", "runner", r.Name(), "drill", id)
		}
	}
	return nil
}
