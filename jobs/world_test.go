package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/engine/sqlite"
	"lifeboat/history"
	record "lifeboat/history/sqlite"
	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/sandbox"
	"lifeboat/sandbox/scratch"
	"lifeboat/storage"
	"lifeboat/storage/dir"
	"lifeboat/storage/envelope"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

// worldTimeout bounds every wait of these tests.
const worldTimeout = 30 * time.Second

// world is a service over real parts, a folder of backups, a SQLite history, and a clock
// that can be put forward.
type world struct {
	t       *testing.T
	path    string // of the history
	backups string
	ahead   atomic.Int64 // of the clock
	ids     atomic.Int64
	friend  *friend
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, path: filepath.Join(t.TempDir(), "lifeboat.db"), backups: t.TempDir(), friend: &friend{}}
}

func (w *world) now() time.Time            { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *world) forward(d time.Duration)   { w.ahead.Add(int64(d)) }
func (w *world) newID(at time.Time) string { return fmt.Sprintf("d%03d", w.ids.Add(1)) }

// backup puts a database of so many rows among the backups, made now, and returns its key.
func (w *world) backup(name string, rows int) string {
	w.t.Helper()
	key := name + "-" + w.now().UTC().Format("20060102T150405Z") + ".db"
	tool, err := exec.LookPath("sqlite3")
	testkit.Need(w.t, "sqlite3", err == nil)
	made := filepath.Join(w.t.TempDir(), "made.db")
	script := fmt.Sprintf(`create table items (id integer primary key, name text);
		with recursive n(i) as (select 1 union all select i+1 from n where i < %d) insert into items select i, 'item ' || i from n;`, rows)
	if out, err := exec.Command(tool, "-batch", made, script).CombinedOutput(); err != nil {
		w.t.Fatalf("sqlite3: %v: %s", err, out)
	}
	if err := os.Rename(made, filepath.Join(w.backups, key)); err != nil {
		w.t.Fatal(err)
	}
	return key
}

// spoil leaves half of a backup.
func (w *world) spoil(key string) {
	w.t.Helper()
	path := filepath.Join(w.backups, key)
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()/2)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// target is drilled on request only, wants rows in its table, and tells the friend.
func (w *world) target(name string, rows int64) Target {
	w.t.Helper()
	src, err := dir.New("disk", w.backups)
	if err != nil {
		w.t.Fatal(err)
	}
	pattern, err := storage.ParsePattern(name + "-{time:20060102T150405Z}.db")
	if err != nil {
		w.t.Fatal(err)
	}
	limits := sandbox.Limits{CPUs: 1, Memory: 64 << 20, Disk: 64 << 20, Pids: 16}
	return Target{
		Job: Job{
			Target: verify.Target{Name: name, Source: "disk", Checks: []verify.Check{
				check.Rows{Table: engine.Table{Name: "items"}, Min: &rows}}},
			Source: src, Pattern: pattern, Opener: envelope.New(envelope.Keys{}, envelope.Limits{Bytes: limits.Disk}),
			Limits: limits, Timeout: worldTimeout,
		},
		Owners: []string{"friend"}, Operators: []string{"friend"},
	}
}

// setup has the targets and one notifier.
func (w *world) setup(targets ...Target) *Setup {
	s := &Setup{
		Targets: map[string]Target{}, Sources: map[string]storage.Source{}, Concurrency: 2,
		Policy:    notify.Policy{Repeat: 24 * time.Hour, UnverifiedAfter: 3},
		Operators: []string{"friend"}, Notifiers: map[string]notify.Notifier{"friend": w.friend},
	}
	for _, t := range targets {
		s.Targets[t.Job.Target.Name] = t
		s.Sources["disk"] = t.Source
	}
	return s
}

