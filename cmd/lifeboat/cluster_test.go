package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/postgres"
	"lifeboat/history/sqlite"
	"lifeboat/internal/testkit"
	"lifeboat/internal/testkit/pgserver"
	"lifeboat/jobs/cron"
	"lifeboat/verify"
)

// clusterLease is short, so that a test sees leases run out.
const clusterLease = 2 * time.Second

// cluster is several processes that share one history.
type cluster struct {
	t        *testing.T
	clock    *clock
	address  string // of the history
	store    history.Store
	services []*installed
	running  []*daemon
	asked    []string // ids of the drills that a person asked for
	ticking  []string // targets with a schedule
}

// every is the schedule of the targets that tick.
const every = "@every 1m"

// newCluster prepares processes over the history at address, with so many targets and some
// more that have a schedule. The lease is that of drills, 0 for the product's own.
func newCluster(t *testing.T, address string, store history.Store, lease time.Duration, processes, targets int) *cluster {
	t.Helper()
	c := &cluster{t: t, address: address, store: store, clock: newClock(t, time.Now())}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	made := smallDatabase(t, 20)
	files := make(map[string][]byte)
	text := &strings.Builder{}
	for i := range targets + 5 {
		name := fmt.Sprintf("t%04d", i)
		files[name+".db"] = made
		fmt.Fprintf(text, "  %s: {source: s, match: %s.db, sandbox: {disk: 64MiB, timeout: 6d}", name, name)
		if i >= targets {
			fmt.Fprintf(text, ", schedule: %q", every)
			c.ticking = append(c.ticking, name)
		}
		fmt.Fprint(text, "}\n")
	}
	dir := testkit.Folder(t, files)
	for range processes {
		s := newInstalled(t, c.clock.env(), leaseVariable+"="+lease.String(), paceVariable+"=50ms")
		config := fmt.Sprintf("sources: {s: {kind: dir, path: %q}}\nserver: {history: %q, listen: %q, concurrency: 4, drain: 30s, alerts: {digest: \"off\"}}\ntargets:\n%s",
			dir, address, s.listen, text)
		if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c.services = append(c.services, s)
	}
	return c
}

// ask queues a drill for each of the targets without a schedule.
func (c *cluster) ask(targets int) {
	c.t.Helper()
	for i := range targets {
		id := fmt.Sprintf("asked-%04d", i)
		_, fresh, err := c.store.Enqueue(c.t.Context(), history.Drill{ID: id, Target: fmt.Sprintf("t%04d", i), Trigger: history.Manual,
			Priority: history.PriorityManual, Asked: c.clock.now(), By: "somebody", Attempt: 1})
		if err != nil || !fresh {
			c.t.Fatalf("queue %s: %v, %v", id, fresh, err)
		}
		c.asked = append(c.asked, id)
	}
}

