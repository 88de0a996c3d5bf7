// Package jobs takes drills from a target to a report: the pipeline of one drill, and
// the service around it, which drills when targets are due, several at once within the
// room there is, sees that alerts arrive, and cleans up after processes that died. It
// knows no concrete storage, sandbox, engine, check or notifier, and decides on no alert.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

// Job is how a target is drilled.
type Job struct {
	Target  verify.Target
	Source  storage.Source // the one that Target.Source names
	Pattern storage.Pattern
	Marker  string         // completion marker of the target, may be empty
	Opener  storage.Opener // with the target's keys and size limit
	Limits  sandbox.Limits
	Timeout time.Duration // of the whole drill
	Runner  string        // "docker" or "process"; empty takes the first that is there
	Image   string        // overrides the image inferred from the dump
	Backup  string        // drills this very key instead of the newest
	Keep    time.Duration // leaves the sandbox running that long after the drill
	// Patience is how long a drill waits for room on the sandbox host before it is given
	// back with a *WaitError; zero waits for as long as the drill may take.
	Patience time.Duration
}

// Pipeline runs drills. Its fields are set once by cmd; it may be used concurrently.
type Pipeline struct {
	Engines []engine.Engine // asked in this order whether a dump is theirs
	// Servers are the runners for engines that need a server, by preference; Local
	// runs engines that work inside Lifeboat itself.
	Servers   []sandbox.Runner
	NoServers error // why other runners are not to be had; nil when all are
	// FindServers looks again for those that are not there. Nil when that would not help.
	FindServers func(context.Context) ([]sandbox.Runner, error)
	Local       sandbox.Runner
	Checks      []verify.Check // built in, asked of every target
	History     history.Store

	Installation string
	Instance     string
	// Alive reports whether an instance on this machine still runs. Shared is true where
	// others live on other machines: then a lease tells who is dead, by running out.
	Alive  func(instance string) bool
	Shared bool

	Now func() time.Time // what people agreed on goes by it
	// Machine is the clock of this machine, by which sandboxes end. Nil takes Now.
	Machine  func() time.Time
	NewID    func(at time.Time) string
	Progress func(Event) // never nil; called from any goroutine
	Log      *slog.Logger

	admission admission
	runners   runners
}

// machine is the time of this machine.
func (p *Pipeline) machine() time.Time {
	if p.Machine != nil {
		return p.Machine()
	}
	return p.Now()
}

// baselineDrills is how many earlier good drills a new one is compared with.
const baselineDrills = 10

// Drill runs one drill here and now, past the queue, and records it. then says what
// follows from its report. The error is nil whenever there is a report on record, whatever its
// verdict. A second drill of a target is refused with a *history.RunningError.
func (p *Pipeline) Drill(ctx context.Context, j Job, then Consequences) (verify.Report, error) {
	now := p.Now()
	d := history.Drill{
		ID: p.NewID(now), Target: j.Target.Name, Trigger: history.Manual, Priority: history.PriorityManual,
		Asked: now, By: ByHand, Backup: j.Backup, Attempt: 1,
	}
	l, err := p.History.Begin(ctx, d, p.Instance, leaseTime, now)
	if err != nil {
		return verify.Report{}, fmt.Errorf("begin drill of %s: %w", j.Target.Name, err)
	}
	live := newLive(p.Now)
	held, release := p.hold(ctx, l, leaseTime, live)
	defer release()
	return p.finish(held, l, p.run(held, l, j, live), then)
}

// outcome is how a leased drill ended.
type outcome struct {
	report verify.Report
	// stopped is why the drill was stopped before its end, nil for one that went its
	// way: ErrInterrupted, a *calledOffError, history.ErrLeaseLost, or a *WaitError.
	stopped error
}

// run runs the drill of a lease that is held under ctx. It records nothing.
func (p *Pipeline) run(ctx context.Context, l history.Lease, j Job, live *live) outcome {
	j.Backup = l.Backup
	r := &run{
		Pipeline: p, job: j, id: l.ID, again: l.Trigger == history.Confirm, began: p.machine(), live: live,
		log: p.Log.With("drill", l.ID, "target", l.Target),
	}
	r.rep = verify.Report{Schema: verify.Schema, Drill: l.ID, Target: l.Target, Started: l.Started}
	r.input = verify.Input{Target: j.Target, Now: l.Started}
	if j.Backup != "" {
		r.input.Target.Objectives.RPO = 0 // that is about the newest one, which was not asked for
	}
	ctx, cancel := context.WithTimeoutCause(ctx, j.Timeout, &timeoutError{j.Timeout})
	defer cancel()
	var err error
	if r.input.Baseline, err = p.History.Baseline(ctx, l.Target, baselineDrills); err != nil {
		err = fmt.Errorf("read what earlier drills of %s found: %w", l.Target, err)
	} else {
		err = r.drill(ctx)
	}
	var wait *WaitError
	if errors.As(err, &wait) {
		return outcome{stopped: wait}
	}
	stopped := stopCause(ctx)
	if err == nil && !errors.Is(stopped, history.ErrLeaseLost) {
		stopped = nil // it came too late to stop anything
	}
	return outcome{report: r.conclude(ctx, err), stopped: stopped}
}

// recordTimeout bounds writing one report.
const recordTimeout = 15 * time.Second

