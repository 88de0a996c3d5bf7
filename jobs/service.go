package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"lifeboat/history"
)

// Service is Lifeboat in the background: it drills when targets are due, watches that
// verdicts keep coming, and sees to it that alerts arrive. Its exported fields are set
// once by cmd. Any number of them, in any number of processes, may share one history.
type Service struct {
	Pipeline *Pipeline
	Store    history.Store
	Now      func() time.Time // what people agreed on goes by it; leases do not
	NewID    func(at time.Time) string
	Log      *slog.Logger
	// Drain is how long a stop lets running drills go on before it hands them over.
	Drain time.Duration
	// Lease is how long a drill stays with a process that shows no sign of life. Zero
	// takes 45 seconds.
	Lease time.Duration
	// SendLease is the same for an alert that is being sent. Zero takes a minute.
	SendLease time.Duration
	// Pace is how often the loops look whether there is something to do. Zero takes a
	// second.
	Pace time.Duration

	setup    atomic.Pointer[Setup]
	workers  workers
	pulse    pulse
	troubles troubles
	look     chan string    // targets whose source is worth a look now
	beats    sync.WaitGroup // heartbeats under way
}

// Defaults of a Service, and the pace of what need not be done every second.
const (
	defaultPace  = time.Second
	promptness   = 5                // times in a pace that schedules are looked at: nobody waits long for a drill that is due
	watchPace    = 30 * time.Second // of the watchdog, in the service's own time
	reapPace     = 10 * time.Second
	minutePace   = time.Minute // of looking whether it is time for what is rare
	coveragePace = 6 * time.Hour
	stepTimeout  = 30 * time.Second // of one turn of a loop against the history
)

// Start takes a setup, cleans up after processes that died, and begins. It returns
// when everything is under way; Run keeps it going.
func (s *Service) Start(ctx context.Context, setup *Setup) error {
	if s.Lease == 0 {
		s.Lease = leaseTime
	}
	if s.Pace == 0 {
		s.Pace = defaultPace
	}
	s.look = make(chan string, 256)
	if err := s.Use(ctx, setup); err != nil {
		return err
	}
	return s.reap(ctx)
}

// Run goes on until ctx is over, then stops: running drills get Drain to end, and what
// still runs after it is handed over to other processes, or to the next start.
func (s *Service) Run(ctx context.Context) error {
	loops := []struct {
		name  string
		pace  time.Duration
		step  func(context.Context) error
		limit time.Duration
	}{
		{"schedule", s.Pace / promptness, s.fireDue, stepTimeout},
		{"reap", min(reapPace, s.Lease/4), s.reap, 2 * stepTimeout},
		{"watch", s.Pace, s.watchWhenDue(), 4 * stepTimeout},
		{"deliver", s.Pace, s.deliver, 4 * stepTimeout},
		{"appear", s.Pace, s.lookWhenDue(), pollTimeout},
		{"digest", s.Pace, s.every(minutePace, s.digest), stepTimeout},
		{"coverage", s.Pace, s.every(minutePace, s.cover), coverTimeout},
		{"heartbeat", s.Pace, s.every(minutePace, s.beatService), stepTimeout},
	}
	var wg sync.WaitGroup
	for _, l := range loops {
		wg.Go(func() { s.loop(ctx, l.name, l.pace, l.limit, l.step) })
	}
	<-ctx.Done()
	s.Log.InfoContext(ctx, "stopping: running drills may end", "drain", s.Drain.String())
	err := s.workers.stop(s.Drain)
	wg.Wait()
	s.beats.Wait()
	err = errors.Join(err, s.lastWords(ctx))
	s.Log.InfoContext(ctx, "stopped")
	return err
}

// lastWords sends what the drills that just ended have to tell: the next start may be
// a long time off.
func (s *Service) lastWords(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.sendLease(),
		fmt.Errorf("sending took longer than %s", s.sendLease()))
	defer cancel()
	return s.deliver(ctx)
}

// loop repeats step at a pace until ctx is over. An error is logged when it begins and
// when it ends, not at every turn, and is a condition of the service as long as it lasts.
func (s *Service) loop(ctx context.Context, name string, pace, limit time.Duration, step func(context.Context) error) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		turn, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s took longer than %s", name, limit))
		err := step(turn)
		if cause := context.Cause(turn); err != nil && cause != nil && ctx.Err() == nil {
			err = errors.Join(err, cause)
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
		s.pulse.turned(name, s.Now())
		switch since, news := s.troubles.note(name, err, s.Now()); {
		case news && err != nil:
			s.Log.ErrorContext(ctx, "loop cannot do its work", "loop", name, "error", err)
		case news:
			s.Log.InfoContext(ctx, "loop works again", "loop", name, "since", since)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// every thins a step out to a pace in the service's own time, beginning at once.
func (s *Service) every(pace time.Duration, step func(context.Context) error) func(context.Context) error {
	var last time.Time
	return func(ctx context.Context) error {
		now := s.Now()
		if !last.IsZero() && now.Sub(last) < pace && !now.Before(last) {
			return nil
		}
		if err := step(ctx); err != nil {
			return err
		}
		last = now
		return nil
	}
}

// Use puts a setup in force, all or nothing. Drills under way keep what they started with.
func (s *Service) Use(ctx context.Context, next *Setup) error {
	now := s.Now()
	plans := make([]history.Plan, 0, len(next.Targets))
	for _, t := range next.Targets {
		plans = append(plans, t.plan(now))
	}
	if err := s.Store.Plan(ctx, plans, now); err != nil {
		return fmt.Errorf("put the schedules in force: %w", err)
	}
	before := s.setup.Swap(next)
	if before != nil && before.Concurrency == next.Concurrency {
		return nil
	}
	return s.workers.start(next.Concurrency, func(n int) (stopper, error) {
		return s.Store.Work(context.WithoutCancel(ctx), n, s.work)
	})
}

// Setup is the one in force.
func (s *Service) Setup() *Setup { return s.setup.Load() }

// reap finishes what dead processes left: their drills are interrupted and, where
// that makes sense, taken over; their sandboxes are removed.
func (s *Service) reap(ctx context.Context) error {
	return s.Pipeline.Reap(ctx, s.lost(ctx, s.Now()))
}

// workers are the deliveries of the queue to this process.
type workers struct {
	mu    sync.Mutex
	stops []stopper
	over  bool
}

// stopper ends the deliveries of one call of history.Queue.Work.
type stopper = func(ctx context.Context) error

// start begins with n at once, and lets those before end in their own time.
func (w *workers) start(n int, begin func(n int) (stopper, error)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return errors.New("the service is stopping")
	}
	stop, err := begin(n)
	if err != nil {
		return fmt.Errorf("take drills from the queue: %w", err)
	}
	for _, old := range w.stops {
		go old(context.Background()) // its drills end in their own time; stop waits for it as well
	}
	w.stops = append(w.stops, stop)
	return nil
}

// stop ends all deliveries, and cancels what still runs after drain.
func (w *workers) stop(drain time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	ctx, cancel := context.WithTimeoutCause(context.Background(), drain, errors.New("time to drain is over"))
	defer cancel()
	errs := make([]error, len(w.stops))
	var wg sync.WaitGroup
	for i, stop := range w.stops {
		wg.Go(func() { errs[i] = stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
