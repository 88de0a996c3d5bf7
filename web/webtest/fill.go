package webtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web"
)

// Names of targets. Each shows one state.
const (
	Passed      = "orders"        // proven every day for two months
	Failed      = "billing"       // bad since three days, with an open problem
	Warned      = "users"         // restores, with a warning
	Errored     = "wiki"          // could not tell
	Interrupted = "legacy"        // its process died
	Running     = "events"        // runs now
	Queued      = "invoices"      // waits for room
	Wide        = "warehouse"     // 5,000 tables
	Never       = "fresh-install" // never drilled
	Hostile     = `<script>alert(1)</script>`
)

// HostileText is put wherever a backup or a database chooses the words.
const HostileText = `"><img src=x onerror=alert(1)>'` + "\u202e\x1b[31m"

// LongKey is as long as storage lets keys be.
var LongKey = "backups/" + strings.Repeat("very-long-folder-name/", 44) + "dump.zst"

const lease = time.Hour

// New fills an empty store with the history of all the targets above, as at now, and
// returns a service over it.
func New(t testing.TB, store history.Store, now time.Time) *Service {
	t.Helper()
	f := filler{t: t, store: store, now: now}
	s := &Service{Store: store, Now: func() time.Time { return now }, Backups: make(map[string][]verify.Candidate)}
	var plans []history.Plan
	for _, name := range []string{Passed, Failed, Warned, Errored, Interrupted, Running, Queued, Wide, Never, Hostile} {
		s.List = append(s.List, target(name))
		plans = append(plans, history.Plan{Target: name, Spec: "0 5 * * *", Next: now.Add(17 * time.Hour)})
		for i := range 3 {
			c := verify.Candidate{Key: key(name, i), MadeAt: now.AddDate(0, 0, -i).Add(-3 * time.Hour), Bytes: 1 << 30}
			if i == 0 {
				c.Reason = "still growing"
			}
			s.Backups[name] = append(s.Backups[name], c)
		}
	}
	if err := store.Plan(t.Context(), plans, now.AddDate(0, 0, -60)); err != nil {
		t.Fatalf("Plan: %v", err)
	}
	f.past()
	f.present()
	f.outbox()
	s.Lies = coverage(now)
	s.Wrong = []web.Condition{{Code: "alerts_undelivered", Detail: "3 alerts did not get through to pager.",
		Hint: "Run lifeboat doctor --notify.", Since: now.Add(-2 * time.Hour)}}
	return s
}

func target(name string) web.Target {
	return web.Target{
		Name: name, Source: "offsite", Match: name + "/*.dump.zst", Schedule: "0 5 * * *", Timezone: "Europe/Berlin",
		RPO: 26 * time.Hour, RTO: 45 * time.Minute, MaxAgeProof: 48 * time.Hour,
		Owners: []string{"ops"}, Operators: []string{"pager"},
		Config:   "source: offsite\nmatch: " + name + "/*.dump.zst\naccess_key: \"***\"\n",
		Peculiar: []string{"On 2027-03-28 02:30 does not exist; it runs at 03:00."},
	}
}

// key of the n-th newest backup of a target.
func key(target string, n int) string {
	if target == Hostile && n == 1 {
		return LongKey
	}
	if target == Hostile {
		return fmt.Sprintf("hostile/%d-%s", n, HostileText)
	}
	return fmt.Sprintf("%s/%s-%03d.dump.zst", target, target, n)
}

func coverage(now time.Time) web.Coverage {
	return web.Coverage{At: now.Add(-time.Hour), Sources: []web.SourceCoverage{
		{Source: "nas", Error: "the storage did not answer"},
		{Source: "offsite", Backups: 120, Covered: 100, Uncovered: []web.Uncovered{
			{Prefix: "forgotten/", Backups: 19, Bytes: 1 << 33, Newest: now.AddDate(0, 0, -1),
				Example: "forgotten/db-1.dump", Pattern: "forgotten/db-*.dump"},
			{Prefix: HostileText + "/", Backups: 1, Bytes: 5, Newest: now, Example: HostileText + "/x"},
		}},
	}}
}

// filler writes a history.
type filler struct {
	t     testing.TB
	store history.Store
	now   time.Time
	n     int
}