// finish stores the report of a drill even when ctx is over: an interrupted drill is
// on record too.
func (p *Pipeline) finish(ctx context.Context, l history.Lease, o outcome, then Consequences) (verify.Report, error) {
	if errors.Is(o.stopped, history.ErrLeaseLost) {
		return verify.Report{}, fmt.Errorf("drill %s of %s: %w", l.ID, l.Target, o.stopped)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), recordTimeout,
		fmt.Errorf("history took longer than %s", recordTimeout))
	defer cancel()
	effects, err := p.consequences(ctx, l, o, then)
	if err == nil {
		err = p.History.Finish(ctx, l, o.report, effects)
	}
	if err != nil {
		return o.report, fmt.Errorf("record drill %s: %w", l.ID, err)
	}
	return o.report, nil
}

// consequences looks up what the decision needs besides the report.
func (p *Pipeline) consequences(ctx context.Context, l history.Lease, o outcome, then Consequences) (func(notify.State) history.Effects, error) {
	standing, err := p.History.Standing(ctx, l.Target)
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		return nil, err
	}
	alike, err := p.alike(ctx, l.Target, o.report)
	if err != nil {
		return nil, err
	}
	return then(l.Drill, o.report, standing, alike, o.stopped), nil
}

// alikeMax bounds the targets that are looked at for the same trouble.
const alikeMax = 50

// alike counts the other targets that drills cannot tell about for the cause of rep.
func (p *Pipeline) alike(ctx context.Context, target string, rep verify.Report) (n int, err error) {
	if rep.Verdict != verify.Errored {
		return 0, nil
	}
	fleet, err := p.History.Fleet(ctx, history.FleetQuery{Verdicts: []verify.Verdict{verify.Errored}, Limit: alikeMax})
	if err != nil {
		return 0, err
	}
	cause := notify.Cause(rep)
	for _, st := range fleet.Standings {
		if open, is := st.Alerts.Problems[notify.Unverified]; is && open.Code == cause && st.Target != target {
			n++
		}
	}
	return n, nil
}

// Consequences say what follows from the report of a drill: who is told, and which
// drills come next. alike is how many other targets cannot be told about for the same
// cause, and stopped why the drill ended early. What it returns is called inside the
// transaction that stores the report, and is a pure function.
type Consequences func(d history.Drill, rep verify.Report, standing history.Standing, alike int, stopped error) func(notify.State) history.Effects

// NoConsequences tells nobody and leaves what was told as it is.
func NoConsequences(history.Drill, verify.Report, history.Standing, int, error) func(notify.State) history.Effects {
	return func(s notify.State) history.Effects { return history.Effects{State: s} }
}

// Reap cleans up after runs that died: their drills become interrupted, their
// sandboxes are removed. Runners that cannot be asked are reported and do not stop the
// others.
func (p *Pipeline) Reap(ctx context.Context, then Lost) error {
	var dead func(owner string) bool
	if !p.Shared {
		dead = func(owner string) bool { return !p.Alive(owner) }
	}
	p.seek(ctx)
	lost, err := p.History.Reap(ctx, dead, p.Now(), then)
	for _, e := range lost {
		p.Log.WarnContext(ctx, "drill was interrupted", "drill", e.ID, "target", e.Target, "owner", e.Owner, "started", e.Started)
	}
	if err != nil {
		return fmt.Errorf("mark interrupted drills: %w", err)
	}
	p.sweep(ctx)
	return nil
}

// maxRunning is more drills than run at once anywhere.
const maxRunning = 100_000

// alive tells whose sandboxes are to be left alone. Where the dead cannot be told from the
// living otherwise, those live that hold the lease of a drill. That is looked up when the
// first sandbox is asked about: whoever made it has held a lease since before it was listed.
// Where it cannot be looked up all are taken to live.
func (p *Pipeline) alive(ctx context.Context) func(instance string) bool {
	if !p.Shared {
		return p.Alive
	}
	owners := sync.OnceValue(func() map[string]bool {
		running, err := p.History.List(ctx, history.Filter{States: []history.State{history.Running}, Limit: maxRunning})
		if err != nil {
			p.Log.WarnContext(ctx, "sandboxes left alone, since nobody says whose drills run", "error", err)
			return nil
		}
		holders := make(map[string]bool, len(running))
		for _, e := range running {
			holders[e.Owner] = true
		}
		return holders
	})
	return func(instance string) bool {
		if instance == p.Instance || p.Alive(instance) {
			return true
		}
		holders := owners()
		return holders == nil || holders[instance]
	}
}

// Lost says what follows from a drill whose process died.
type Lost func(history.Entry, verify.Report, notify.State) history.Effects

// TakenOver has interrupted drills made again by whatever service comes next.
func TakenOver(now func() time.Time) Lost {
	return func(e history.Entry, _ verify.Report, s notify.State) history.Effects {
		effects := history.Effects{State: s}
		if next := takeOver(e.Drill, now()); next != nil && e.CancelBy == "" {
			effects.Drills = []history.Drill{*next}
		}
		return effects
	}
}

// sweep removes the sandboxes of dead instances, and those whose deadline is over.
func (p *Pipeline) sweep(ctx context.Context) {
	for _, r := range p.all() {
		swept, err := r.Sweep(ctx, sandbox.SweepQuery{Installation: p.Installation, Now: p.machine(), Alive: p.alive(ctx)})
		for _, id := range swept {
			p.Log.WarnContext(ctx, "sandbox of a dead run removed", "runner", r.Name(), "drill", id)
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			continue // being stopped is no trouble of the runner
		}
		switch _, news := p.runners.silent.note(r.Name(), err, p.Now()); {
		case news && err != nil:
			p.Log.WarnContext(ctx, "a runner cannot look after its sandboxes", "runner", r.Name(), "error", err)
		case news:
			p.Log.InfoContext(ctx, "a runner looks after its sandboxes again", "runner", r.Name())
		}
	}
}
