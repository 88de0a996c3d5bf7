package historytest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var modelPromises = []promise{
	{"the queue is a state machine", stateMachine},
}

// modelBudget bounds the search for a sequence that breaks a promise.
const modelBudget = 8 * time.Second

// maxAttempts bounds the attempts of a drill and its take-overs in the model.
const maxAttempts = 3

// stateMachine does random things to a few targets and holds after each that the store
// and a simple model of it say the same.
func stateMachine(t *testing.T, s history.Store) {
	budget, cancel := context.WithTimeout(t.Context(), modelBudget)
	defer cancel()
	round, broken := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if budget.Err() != nil && !broken { // a broken promise is looked into without hurry
			return
		}
		defer func() { broken = broken || rt.Failed() }()
		round++ // what one round left behind is none of the next one's business
		m := &model{s: s, ctx: t.Context(), round: round, drills: make(map[string]*modelDrill)}
		rt.Repeat(map[string]func(*rapid.T){
			"enqueue": m.enqueue, "claim": m.claim, "begin": m.begin, "beat": m.beat, "expire": m.expire,
			"give back": m.giveBack, "finish": m.finish, "cancel": m.cancel, "reap": m.reap, "": m.agree,
		})
	})
}

// model is what the queue should look like.
type model struct {
	s       history.Store
	ctx     context.Context
	round   int
	made    int // drills, for their ids
	drills  map[string]*modelDrill
	leases  []history.Lease // all that ever were
	touched []string        // targets since the last look
}

type modelDrill struct {
	history.Drill
	state    history.State
	token    int64 // of its newest lease
	expired  bool
	cancelBy string
}

func (m *model) id() string {
	m.made++
	return fmt.Sprintf("r%d-d%d", m.round, m.made)
}

func (m *model) target(rt *rapid.T) string {
	return m.touch(fmt.Sprintf("r%d-%s", m.round, rapid.SampledFrom([]string{"orders", "customers"}).Draw(rt, "target")))
}

func (m *model) touch(target string) string {
	m.touched = append(m.touched, target)
	return target
}

// drill draws one that exists.
func (m *model) drill(rt *rapid.T) *modelDrill {
	if len(m.drills) == 0 {
		rt.Skip("there is no drill yet")
	}
	d := m.drills[rapid.SampledFrom(slices.Sorted(maps.Keys(m.drills))).Draw(rt, "drill")]
	m.touch(d.Target)
	return d
}

// lease draws one that was given, stale or not.
func (m *model) lease(rt *rapid.T) (l history.Lease, d *modelDrill, mine bool) {
	if len(m.leases) == 0 {
		rt.Skip("there is no lease yet")
	}
	l = m.leases[rapid.IntRange(0, len(m.leases)-1).Draw(rt, "lease")]
	d = m.drills[l.Drill.ID]
	m.touch(d.Target)
	return l, d, d.state == history.Running && d.token == l.Token
}

// running is the drill of a target that runs, nil when there is none.
func (m *model) running(target string) *modelDrill {
	for _, d := range m.drills {
		if d.Target == target && d.state == history.Running {
			return d
		}
	}
	return nil
}

func (m *model) enqueue(rt *rapid.T) {
	d := scheduled(m.id(), m.target(rt), rapid.IntRange(0, 5).Draw(rt, "occurrence"))
	known := false
	for _, other := range m.drills {
		known = known || other.Target == d.Target && other.ScheduledFor.Equal(d.ScheduledFor)
	}
	_, fresh, err := m.s.Enqueue(m.ctx, d)
	if err != nil || fresh == known {
		rt.Fatalf("Enqueue(%s) = %t, %v; known before: %t", d.ID, fresh, err, known)
	}
	if fresh {
		m.drills[d.ID] = &modelDrill{Drill: d, state: history.Queued}
	}
}

func (m *model) claim(rt *rapid.T) {
	d := m.drill(rt)
	busy := m.running(d.Target)
	l, err := m.s.Claim(m.ctx, d.ID, "host/1", lease, noon)
	var refused *history.RunningError
	switch {
	case d.state == history.Running:
		m.want(rt, "Claim of a running drill", err, history.ErrTaken)
	case d.state != history.Queued:
		m.want(rt, "Claim of a drill that is over", err, history.ErrOver)
	case busy != nil:
		if !errors.As(err, &refused) || refused.Drill != busy.ID {
			rt.Fatalf("Claim(%s) beside %s = %v", d.ID, busy.ID, err)
		}
	default:
		m.want(rt, "Claim", err, nil)
		m.hold(rt, d, l)
	}
}

func (m *model) begin(rt *rapid.T) {
	d := &modelDrill{Drill: Drill(m.id(), m.target(rt), m.made)}
	d.ScheduledFor = time.Time{}
	busy := m.running(d.Target)
	l, err := m.s.Begin(m.ctx, d.Drill, "host/1", lease, d.Asked)
	var refused *history.RunningError
	if busy != nil {
		if !errors.As(err, &refused) || refused.Drill != busy.ID {
			rt.Fatalf("Begin(%s) beside %s = %v", d.ID, busy.ID, err)
		}
		return
	}
	m.want(rt, "Begin", err, nil)
	m.drills[d.ID] = d
	m.hold(rt, d, l)
}

// hold notes a new lease.
func (m *model) hold(rt *rapid.T, d *modelDrill, l history.Lease) {
	if l.Drill.ID != d.ID || l.Token <= d.token {
		rt.Fatalf("the lease of %s is %+v, want a token above %d", d.ID, l, d.token)
	}
	d.state, d.token, d.expired = history.Running, l.Token, false
	m.leases = append(m.leases, l)
}

