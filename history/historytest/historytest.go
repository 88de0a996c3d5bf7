// Package historytest holds the promises of history.Store as tests that every store
// must pass. It knows the contract alone: what a store promises beyond it, such as
// what a full disk leads to, is tested beside that store.
package historytest

import (
	"slices"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// noon is the time around which all drills of these tests take place. It has
// nanoseconds, which a store must keep.
var noon = time.Date(2026, 6, 2, 12, 0, 0, 123456789, time.UTC)

const (
	// lease outlasts every test that does not mean it to end.
	lease = time.Hour
	// patience bounds each wait for what a store does in its own time.
	patience = 30 * time.Second
	// pace is how often a wait looks.
	pace = 10 * time.Millisecond
)

// promise is one case of the suite.
type promise struct {
	name string
	run  func(t *testing.T, s history.Store)
}

// Run exercises one kind of store. Each call of open returns a fresh, empty one; Run
// closes it.
func Run(t *testing.T, open func(t testing.TB) history.Store) {
	all := slices.Concat(storePromises, recordPromises, listPromises, seriesPromises, textPromises, queuePromises, workPromises,
		leasePromises, finishPromises, cancelPromises, reapPromises, schedulePromises, momentPromises,
		standingPromises, fleetPromises, outboxPromises, deliveryPromises, accessPromises, modelPromises)
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			p.run(t, s)
		})
	}
}

var storePromises = []promise{
	{"the installation's id never changes", installation},
	{"a database that is there answers", ping},
	{"a store may be closed twice", closedTwice},
}

func installation(t *testing.T, s history.Store) {
	first, err := s.Installation(t.Context())
	if err != nil || first == "" {
		t.Fatalf("Installation = %q, %v; want an id", first, err)
	}
	if second, err := s.Installation(t.Context()); err != nil || second != first {
		t.Errorf("Installation = %q, %v the second time; want %q", second, err, first)
	}
}

func ping(t *testing.T, s history.Store) {
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping = %v, want no error", err)
	}
}

func closedTwice(t *testing.T, s history.Store) {
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a closed store answers")
	}
	// Run closes it the second time.
}

// Drill is a drill of these tests that a person asked for, n minutes after noon.
func Drill(id, target string, n int) history.Drill {
	return history.Drill{
		ID: id, Target: target, Trigger: history.Manual, Priority: history.PriorityManual, Asked: minute(n), By: "ann", Attempt: 1,
	}
}

// scheduled is a drill whose time came n minutes after noon.
func scheduled(id, target string, n int) history.Drill {
	return history.Drill{
		ID: id, Target: target, Trigger: history.Scheduled, Priority: history.PriorityScheduled, Asked: minute(n), By: "schedule",
		ScheduledFor: minute(n), Attempt: 1,
	}
}

// followUp takes d over.
func followUp(id string, d history.Drill) history.Drill {
	return history.Drill{
		ID: id, Target: d.Target, Trigger: history.TakeOver, Priority: history.PriorityFollowUp, Asked: d.Asked, By: "lifeboat",
		Follows: d.ID, Attempt: d.Attempt + 1,
	}
}

