package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/notify/notifytest/fakeslack"
)

// soak is a month in the life of one Lifeboat, on a clock that the test moves as fast as
// the process keeps up.
type soak struct {
	*supply
	t      *testing.T
	random *rand.Rand
	clock  *clock
	end    time.Time
	store  *sqlite.Store
	slack  *fakeslack.Server
	docker *relay
	s3way  *relay

	child    *installed
	running  atomic.Pointer[daemon]
	doomed   atomic.Bool // its death is our doing
	working  bool        // kill it once it drills
	posting  atomic.Bool // kill it once it posts
	outage   atomic.Value
	events   []event
	gaps     []span // in which occurrences may be late
	careful  time.Time
	faults   map[string]int
	sampled  map[string]float64
	stubborn int  // waits for what did not come
	isDown   bool // it was killed, and is started again later
}

// event happens at a time of the soak.
type event struct {
	at   time.Time
	name string
	do   func()
}

// span is a time in which no Lifeboat ran, or that the clock left out.
type span struct{ from, to time.Time }

// seedVariable has a soak draw the same times as one before, which said its seed. How its
// processes keep up is never quite the same.
const seedVariable = "LIFEBOAT_TEST_SEED"

// gauges must not grow.
var gauges = []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes"}

// TestAMonthOfTwoHundredTargetsSurvivesEveryFault lives through thirty days of schedules
// with kills, outages and jumps of the clock, and then audits every drill and every alert.
func TestAMonthOfTwoHundredTargetsSurvivesEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes, and -short was asked for")
	}
	needDocker(t, 15)
	began := time.Now()
	s := newSoak(t)
	s.schedule()
	s.start()
	for s.clock.now().Before(s.end) {
		s.step()
	}
	s.settle()
	last := s.child.measure(t, gauges...)
	if code := s.running.Load().stop(t); code != exitGood {
		t.Errorf("a stop ended with %d:\n%s", code, s.child.tail())
	}
	s.audit()
	s.auditLeaks(last)
	t.Logf("%d waits in vain, %s in all", s.stubborn, time.Since(began).Round(time.Second))
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("seed %d", seed)
	s := &soak{t: t, random: rand.New(rand.NewPCG(seed, 0)), faults: make(map[string]int)}
	begin := time.Now().UTC().Truncate(day).Add(day) // never before the clock of the machine
	s.supply = newSupply(t, begin, makeSeries(s.random))
	s.clock, s.end = newClock(t, begin), begin.Add(soakDays*day)
	s.docker = newRelay(t, "unix", "/var/run/docker.sock")
	s.s3way = newRelay(t, "tcp", s.s3.Host)
	s.slack = fakeslack.New(soakToken, "#backups", "#lifeboat")
	t.Cleanup(s.slack.Close)
	s.outage.Store(fakeslack.Kind(""))
	s.slack.Plan(s.fault)
	s.child = newInstalled(t, s.clock.env(), leaseVariable+"=6s", paceVariable+"=10ms", "DOCKER_HOST=unix://"+s.docker.address())
	config := s.config(s.child.listen, s.s3way.address(), s.slack.API())
	if err := os.WriteFile(s.child.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(filepath.Dir(s.child.config), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// fault decides what becomes of a request to Slack. It is called from the fake's own
// goroutines.
func (s *soak) fault(method string, call int) fakeslack.Fault {
	if method == "chat.postMessage" && s.posting.CompareAndSwap(true, false) {
		s.doomed.Store(true)
		_ = s.running.Load().cmd.Process.Kill() // the post arrives, and nobody is there for the answer
		return fakeslack.Fault{}
	}
	if kind := s.outage.Load().(fakeslack.Kind); kind != "" {
		return fakeslack.Fault{Kind: kind}
	}
	kinds := []fakeslack.Kind{fakeslack.Busy, fakeslack.Broken, fakeslack.Gone, fakeslack.Lost}
	if s.clock.now().Before(s.end) && call%12 == 0 {
		return fakeslack.Fault{Kind: kinds[call/12%len(kinds)]}
	}
	return fakeslack.Fault{}
}

// on plans an event for a moment of a day, such as 6.5 for noon of the seventh.
func (s *soak) on(days float64, name string, do func()) {
	s.events = append(s.events, event{s.begin.Add(time.Duration(days * float64(day))), name, do})
}

// schedule plans all that happens.
func (s *soak) schedule() {
	for d := 1; d < soakDays+4; d++ {
		s.on(float64(d)+0.001, "", func() { s.backup(d) })
	}
	anytime := func() float64 { return 1 + 22*s.random.Float64() }
	for range 8 {
		s.on(anytime(), "kill -9 while it drills", func() { s.working = true })
	}
	s.on(7.005, "kill -9 while it drills", func() { s.working = true }) // in Docker
	for range 4 {
		s.on(anytime(), "kill -9 at any moment", s.restart)
		s.on(anytime(), "kill -9 while it posts", func() { s.posting.Store(true) })
	}
	for at, hours := range map[float64]float64{4.25: 6, 9.4: 20, 17.4: 53} {
		s.on(at, "kill -9 and a late start", func() { s.down(time.Duration(hours * float64(time.Hour))) })
	}
	s.between(6.4, 6.8, "no S3", s.s3way.cut, s.s3way.mend)
	s.between(21.2, 21.21, "no S3", s.s3way.cut, s.s3way.mend)
	s.between(12.4, 12.7, "no folder", func() { s.move("disk") }, func() { s.move("disk") })
	s.between(20.5, 24.5, "no folder", func() { s.move("mount") }, func() { s.move("mount") })
	s.between(13.95, 14.4, "no Docker", s.docker.cut, s.docker.mend)
	s.on(14.2, "kill -9 at any moment", s.restart) // and starts without Docker
	for kind, at := range map[fakeslack.Kind]float64{fakeslack.Busy: 3.3, fakeslack.Broken: 7.5, fakeslack.Gone: 13.05} {
		s.between(at, at+0.15, "Slack "+string(kind), func() { s.outage.Store(kind) }, func() { s.outage.Store(fakeslack.Kind("")) })
	}
	for _, at := range []float64{8.5, 12.6, 21.5} {
		s.on(at, "Slack hang", func() { s.slack.Fault(fakeslack.Fault{Kind: fakeslack.Hang, Method: "chat.postMessage"}) })
	}
	s.on(10.5, "clock forward", func() { s.jump(time.Hour) })
	s.on(15.504, "clock back", func() { s.jump(-20 * time.Minute) })
	for range 15 {
		s.on(anytime(), "", s.ask)
	}
	s.on(11.3, "", func() { _ = s.running.Load().cmd.Process.Signal(syscall.SIGHUP) })
	s.on(25, "", func() { s.sampled = s.child.measure(s.t, gauges...) })
	slices.SortStableFunc(s.events, func(a, b event) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
}

func (s *soak) between(from, to float64, name string, begin, end func()) {
	s.on(from, name, begin)
	s.on(to, "", end)
}

// start starts the process.
func (s *soak) start() {
	s.doomed.Store(false)
	s.running.Store(s.child.start(s.t))
}

// kill kills it.
func (s *soak) kill() {
	s.doomed.Store(true)
	s.running.Load().kill(s.t)
}

// restart kills it and starts it again at once, unless it is down anyway.
func (s *soak) restart() {
	if s.isDown {
		return
	}
	s.kill()
	s.start()
}

// down kills it and lets time go by before it is started again.
func (s *soak) down(long time.Duration) {
	s.isDown = true
	defer func() { s.isDown = false }()
	s.kill()
	from := s.clock.now()
	for s.clock.now().Before(from.Add(long)) {
		s.happen()
		s.clock.set(s.next(from.Add(long)))
	}
	s.gaps = append(s.gaps, span{from, s.clock.now()})
	s.careful = s.clock.now().Add(3 * time.Hour)
	s.start()
}

// jump moves the clock, as no clock moves by itself.
func (s *soak) jump(by time.Duration) {
	from := s.clock.now()
	s.clock.set(from.Add(by))
	if by > 0 {
		s.gaps = append(s.gaps, span{from, from.Add(by)})
	}
}

// ask asks for a drill through the API, where somebody is there.
func (s *soak) ask() {
	name := s.series[s.random.IntN(len(s.series))].name
	client := &http.Client{Timeout: processTimeout}
	defer client.CloseIdleConnections()
	res, err := client.Post("http://"+s.child.listen+"/api/v1/targets/"+name+"/drills", "application/json", strings.NewReader("{}"))
	if err != nil {
		return // it is being started
	}
	_ = res.Body.Close()
	if res.StatusCode/100 == 2 {
		s.faults["drills asked for"]++
	}
}

// happen does what is up. An event may itself take time.
func (s *soak) happen() {
	for len(s.events) > 0 && !s.events[0].at.After(s.clock.now()) {
		e := s.events[0]
		s.events = s.events[1:]
		if e.name != "" {
			s.faults[e.name]++
		}
		e.do()
	}
}

// next is how far the clock may go at once: to what happens next, or nearly as far as
// the watchdog takes for a downtime.
func (s *soak) next(limit time.Time) time.Time {
	now := s.clock.now()
	next := now.Add(9 * time.Minute)
	stops := []time.Time{limit}
	if len(s.events) > 0 {
		stops = append(stops, s.events[0].at)
	}
	due, err := s.store.Due(s.t.Context(), next, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range due {
		stops = append(stops, p.Next)
	}
	for _, at := range stops {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	return next
}

// step lets the process do what is up, and moves the clock.
func (s *soak) step() {
	s.happen()
	s.must("schedule and watchdog caught up", s.caughtUp)
	if s.working {
		if n, err := s.store.Count(s.t.Context(), history.Running); err == nil && n > 0 {
			s.working = false
			time.Sleep(rand.N(80 * time.Millisecond)) // anywhere in its drills
			s.kill()
			s.start()
		}
	}
	s.patient(func() bool { return !s.lags() })
	s.clock.set(s.next(s.end.Add(3 * day)))
}

// must waits until something holds. A process that a post was the death of is started again.
func (s *soak) must(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(processTimeout); !holds(); time.Sleep(2 * time.Millisecond) { // there is nothing to be told by
		if s.running.Load().died() {
			if !s.doomed.Load() {
				s.t.Fatalf("the process ended by itself:\n%s", s.child.tail())
			}
			s.start()
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("at %s, after %s: not yet %s\n%s", s.clock.now(), processTimeout, what, s.child.tail())
		}
	}
}

// patient waits a little for something to hold, so that drills keep up with the clock.
func (s *soak) patient(holds func() bool) {
	limit := 500 * time.Millisecond
	if s.clock.now().Before(s.careful) {
		limit = 3 * time.Second
	}
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) { // there is nothing to be told by
		if time.Now().After(deadline) {
			s.stubborn++
			return
		}
	}
}

// caughtUp reports whether the process has seen the time and queued what is due.
func (s *soak) caughtUp() bool {
	ctx, now := s.t.Context(), s.clock.now()
	awake, err := s.store.Moment(ctx, "watchdog.awake")
	if err == nil && now.Sub(awake).Abs() < 31*time.Second { // it does not look more often
		due, err := s.store.Due(ctx, now, 1)
		return err == nil && len(due) == 0
	}
	return false
}

// lags reports whether something waits for longer than in life, where time goes by more slowly.
func (s *soak) lags() bool {
	now, ctx := s.clock.now(), s.t.Context()
	limit := 6 * time.Hour
	if now.Before(s.careful) {
		limit = 20 * time.Minute
	}
	late := func(e history.Entry, since time.Time) bool {
		return now.Sub(since) > limit && (now.Sub(since) > 12*time.Hour || !strings.HasPrefix(e.Target, "shop"))
	}
	queued, err := s.store.Waiting(ctx, 100)
	if err == nil && slices.ContainsFunc(queued, func(e history.Entry) bool { return late(e, later(e.Asked, e.NotBefore)) }) {
		return true
	}
	running, err := s.store.List(ctx, history.Filter{States: []history.State{history.Running}, Limit: 100})
	if err == nil && slices.ContainsFunc(running, func(e history.Entry) bool { return late(e, e.Started) }) {
		return true
	}
	pending, err := s.store.Deliveries(ctx, history.DeliveryFilter{State: history.Pending, Limit: 100})
	return err == nil && slices.ContainsFunc(pending, func(d history.Delivery) bool {
		return now.Sub(d.Created) > 8*time.Hour && !d.NotBefore.After(now)
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// settle goes on without faults until nothing waits.
func (s *soak) settle() {
	s.t.Helper()
	s.working = false
	s.posting.Store(false)
	quiet := func(ctx context.Context) (idle, all bool) {
		now := s.clock.now()
		running, err := s.store.Count(ctx, history.Running)
		queued, err2 := s.store.Waiting(ctx, 1000)
		pending, err3 := s.store.Deliveries(ctx, history.DeliveryFilter{State: history.Pending, Limit: 1000})
		if err != nil || err2 != nil || err3 != nil {
			return false, false
		}
		idle = running == 0 && !slices.ContainsFunc(queued, func(e history.Entry) bool { return !e.NotBefore.After(now) })
		return idle, running+len(queued)+len(pending) == 0
	}
	for s.clock.now().Before(s.end.Add(3 * day)) {
		s.must("schedule and watchdog caught up", s.caughtUp)
		s.must("nothing waits that is up", func() bool { idle, _ := quiet(s.t.Context()); return idle })
		if _, all := quiet(s.t.Context()); all {
			return
		}
		s.happen()
		s.clock.set(s.next(s.end.Add(3 * day)))
	}
	s.t.Fatalf("three days after the last fault something still waits:\n%s", s.child.tail())
}