// start starts all processes and lets time go by until the returned function is called.
func (c *cluster) start() (stop func()) {
	c.t.Helper()
	for _, s := range c.services {
		c.running = append(c.running, s.start(c.t))
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.clock.set(c.clock.now().Add(30 * time.Second))
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	c.t.Cleanup(stop)
	return stop
}

// until waits until something holds of the history.
func (c *cluster) until(what string, holds func(ctx context.Context) (bool, error)) {
	c.t.Helper()
	c.services[0].until(c.t, what, func() bool {
		ok, err := holds(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		return ok
	})
}

// ended waits until so many drills have ended.
func (c *cluster) ended(n int) {
	c.t.Helper()
	c.until(fmt.Sprintf("%d drills ended", n), func(ctx context.Context) (bool, error) {
		have, err := c.store.Count(ctx, history.Finished)
		return have >= n, err
	})
}

// owned are the running drills of some instances.
func (c *cluster) owned(instances []string) []history.Entry {
	c.t.Helper()
	list, err := c.store.List(c.t.Context(), history.Filter{States: []history.State{history.Running}, Limit: 1000})
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(e history.Entry) bool { return !slices.Contains(instances, e.Owner) })
}

// beacons are the instances whose beacons shine in a folder.
func beacons(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	for _, path := range leftovers(t, dir) {
		names = append(names, filepath.Base(path))
	}
	return names
}

// killWorking kills a process while it drills and returns what it drilled then. beacon is
// the folder of its beacon.
func (c *cluster) killWorking(i int, beacon string) []history.Entry {
	c.t.Helper()
	mine := beacons(c.t, beacon)
	c.until("a drill of the process to kill runs", func(context.Context) (bool, error) { return len(c.owned(mine)) > 0, nil })
	time.Sleep(rand.N(40 * time.Millisecond)) // anywhere in its drills
	c.running[i].kill(c.t)
	return c.owned(mine)
}

// settle waits for all drills, stops time and the processes, and audits the record.
func (c *cluster) settle(stopClock func()) *ledger {
	c.t.Helper()
	over := func(ctx context.Context) (bool, error) {
		queued, err := c.store.Waiting(ctx, 10_000)
		running, err2 := c.store.Count(ctx, history.Running)
		waits := slices.ContainsFunc(queued, func(e history.Entry) bool { return e.Trigger != history.Scheduled })
		if err != nil {
			err2 = err
		}
		return !waits && (running == 0 || len(queued) == 0), err2
	}
	c.until("all drills that were asked for ended", over)
	c.until("schedules fired several times", func(ctx context.Context) (bool, error) {
		st, err := c.store.Standing(ctx, c.ticking[0])
		return st.Next.Sub(st.Since) > 5*time.Minute, err
	})
	stopClock()
	c.until("the last drills ended", func(ctx context.Context) (bool, error) {
		due, err := c.store.Due(ctx, c.clock.now(), 1)
		if err != nil || len(due) > 0 {
			return false, err // the clock stopped before it was fired
		}
		queued, err := c.store.Waiting(ctx, 10_000)
		if err != nil {
			return false, err
		}
		if len(queued) > 0 && !slices.ContainsFunc(queued, func(e history.Entry) bool { return !e.NotBefore.After(c.clock.now()) }) {
			c.clock.set(c.clock.now().Add(10 * time.Second)) // a catch-up whose time is to come
		}
		running, err := c.store.Count(ctx, history.Running)
		return len(queued)+running == 0, err
	})
	for _, p := range c.running {
		if p.died() {
			continue // killed, or replaced
		}
		if code := p.stop(c.t); code != exitGood {
			c.t.Errorf("a process that was stopped ended with %d:\n%s", code, p.tail())
		}
	}
	l := readLedger(c.t, c.address, c.store)
	c.audit(l)
	return l
}

func (c *cluster) audit(l *ledger) {
	c.t.Helper()
	l.auditChains(c.t, nil)
	for _, id := range c.asked {
		if n := l.verdicts(l.byID[id]); n != 1 {
			c.t.Errorf("drill %s and those that took it over have %d verdicts, want one", id, n)
		}
	}
	for _, e := range l.list {
		if e.State == history.Finished && e.Verdict != verify.Passed {
			c.t.Errorf("drill %s of %s: %s, %s; want it passed", e.ID, e.Target, e.Verdict, e.Summary)
		}
	}
	plan, err := cron.Parse(every, "UTC")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, target := range c.ticking {
		st, err := c.store.Standing(c.t.Context(), target)
		if err != nil {
			c.t.Fatal(err)
		}
		if fired := l.fired(target); len(fired) < 3 {
			c.t.Errorf("%s was drilled by its schedule %d times, want more", target, len(fired))
		}
		l.auditSchedule(c.t, target, plan, st.Since, st.Next)
	}
}

// owners counts the drills of each process.
func (l *ledger) owners() map[string]int {
	count := make(map[string]int)
	for _, e := range l.list {
		count[e.Owner]++
	}
	return count
}

// TestThreeProcessesOnOnePostgreSQLShareAThousandDrillsAndTwoAreKilled is what a cluster
// is for: every drill gets its one verdict, and every schedule fires once.
func TestThreeProcessesOnOnePostgreSQLShareAThousandDrillsAndTwoAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute, and -short was asked for")
	}
	address := pgserver.Start(t).DSN(t)
	store, err := postgres.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, address, store, clusterLease, 3, 1000)
	c.ask(1000)
	stop := c.start()
	lost := 0
	for i, after := range []int{150, 450} {
		c.ended(after)
		beacon := filepath.Join(c.services[i].tmp, "lifeboat-"+strconv.Itoa(os.Getuid())+".alive")
		mine := beacons(t, beacon)
		held := c.killWorking(i, beacon)
		killed := time.Now()
		lost += len(held)
		c.until("the drills of the dead are taken over", func(context.Context) (bool, error) { return len(c.owned(mine)) == 0, nil })
		// A lease, the pace of looking for those that ran out, and a busy machine.
		took, limit := time.Since(killed), clusterLease+clusterLease/2+5*time.Second
		t.Logf("process %d was killed with %d drills; they were taken over after %s", i, len(held), took.Round(time.Millisecond))
		if took > limit {
			t.Errorf("it took %s to take over the drills of a dead process, want at most %s", took, limit)
		}
	}
	l := c.settle(stop)
	interrupted := l.count(func(e history.Entry) bool { return e.State == history.Interrupted })
	if interrupted < lost || len(l.owners()) != 3 {
		t.Errorf("%d drills were interrupted and the processes made %v; want at least %d, and all three at work", interrupted, l.owners(), lost)
	}
	t.Logf("%d drills, %d of them interrupted, and %d called off, by process: %v", len(l.list), interrupted, len(l.folded), l.owners())
}

// TestAProcessOnSQLiteThatIsKilledAndStartedAgainLosesNothing does the same alone.
func TestAProcessOnSQLiteThatIsKilledAndStartedAgainLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute, and -short was asked for")
	}
	path := filepath.Join(t.TempDir(), "lifeboat.db")
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, path, store, clusterLease, 1, 150)
	c.ask(150)
	stop := c.start()
	lost := 0
	for _, after := range []int{30, 60, 90} {
		c.ended(after)
		lost += len(c.killWorking(0, path+".alive"))
		c.running[0] = c.services[0].start(t)
	}
	l := c.settle(stop)
	interrupted := l.count(func(e history.Entry) bool { return e.State == history.Interrupted })
	if interrupted != lost {
		t.Errorf("%d drills were interrupted, want the %d that ran at the kills", interrupted, lost)
	}
	if files := leftovers(t, c.services[0].tmp); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	t.Logf("%d drills, %d of them interrupted, and %d called off, by process: %v", len(l.list), interrupted, len(l.folded), l.owners())
}

// TestTwoProcessesOnOneSQLiteFileShareTheirWork runs them on one machine.
func TestTwoProcessesOnOneSQLiteFileShareTheirWork(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute, and -short was asked for")
	}
	path := filepath.Join(t.TempDir(), "lifeboat.db")
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t, path, store, 0, 2, 200)
	stop := c.start()
	for _, s := range c.services {
		s.until(t, "ready", func() bool { _, err := s.get("/readyz"); return err == nil })
	}
	c.ask(200)
	l := c.settle(stop)
	if len(l.owners()) != 2 {
		t.Errorf("the processes made %v drills, want both at work", l.owners())
	}
	if n := l.count(func(e history.Entry) bool { return e.State == history.Interrupted }); n != 0 {
		t.Errorf("%d drills were interrupted though nobody died", n)
	}
	t.Logf("%d drills, by process: %v", len(l.list), l.owners())
}