// minute is n minutes after noon.
func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// Report is a report of d with something in every field. The drill begins when it is
// asked for and takes a minute.
func Report(d history.Drill, v verify.Verdict) verify.Report {
	dumpRows := int64(2_000_000)
	orders := verify.Table{Rows: 10, DumpRows: &dumpRows}
	orders.Schema, orders.Name = "public", "orders"
	made := d.Asked.Add(-3 * time.Hour)
	kept := d.Asked.Add(2 * time.Hour)
	return verify.Report{
		Schema: verify.Schema, Drill: d.ID, Target: d.Target, Verdict: v,
		Artifact: &verify.Artifact{
			Source: "offsite", Key: "orders/orders.dump.zst", Kind: "object", Objects: 1, Bytes: 1 << 40,
			SHA256: "ab12", MadeAt: made, MadeAtFrom: "name", Version: "v1", Layers: []string{"age", "zstd"},
		},
		Candidates: []verify.Candidate{{Key: "orders/older.dump", MadeAt: made, Bytes: 5, Reason: "older"}},
		Manifest:   &verify.Manifest{Engine: "postgres", Format: "pg_dump custom", MadeAt: &made, Objects: 3},
		Results: []verify.Result{
			{Check: "census", Verdict: v, Code: verify.RowsMissing, Subject: `public."Größe"`, Observed: "10 rows",
				Expected: "2,000,000 rows", Detail: "Rows are missing.", Hint: "Look.", Ignored: "known", Seconds: 0.5},
		},
		Tables:     []verify.Table{orders},
		Phases:     []verify.Phase{{Name: "load", Start: 0.25, Seconds: 12.5, Bytes: 1234, Rows: 10}},
		Restore:    &verify.Restore{Tool: "pg_restore 16.4", Exit: 1, Errors: map[string]int{"harmless": 2}},
		Sandbox:    &verify.Sandbox{Runner: "docker", Isolated: true, PeakMemory: 1, KeptUntil: &kept},
		NotChecked: []string{"blobs: not counted"}, Error: "", Started: d.Asked, Finished: d.Asked.Add(time.Minute),
	}
}

// unmoved is what follows from an event that changes nothing.
func unmoved(s notify.State) history.Effects { return history.Effects{State: s} }

func begin(t *testing.T, s history.Store, d history.Drill) history.Lease {
	t.Helper()
	l, err := s.Begin(t.Context(), d, "host/1", lease, d.Asked)
	if err != nil {
		t.Fatalf("Begin(%s): %v", d.ID, err)
	}
	return l
}

func enqueue(t *testing.T, s history.Store, drills ...history.Drill) {
	t.Helper()
	for _, d := range drills {
		if id, fresh, err := s.Enqueue(t.Context(), d); err != nil || !fresh || id != d.ID {
			t.Fatalf("Enqueue(%s) = %q, %t, %v; want it queued", d.ID, id, fresh, err)
		}
	}
}

func claim(t *testing.T, s history.Store, drill string, now time.Time) history.Lease {
	t.Helper()
	l, err := s.Claim(t.Context(), drill, "host/1", lease, now)
	if err != nil {
		t.Fatalf("Claim(%s): %v", drill, err)
	}
	return l
}

func finish(t *testing.T, s history.Store, l history.Lease, r verify.Report) {
	t.Helper()
	if err := s.Finish(t.Context(), l, r, unmoved); err != nil {
		t.Fatalf("Finish(%s): %v", r.Drill, err)
	}
}

// drilled is a whole drill, of which nothing follows.
func drilled(t *testing.T, s history.Store, d history.Drill, v verify.Verdict) verify.Report {
	t.Helper()
	r := Report(d, v)
	finish(t, s, begin(t, s, d), r)
	return r
}

func entry(t *testing.T, s history.Store, drill string) history.Entry {
	t.Helper()
	e, err := s.Entry(t.Context(), drill)
	if err != nil {
		t.Fatalf("Entry(%s): %v", drill, err)
	}
	return e
}

func wantState(t *testing.T, s history.Store, drill string, want history.State) history.Entry {
	t.Helper()
	e := entry(t, s, drill)
	if e.State != want {
		t.Errorf("drill %s is %s, want %s", drill, e.State, want)
	}
	return e
}

func ids(entries []history.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

func waiting(t *testing.T, s history.Store) []string {
	t.Helper()
	list, err := s.Waiting(t.Context(), 1000)
	if err != nil {
		t.Fatalf("Waiting: %v", err)
	}
	return ids(list)
}

// failer is what a wait needs of a test, or of a step of the model.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// eventually waits until ok is true.
func eventually(t failer, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(pace)
	defer deadline.Stop()
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
