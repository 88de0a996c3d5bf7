package historytest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var workPromises = []promise{
	{"work delivers what was queued before and after it began", deliversAll},
	{"work delivers by priority", deliversInOrder},
	{"work never has more than n drills in hand", deliversBounded},
	{"work delivers again after the pause it was asked for", deliversAgain},
	{"work holds back what may not begin yet", holdsBack},
	{"one that was given back is held back until its time", givenBackIsHeldBack},
	{"work delivers follow-ups as well", deliversFollowUps},
	{"work goes on when the context of its beginning ends", outlivesItsContext},
	{"stop lets running drills end", stopDrains},
	{"stop cancels what does not end in time", stopCancels},
	{"several workers share one queue", sharedQueue},
}

type worker = func(ctx context.Context, drill string) time.Duration

// work starts a worker that is stopped, by force, with the test at the latest.
func work(t *testing.T, s history.Store, n int, do worker) (stop func(context.Context) error) {
	t.Helper()
	stop, err := s.Work(t.Context(), n, do)
	if err != nil {
		t.Fatalf("Work: %v", err)
	}
	return stop
}

// halt stops a worker and lets it end what it has in hand.
func halt(t *testing.T, stop func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// delivered collects what a worker was given.
type delivered struct {
	sync.Mutex
	ids []string
}

func (d *delivered) add(id string) {
	d.Lock()
	defer d.Unlock()
	d.ids = append(d.ids, id)
}

func (d *delivered) all() []string {
	d.Lock()
	defer d.Unlock()
	return slices.Clone(d.ids)
}

// has reports whether every one of ids was delivered.
func (d *delivered) has(ids ...string) func() bool {
	return func() bool {
		got := d.all()
		return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(got, id) })
	}
}

// drillNow claims and finishes a delivered drill.
func drillNow(t *testing.T, s history.Store, id string, v verify.Verdict) {
	ctx := context.WithoutCancel(t.Context())
	l, err := s.Claim(ctx, id, "host/1", lease, noon)
	if err == nil {
		err = s.Finish(ctx, l, Report(l.Drill, v), unmoved)
	}
	if err != nil {
		t.Errorf("drill %s: %v", id, err)
	}
}