// past are the drills that ended.
func (f *filler) past() {
	for day := 60; day >= 1; day-- {
		verdict := verify.Passed
		if day == 30 {
			verdict = verify.Warned
		}
		f.drill(Passed, day, verdict, nil)
	}
	for day := 10; day >= 4; day-- {
		f.drill(Failed, day, verify.Passed, nil)
	}
	since := f.now.AddDate(0, 0, -3)
	for day := 3; day >= 1; day-- {
		f.drill(Failed, day, verify.Failed, func(prev notify.State, r verify.Report) history.Effects {
			return problem(prev, r, since)
		})
	}
	f.drill(Warned, 1, verify.Warned, nil)
	f.drill(Errored, 2, verify.Passed, nil)
	f.drill(Errored, 1, verify.Errored, nil)
	f.drill(Wide, 1, verify.Passed, nil)
	f.drill(Hostile, 1, verify.Failed, func(prev notify.State, r verify.Report) history.Effects {
		return problem(prev, r, r.Finished)
	})
	f.interrupted()
}

// drill records one that ended so many days ago.
func (f *filler) drill(target string, day int, v verify.Verdict, then func(notify.State, verify.Report) history.Effects) {
	f.t.Helper()
	began := f.now.AddDate(0, 0, -day)
	l := f.begin(target, history.Scheduled, began)
	r := Report(l.Drill, v, began)
	if target == Wide {
		r.Tables = tables(5000)
	}
	err := f.store.Finish(f.t.Context(), l, r, func(prev notify.State) history.Effects {
		if then == nil {
			return history.Effects{State: prev}
		}
		return then(prev, r)
	})
	if err != nil {
		f.t.Fatalf("Finish(%s): %v", l.ID, err)
	}
}

func (f *filler) begin(target string, why history.Trigger, at time.Time) history.Lease {
	f.t.Helper()
	l, err := f.store.Begin(f.t.Context(), f.ask(target, why, at), "host/1", lease, at)
	if err != nil {
		f.t.Fatalf("Begin(%s): %v", target, err)
	}
	return l
}

// ask is a drill nobody asked for before.
func (f *filler) ask(target string, why history.Trigger, at time.Time) history.Drill {
	f.n++
	return history.Drill{
		ID: fmt.Sprintf("drill-%04d", f.n), Target: target, Trigger: why, Priority: history.PriorityScheduled,
		Asked: at, By: "schedule", ScheduledFor: at, Attempt: 1,
	}
}

// interrupted records a drill whose process died.
func (f *filler) interrupted() {
	f.t.Helper()
	began := f.now.AddDate(0, 0, -1)
	l, err := f.store.Begin(f.t.Context(), f.ask(Interrupted, history.Scheduled, began), "host/dead", lease, began)
	if err != nil {
		f.t.Fatalf("Begin: %v", err)
	}
	dead := func(owner string) bool { return owner == l.Owner }
	reaped, err := f.store.Reap(f.t.Context(), dead, began.Add(time.Hour),
		func(_ history.Entry, _ verify.Report, prev notify.State) history.Effects {
			return history.Effects{State: prev}
		})
	if err != nil || len(reaped) != 1 {
		f.t.Fatalf("Reap = %v, %v; want one", reaped, err)
	}
}

// present are the drills that run and wait.
func (f *filler) present() {
	f.t.Helper()
	began := f.now.Add(-4 * time.Minute)
	l := f.begin(Running, history.Manual, began)
	by, err := f.store.Beat(f.t.Context(), l, lease, history.Progress{
		Phases: []history.PhaseProgress{
			{Name: "locate", Began: began, Ended: began.Add(2 * time.Second)},
			{Name: "restore", Began: began.Add(5 * time.Second), Done: 600 << 20, Total: 1 << 30, Unit: "bytes"},
		},
		Notes: []history.Note{{At: began.Add(time.Second), Text: "took events/events-000.dump.zst"}, {At: began.Add(time.Minute), Text: HostileText}},
		At:    f.now,
	})
	if by != "" || err != nil {
		f.t.Fatalf("Beat = %q, %v", by, err)
	}
	d := f.ask(Queued, history.Scheduled, f.now.Add(-10*time.Minute))
	if _, fresh, err := f.store.Enqueue(f.t.Context(), d); err != nil || !fresh {
		f.t.Fatalf("Enqueue = %t, %v", fresh, err)
	}
	if err := f.store.Wait(f.t.Context(), d.ID, "waiting for room: needs 40 GiB, 12 GiB free", f.now.Add(-9*time.Minute)); err != nil {
		f.t.Fatalf("Wait: %v", err)
	}
}