// open opens the history a second time, to look into it.
func (w *world) open() *record.Store {
	w.t.Helper()
	store, err := record.Open(w.t.Context(), w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

// running is a service under way.
type running struct {
	*Service
	w    *world
	stop func() error
}

// run starts a service. It is stopped with the test, or before.
func (w *world) run(setup *Setup, instance string) *running {
	w.t.Helper()
	store := w.open()
	log := slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	s := &Service{
		Pipeline: &Pipeline{
			Engines: []engine.Engine{sqlite.New()}, Local: scratch.New(scratch.Config{Dir: w.t.TempDir(), Log: log}),
			Checks: check.Builtin(), History: store, Installation: "test", Instance: instance,
			Now: w.now, NewID: w.newID, Progress: func(Event) {}, Log: log,
			Alive: func(string) bool { return true },
		},
		Store: store, Now: w.now, NewID: w.newID, Log: log, Drain: worldTimeout,
		Lease: 2 * time.Second, Pace: 20 * time.Millisecond,
	}
	if err := s.Start(w.t.Context(), setup); err != nil {
		w.t.Fatal(errors.Join(err, store.Close()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := &running{Service: s, w: w}
	r.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, store.Close())
	})
	w.t.Cleanup(func() {
		if w.t.Failed() {
			r.tell()
		}
		if err := r.stop(); err != nil {
			w.t.Errorf("stop the service: %v", err)
		}
	})
	return r
}

// tell logs every drill on record, for whoever looks why a test failed.
func (r *running) tell() {
	list, err := r.Store.List(context.Background(), history.Filter{Limit: 100})
	waiting, err2 := r.Store.Waiting(context.Background(), 100)
	for _, e := range slices.Concat(waiting, list) {
		r.w.t.Logf("drill %s of %s: %s %s %s %s%s, due %s, not before %s, began %s, ended %s", e.ID, e.Target, e.Trigger, e.State, e.Verdict,
			e.Summary, e.Why, e.ScheduledFor, e.NotBefore, e.Started, e.Finished)
	}
	if err := errors.Join(err, err2); err != nil {
		r.w.t.Log(err) // it was stopped
	}
}

// ask queues a manual drill.
func (r *running) ask(target string) string {
	r.w.t.Helper()
	now := r.Now()
	id, _, err := r.Store.Enqueue(r.w.t.Context(), history.Drill{ID: r.NewID(now), Target: target, Trigger: history.Manual,
		Priority: history.PriorityManual, Asked: now, Attempt: 1})
	if err != nil {
		r.w.t.Fatal(err)
	}
	return id
}

// until waits until something holds, and fails the test when it does not in time.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(worldTimeout); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("after %s: not yet %s", worldTimeout, what)
		}
	}
}

// ended are the drills of a target that are over, newest first.
func (r *running) ended(target string) []history.Entry {
	r.w.t.Helper()
	list, err := r.Store.List(r.w.t.Context(), history.Filter{Target: target, States: []history.State{history.Finished, history.Interrupted}, Limit: 100})
	if err != nil {
		r.w.t.Fatal(err)
	}
	return list
}

// words are how drills ended: "schedule passed, confirm failed", oldest first.
func words(list []history.Entry) string {
	var said []string
	for _, e := range list {
		said = append([]string{string(e.Trigger) + " " + e.Verdict.String()}, said...)
	}
	return strings.Join(said, ", ")
}

// friend is a notifier that remembers.
type friend struct {
	mu   sync.Mutex
	got  []notify.Message
	fail []error // for the next attempts
}

func (f *friend) Send(_ context.Context, m notify.Message) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return "", err
	}
	f.got = append(f.got, m)
	if m.Thread != "" {
		return m.Thread, nil
	}
	return "thread of " + m.Alert.Problem, nil
}

// told is what was said: "backup opened, backup recovered".
func (f *friend) told() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var said []string
	for _, m := range f.got {
		said = append(said, string(m.Alert.Kind)+" "+string(m.Alert.Reason))
	}
	return strings.Join(said, ", ")
}