func deliversAll(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0), Drill("d2", "customers", 0))
	var got delivered
	stop := work(t, s, 2, func(_ context.Context, id string) time.Duration {
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	eventually(t, "what was queued before is delivered", got.has("d1", "d2"))
	enqueue(t, s, Drill("d3", "orders", 1))
	eventually(t, "what was queued after is delivered", got.has("d3"))
	for _, id := range []string{"d1", "d2", "d3"} {
		wantState(t, s, id, history.Finished)
	}
}

func deliversInOrder(t *testing.T, s history.Store) {
	for i, p := range []int{history.PriorityCatchUp, history.PriorityScheduled, history.PriorityFollowUp, history.PriorityManual} {
		d := scheduled(fmt.Sprintf("d%d", i), fmt.Sprintf("target-%d", i), i)
		d.Priority = p
		enqueue(t, s, d)
	}
	var got delivered
	stop := work(t, s, 1, func(_ context.Context, id string) time.Duration {
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	eventually(t, "all are delivered", got.has("d0", "d1", "d2", "d3"))
	if want := []string{"d3", "d2", "d1", "d0"}; !slices.Equal(got.all(), want) {
		t.Errorf("delivered %v, want %v", got.all(), want)
	}
}

func deliversBounded(t *testing.T, s history.Store) {
	const many, bound = 9, 3
	var want []string
	for i := range many {
		d := Drill(fmt.Sprintf("d%d", i), fmt.Sprintf("target-%d", i), i)
		enqueue(t, s, d)
		want = append(want, d.ID)
	}
	var got delivered
	var inHand atomic.Int32
	full := make(chan struct{}, many)
	release := make(chan struct{})
	stop := work(t, s, bound, func(_ context.Context, id string) time.Duration {
		if n := inHand.Add(1); n > bound {
			t.Errorf("%d drills are in hand, want at most %d", n, bound)
		}
		defer inHand.Add(-1)
		full <- struct{}{}
		<-release
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	for range bound {
		select {
		case <-full:
		case <-time.After(patience):
			close(release)
			t.Fatalf("%d drills were not in hand at once within %s", bound, patience)
		}
	}
	close(release)
	eventually(t, "all are delivered", got.has(want...))
}

func deliversAgain(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	const pause = 300 * time.Millisecond
	calls, done := 0, make(chan struct{})
	var early *time.Timer // rings when the next call is not too early any more
	stop := work(t, s, 1, func(_ context.Context, id string) time.Duration {
		if early != nil {
			select {
			case <-early.C:
			default:
				t.Errorf("it came again before its pause of %s was over", pause)
			}
		}
		if calls++; calls < 3 {
			early = time.NewTimer(pause - pace)
			return pause
		}
		drillNow(t, s, id, verify.Passed)
		close(done)
		return 0
	})
	defer halt(t, stop)
	receive(t, done, "the third delivery")
}

func holdsBack(t *testing.T, s history.Store) {
	late, soon := scheduled("late", "orders", 0), scheduled("soon", "customers", 0)
	late.NotBefore = late.Asked.Add(time.Hour)
	soon.NotBefore = soon.Asked.Add(time.Minute)
	enqueue(t, s, late, soon, scheduled("now", "items", 0))
	var got delivered
	stop := work(t, s, 3, func(_ context.Context, id string) time.Duration {
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	eventually(t, "the one that is not held back is delivered", got.has("now"))
	release(t, s, soon.NotBefore.Add(-time.Nanosecond), 0)
	if got.has("soon")() {
		t.Error("a drill was delivered before its time")
	}
	release(t, s, soon.NotBefore, 1)
	eventually(t, "the one whose time came is delivered", got.has("soon"))
	release(t, s, soon.NotBefore, 0) // nothing is delivered twice
	if got.has("late")() {
		t.Error("a drill was delivered an hour before it may begin")
	}
	wantState(t, s, "late", history.Queued)
}

// release hands drills to Work and wants so many of them.
func release(t *testing.T, s history.Store, now time.Time, want int) {
	t.Helper()
	if n, err := s.Release(t.Context(), now); err != nil || n != want {
		t.Errorf("Release = %d, %v; want %d", n, err, want)
	}
}

func givenBackIsHeldBack(t *testing.T, s history.Store) {
	enqueue(t, s, scheduled("d1", "orders", 0))
	until := minute(9)
	var got delivered
	calls := 0
	stop := work(t, s, 1, func(ctx context.Context, id string) time.Duration {
		if calls++; calls == 1 {
			l := claim(t, s, id, minute(1))
			if err := s.GiveBack(ctx, l, "no room", until, minute(1)); err != nil {
				t.Errorf("GiveBack: %v", err)
			}
			got.add("given back")
			return 0
		}
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	eventually(t, "it is given back", got.has("given back"))
	release(t, s, until.Add(-time.Second), 0)
	release(t, s, until, 1)
	eventually(t, "it is delivered again", got.has("d1"))
}

func deliversFollowUps(t *testing.T, s history.Store) {
	first := Drill("d1", "orders", 0)
	l := begin(t, s, first)
	next := followUp("d2", first)
	then := func(st notify.State) history.Effects {
		return history.Effects{State: st, Drills: []history.Drill{next}}
	}
	if err := s.Finish(t.Context(), l, Report(first, verify.Errored), then); err != nil {
		t.Fatal(err)
	}
	var got delivered
	stop := work(t, s, 1, func(_ context.Context, id string) time.Duration {
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	defer halt(t, stop)
	eventually(t, "the follow-up is delivered", got.has("d2"))
}

func outlivesItsContext(t *testing.T, s history.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got delivered
	begun, release := make(chan struct{}, 2), make(chan struct{})
	stop, err := s.Work(ctx, 1, func(ctx context.Context, id string) time.Duration {
		begun <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Errorf("the context of %s ended with the one that Work was given: %v", id, context.Cause(ctx))
		}
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	if err != nil {
		t.Fatal(err)
	}
	defer halt(t, stop)
	enqueue(t, s, Drill("d1", "orders", 0))
	receive(t, begun, "the first drill")
	cancel()
	close(release)
	enqueue(t, s, Drill("d2", "customers", 0))
	eventually(t, "both are delivered", got.has("d1", "d2"))
}

func stopDrains(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0), Drill("d2", "customers", 1))
	begun, release := make(chan struct{}, 2), make(chan struct{})
	var got delivered
	stop := work(t, s, 1, func(ctx context.Context, id string) time.Duration {
		begun <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Errorf("the drill was cancelled although there was time: %v", context.Cause(ctx))
		}
		drillNow(t, s, id, verify.Passed)
		got.add(id)
		return 0
	})
	receive(t, begun, "a drill")
	stopped := make(chan struct{})
	go func() { defer close(stopped); halt(t, stop) }()
	select {
	case <-stopped:
		t.Error("stop returned while a drill was in hand")
	case <-time.After(20 * pace): // how long nothing may happen
	}
	close(release)
	receive(t, stopped, "stop's end")
	halt(t, stop) // may be called twice
	if list := got.all(); len(list) != 1 {
		t.Errorf("%v were delivered, want the one that was in hand", list)
	}
	if left := waiting(t, s); len(left) != 1 {
		t.Errorf("%v wait, want the other one", left)
	}
}

func stopCancels(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	begun, ended := make(chan struct{}, 1), make(chan struct{})
	stop := work(t, s, 1, func(ctx context.Context, _ string) time.Duration {
		begun <- struct{}{}
		<-ctx.Done()
		close(ended)
		return 0
	})
	receive(t, begun, "the drill")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stop(ctx) // says, or does not say, that there was no time: what counts is that nothing runs
	select {
	case <-ended:
	default:
		t.Error("stop returned before the drill had ended")
	}
	halt(t, stop)
}

func sharedQueue(t *testing.T, s history.Store) {
	const many = 40
	var want []string
	for i := range many {
		d := scheduled(fmt.Sprintf("d%02d", i), fmt.Sprintf("target-%d", i), i)
		enqueue(t, s, d)
		want = append(want, d.ID)
	}
	var got delivered
	for w := range 2 {
		stop := work(t, s, 3, func(ctx context.Context, id string) time.Duration {
			l, err := s.Claim(ctx, id, fmt.Sprintf("host/%d", w), lease, noon)
			if err != nil {
				return 0 // the other was faster
			}
			if err := s.Finish(ctx, l, Report(l.Drill, verify.Passed), unmoved); err != nil {
				t.Errorf("Finish(%s): %v", id, err)
			}
			got.add(id)
			return 0
		})
		defer halt(t, stop)
	}
	eventually(t, "all are drilled", got.has(want...))
	if n := len(got.all()); n != many {
		t.Errorf("%d drills were finished, want %d", n, many)
	}
}

// receive waits for c.
func receive(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
}