func (m *model) beat(rt *rapid.T) {
	l, d, mine := m.lease(rt)
	by, err := m.s.Beat(m.ctx, l, lease, history.Progress{})
	if !mine || d.expired {
		m.want(rt, "Beat of a lost lease", err, history.ErrLeaseLost)
		return
	}
	m.want(rt, "Beat", err, nil)
	if by != d.cancelBy {
		rt.Fatalf("Beat(%s) = %q, want %q", d.ID, by, d.cancelBy)
	}
}

func (m *model) expire(rt *rapid.T) {
	l, d, mine := m.lease(rt)
	if !mine || d.expired {
		rt.Skip("this lease is lost already")
	}
	expire(m.ctx, rt, m.s, l)
	d.expired = true
}

func (m *model) giveBack(rt *rapid.T) {
	l, d, mine := m.lease(rt)
	if mine && d.expired {
		rt.Skip("whether this is still accepted is not promised")
	}
	err := m.s.GiveBack(m.ctx, l, "no room", minute(1), noon)
	if !mine {
		m.want(rt, "GiveBack of a lost lease", err, history.ErrLeaseLost)
		return
	}
	m.want(rt, "GiveBack", err, nil)
	if d.state = history.Queued; d.cancelBy != "" {
		d.state = history.Cancelled
	}
}

func (m *model) finish(rt *rapid.T) {
	l, d, mine := m.lease(rt)
	err := m.s.Finish(m.ctx, l, Report(d.Drill, verify.Passed), unmoved)
	if !mine {
		m.want(rt, "Finish with a lost lease", err, history.ErrLeaseLost)
		return
	}
	m.want(rt, "Finish", err, nil)
	d.state = history.Finished
}

func (m *model) cancel(rt *rapid.T) {
	d := m.drill(rt)
	was, err := m.s.Cancel(m.ctx, d.ID, "ann", noon)
	switch d.state {
	case history.Queued:
		m.want(rt, "Cancel", err, nil)
		d.state = history.Cancelled
	case history.Running:
		m.want(rt, "Cancel", err, nil)
		d.cancelBy = "ann"
	default:
		m.want(rt, "Cancel of a drill that is over", err, history.ErrOver)
		return
	}
	if found := map[history.State]history.State{history.Cancelled: history.Queued, history.Running: history.Running}[d.state]; was != found {
		rt.Fatalf("Cancel(%s) found it %s, want %s", d.ID, was, found)
	}
}

func (m *model) reap(rt *rapid.T) {
	var dead []string
	heirs := make(map[string]string)
	for _, id := range slices.Sorted(maps.Keys(m.drills)) {
		if d := m.drills[id]; d.state == history.Running && d.expired {
			dead = append(dead, id)
			heirs[id] = m.id()
		}
	}
	got, err := m.s.Reap(m.ctx, nil, minute(9), func(e history.Entry, _ verify.Report, st notify.State) history.Effects {
		f := history.Effects{State: st}
		if heirs[e.ID] != "" && e.Attempt < maxAttempts {
			f.Drills = []history.Drill{followUp(heirs[e.ID], e.Drill)}
		}
		return f
	})
	m.want(rt, "Reap", err, nil)
	reaped := ids(got)
	reaped = slices.DeleteFunc(reaped, func(id string) bool { return m.drills[id] == nil }) // of earlier rounds
	if slices.Sort(reaped); !slices.Equal(reaped, dead) {
		rt.Fatalf("Reap = %v, want %v", reaped, dead)
	}
	for _, id := range dead {
		d := m.drills[id]
		m.touch(d.Target)
		d.state = history.Interrupted
		if d.Attempt < maxAttempts {
			m.drills[heirs[id]] = &modelDrill{Drill: followUp(heirs[id], d.Drill), state: history.Queued}
		}
	}
}

// want holds an answer of the store.
func (m *model) want(rt *rapid.T, what string, got, want error) {
	if !errors.Is(got, want) {
		rt.Fatalf("%s = %v, want %v", what, got, want)
	}
}

// agree holds that the store says of each touched target what the model says.
func (m *model) agree(rt *rapid.T) {
	slices.Sort(m.touched)
	for _, target := range slices.Compact(m.touched) {
		running, queued := "", 0
		for _, id := range slices.Sorted(maps.Keys(m.drills)) {
			d := m.drills[id]
			if d.Target != target {
				continue
			}
			switch d.state {
			case history.Running:
				running = id
			case history.Queued:
				queued++
			}
			m.agreeOn(rt, d)
		}
		st, err := m.s.Standing(m.ctx, target)
		if errors.Is(err, history.ErrNotFound) && running == "" && queued == 0 {
			continue // all that was asked of it was refused
		}
		if err != nil || st.Running != running || st.Queued != queued {
			rt.Fatalf("of %s %q runs and %d wait, %v; want %q and %d", target, st.Running, st.Queued, err, running, queued)
		}
	}
	m.touched = m.touched[:0]
}

func (m *model) agreeOn(rt *rapid.T, d *modelDrill) {
	e, err := m.s.Entry(m.ctx, d.ID)
	if err != nil || e.State != d.state || e.Attempt != d.Attempt || e.Attempt > maxAttempts {
		rt.Fatalf("drill %s is %s in its attempt %d, %v; want %s in its attempt %d", d.ID, e.State, e.Attempt, err, d.state, d.Attempt)
	}
	ended := d.state == history.Finished || d.state == history.Interrupted
	if _, err := m.s.Get(m.ctx, d.ID); (err == nil) != ended {
		rt.Fatalf("the report of %s, which is %s: %v", d.ID, d.state, err)
	}
}
