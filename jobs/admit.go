package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
	"lifeboat/storage"
)

// place is the room one drill was given.
type place struct {
	runner  sandbox.Runner
	image   string
	limits  sandbox.Limits
	release func()
}

// admission hands out the room of the sandbox host to drills that run at once.
type admission struct {
	mu      sync.Mutex
	taken   map[sandbox.Runner]room
	changed chan struct{} // closed and replaced whenever room is given back
}

// room is what drills take from a host.
type room struct {
	drills       int
	cpus         float64
	memory, disk int64
}

// roomPoll is how often a waiting drill looks at the host again: other programs may
// have freed memory or disk.
const roomPoll = 5 * time.Second

// admit picks the runner and waits until its host has room, saying why.
func (r *run) admit(ctx context.Context, art storage.Artifact, needs engine.Needs) (place, error) {
	defer r.phase(Admit)()
	runner, err := r.runner(needs)
	if err != nil {
		return place{}, err
	}
	pl := place{runner: runner, image: needs.Image, limits: r.job.Limits}
	if r.job.Image != "" {
		pl.image = r.job.Image
	}
	want := room{drills: 1, cpus: pl.limits.CPUs, memory: pl.limits.Memory,
		disk: min(pl.limits.Disk, needs.Disk(art.Bytes()))}
	if needs.Server == "" {
		want.memory = min(want.memory, needs.Memory(art.Bytes()))
	}
	have, err := roomOf(ctx, runner)
	if err != nil {
		return place{}, err
	}
	if have.CPUs > 0 {
		pl.limits.CPUs = min(pl.limits.CPUs, have.CPUs)
		want.cpus = pl.limits.CPUs
	}
	if have.Memory > 0 && want.memory > have.Memory {
		return place{}, fmt.Errorf("sandbox.memory is %s and the host has %s in all: %w",
			units.Bytes(want.memory), units.Bytes(have.Memory), &sandbox.LimitError{Limit: "memory", Bytes: want.memory})
	}
	pl.release, err = r.admission.take(ctx, runner, want, have, r.job.Patience, func(why string) { r.say(Admit, why) })
	return pl, err
}

// runner is the configured one, or the first there is.
func (r *run) runner(needs engine.Needs) (sandbox.Runner, error) {
	if needs.Server == "" {
		return r.Local, nil
	}
	servers, why := r.servers()
	for _, s := range servers {
		if r.job.Runner == "" || r.job.Runner == s.Name() {
			return s, nil
		}
	}
	if why == nil {
		why = fmt.Errorf("runner %q is not built in", r.job.Runner)
	}
	return nil, fmt.Errorf("%w: %w", sandbox.ErrUnavailable, why)
}

// take waits until want fits beside what other drills took of what the runner has now.
// A drill that is alone and does not fit is refused: waiting would not help it.
// One that is not alone waits for as long as patience lasts, and for ever when that is zero.
func (a *admission) take(ctx context.Context, on sandbox.Runner, want room, have sandbox.Room, patience time.Duration, say func(why string)) (func(), error) {
	var over <-chan time.Time
	if patience > 0 {
		over = time.After(patience)
	}
	for {
		why, others, changed := a.try(on, want, have)
		if why == "" {
			return sync.OnceFunc(func() { a.give(on, want) }), nil
		}
		if others == 0 {
			return nil, fmt.Errorf("%s, and no other drill will free any: %w", why, sandbox.ErrOutOfRoom)
		}
		say("waiting: " + why)
		timer := time.NewTimer(roomPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("wait for room (%s): %w", why, context.Cause(ctx))
		case <-over:
			timer.Stop()
			return nil, &WaitError{Why: why}
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		var err error
		if have, err = roomOf(ctx, on); err != nil {
			return nil, err
		}
	}
}

// WaitError gives a drill back that there was no room for.
type WaitError struct{ Why string }

// Error says what is short.
func (e *WaitError) Error() string { return "waiting for room: " + e.Why }

// roomOf asks a runner what its host has now.
func roomOf(ctx context.Context, on sandbox.Runner) (sandbox.Room, error) {
	have, err := on.Room(ctx)
	if err != nil {
		return sandbox.Room{}, fmt.Errorf("ask %s for its room: %w", on.Name(), err)
	}
	return have, nil
}

// try takes want if it fits. Otherwise it says what is short, how many drills hold
// room, and what to wait for.
func (a *admission) try(on sandbox.Runner, want room, have sandbox.Room) (why string, others int, changed chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken == nil {
		a.taken, a.changed = map[sandbox.Runner]room{}, make(chan struct{})
	}
	t := a.taken[on]
	switch {
	case t.drills > 0 && have.CPUs > 0 && t.cpus+want.cpus > have.CPUs:
		why = fmt.Sprintf("needs %g CPUs, %g free", want.cpus, max(0, have.CPUs-t.cpus))
	case have.Memory > 0 && t.memory+want.memory > have.Memory:
		why = fmt.Sprintf("needs %s of memory, %s free", units.Bytes(want.memory), units.Bytes(have.Memory-t.memory))
	case have.FreeDisk > 0 && t.disk+want.disk > have.FreeDisk:
		why = fmt.Sprintf("needs %s of disk, %s free", units.Bytes(want.disk), units.Bytes(max(0, have.FreeDisk-t.disk)))
	default:
		a.taken[on] = room{t.drills + 1, t.cpus + want.cpus, t.memory + want.memory, t.disk + want.disk}
		return "", t.drills, nil
	}
	return why, t.drills, a.changed
}

// Sandboxes counts the drills of this process that have room on a host, by runner.
func (p *Pipeline) Sandboxes() map[string]int {
	p.admission.mu.Lock()
	defer p.admission.mu.Unlock()
	count := make(map[string]int)
	for _, r := range p.all() {
		count[r.Name()] = p.admission.taken[r].drills
	}
	return count
}

func (a *admission) give(on sandbox.Runner, back room) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.taken[on]
	a.taken[on] = room{t.drills - 1, t.cpus - back.cpus, t.memory - back.memory, t.disk - back.disk}
	close(a.changed)
	a.changed = make(chan struct{})
}
