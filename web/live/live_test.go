package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web/live"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// counted counts the looks at it.
type counted struct {
	history.Store
	looks chan struct{}
}

func (c *counted) Waiting(ctx context.Context, limit int) ([]history.Entry, error) {
	select {
	case c.looks <- struct{}{}:
	default:
	}
	return c.Store.Waiting(ctx, limit)
}

func open(t *testing.T) (*live.Hub, *counted) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c := &counted{Store: store, looks: make(chan struct{}, 1)}
	h := live.New(c, live.Options{Every: 2 * time.Millisecond, Now: time.Now})
	t.Cleanup(h.Close)
	return h, c
}

// next is the next event.
func next(t *testing.T, events <-chan live.Event) live.Event {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("the subscription ended")
		}
		return e
	case <-time.After(patience):
		t.Fatal("no event came")
	}
	panic("unreachable")
}

// until reads events of a drill until it is in a state.
func until(t *testing.T, events <-chan live.Event, drill string, s history.State) history.Entry {
	t.Helper()
	for {
		for _, e := range next(t, events).Entries {
			if e.ID == drill && e.State == s {
				return e
			}
		}
	}
}

func manual(id, target string) history.Drill {
	return history.Drill{ID: id, Target: target, Trigger: history.Manual, Priority: history.PriorityManual, Asked: noon, Attempt: 1}
}

func enqueue(t *testing.T, s history.Store, d history.Drill) {
	t.Helper()
	if _, fresh, err := s.Enqueue(t.Context(), d); err != nil || !fresh {
		t.Fatalf("Enqueue = %t, %v", fresh, err)
	}
}

func TestADrillIsFollowedFromTheQueueToItsVerdict(t *testing.T) {
	h, s := open(t)
	events := h.Subscribe(t.Context(), live.Filter{})
	if e := next(t, events); !e.Snapshot || len(e.Entries) != 0 {
		t.Fatalf("the first event is %+v, want an empty snapshot", e)
	}
	enqueue(t, s, manual("d1", "orders"))
	until(t, events, "d1", history.Queued)
	l, err := s.Claim(t.Context(), "d1", "host/1", time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	until(t, events, "d1", history.Running)
	p := history.Progress{Phases: []history.PhaseProgress{{Name: "load", Began: noon, Done: 5, Total: 10}}, At: noon}
	if _, err := s.Beat(t.Context(), l, time.Hour, p); err != nil {
		t.Fatal(err)
	}
	for {
		e := until(t, events, "d1", history.Running)
		if len(e.Progress.Phases) == 1 && e.Progress.Phases[0].Done == 5 {
			break
		}
	}
	r := webtest.Report(l.Drill, verify.Passed, noon)
	if err := s.Finish(t.Context(), l, r, func(p notify.State) history.Effects { return history.Effects{State: p} }); err != nil {
		t.Fatal(err)
	}
	if e := until(t, events, "d1", history.Finished); e.Verdict != verify.Passed {
		t.Errorf("it ended %s", e.Verdict)
	}
}

func TestASubscriptionBeginsWithHowThingsStand(t *testing.T) {
	h, s := open(t)
	enqueue(t, s, manual("d1", "orders"))
	enqueue(t, s, manual("d2", "users"))
	for range 3 { // the first one makes the hub look, the others are told what it saw
		events := h.Subscribe(t.Context(), live.Filter{Target: "users"})
		if e := next(t, events); !e.Snapshot || len(e.Entries) != 1 || e.Entries[0].ID != "d2" {
			t.Errorf("the first event is %+v, want a snapshot of d2", e)
		}
	}
}

func TestADrillThatWasOverIsToldToWhoAsksForItOnly(t *testing.T) {
	h, s := open(t)
	enqueue(t, s, manual("old", "orders"))
	if _, err := s.Cancel(t.Context(), "old", "ann", noon); err != nil {
		t.Fatal(err)
	}
	all := h.Subscribe(t.Context(), live.Filter{})
	next(t, all)
	one := h.Subscribe(t.Context(), live.Filter{Drill: "old"})
	until(t, one, "old", history.Cancelled)
	enqueue(t, s, manual("new", "orders"))
	if e := next(t, all); len(e.Entries) != 1 || e.Entries[0].ID != "new" {
		t.Errorf("everybody is told of %+v, want the new drill only", e)
	}
}

func TestWhoReadsSlowlyGetsTheNewestStateAndHoldsNobodyUp(t *testing.T) {
	h, s := open(t)
	slow := h.Subscribe(t.Context(), live.Filter{}) // reads nothing until the end
	quick := h.Subscribe(t.Context(), live.Filter{})
	next(t, quick)
	enqueue(t, s, manual("d1", "orders"))
	for i := range 20 {
		why := fmt.Sprintf("needs %d GiB", i)
		if err := s.Wait(t.Context(), "d1", why, noon); err != nil {
			t.Fatal(err)
		}
		for until(t, quick, "d1", history.Queued).Why != why {
		}
	}
	events := 0
	for {
		events++
		e := next(t, slow)
		if n := len(e.Entries); n > 0 && e.Entries[n-1].Why == "needs 19 GiB" {
			break
		}
	}
	if events > 4 { // one that was handed over already, the snapshot, and what was coalesced
		t.Errorf("who read nothing meanwhile was kept %d events", events)
	}
}

func TestNobodyLooksWhileNobodyListens(t *testing.T) {
	h, s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	events := h.Subscribe(ctx, live.Filter{})
	next(t, events)
	cancel()
	for range events { // until it is closed
	}
	h.Subscribe(t.Context(), live.Filter{}) // it begins anew
	select {
	case <-s.looks:
	case <-time.After(patience):
		t.Fatal("nobody looks while somebody listens")
	}
	h.Close()
	select {
	case <-s.looks:
	default:
	}
	before := runtime.NumGoroutine()
	h.Close() // may be called twice
	if _, open := <-h.Subscribe(t.Context(), live.Filter{}); open {
		t.Error("a closed hub tells news")
	}
	select {
	case <-s.looks:
		t.Error("a closed hub looks at the record")
	default:
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines became %d", before, after)
	}
}

// render sends the ids and states of an event.
func render(e live.Event) ([]live.Message, error) {
	words := []string{}
	for _, entry := range e.Entries {
		words = append(words, entry.ID+" "+string(entry.State)+" "+entry.Why)
	}
	data, err := json.MarshalIndent(words, "", "\n")
	return []live.Message{{Event: "drills", Data: data}}, err
}

func TestAStreamIsWellFormedWhateverTheWords(t *testing.T) {
	h, s := open(t)
	enqueue(t, s, manual("d1", "orders"))
	if err := s.Wait(t.Context(), "d1", "x\r\n\r\nevent: forged\rdata: 1", noon); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		live.Serve(w, r, h, live.Filter{}, func(e live.Event) ([]live.Message, error) {
			return []live.Message{{Event: "drills", Data: []byte(e.Entries[0].Why)}}, nil
		})
	}))
	defer srv.Close()
	defer h.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var lines []string
	for sc := bufio.NewScanner(res.Body); sc.Scan() && len(lines) < 8; {
		lines = append(lines, sc.Text())
		if len(lines) > 4 && sc.Text() == "" {
			break
		}
	}
	want := "retry: 2000||id: 1|event: drills|data: x|data: |data: event: forged|data: data: 1"
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

func TestThereIsRoomForSoManyStreamsOnly(t *testing.T) {
	_, s := open(t)
	h := live.New(s, live.Options{Every: 2 * time.Millisecond, Now: time.Now, Most: 1})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { live.Serve(w, r, h, live.Filter{}, render) }))
	defer srv.Close()
	defer h.Close()
	get := func() *http.Response {
		t.Helper()
		res, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	first := get()
	second := get()
	if second.StatusCode != http.StatusServiceUnavailable || second.Header.Get("Retry-After") == "" {
		t.Errorf("one stream more than there may be answers %d %v", second.StatusCode, second.Header)
	}
	second.Body.Close()
	first.Body.Close()
	for until := time.Now().Add(patience); ; {
		res := get()
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("after %s there is no room although the first one left", patience)
		}
	}
}

func TestTwoHundredWhoDoNotReadHoldNobodyUp(t *testing.T) {
	h, s := open(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { live.Serve(w, r, h, live.Filter{}, render) }))
	defer srv.Close()
	defer h.Close()
	for range 200 {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") // and never reads
	}
	for i := range 100 {
		enqueue(t, s, manual(fmt.Sprintf("d%03d", i), strings.Repeat("x", 2000)+fmt.Sprint(i)))
	}
	events := h.Subscribe(t.Context(), live.Filter{})
	next(t, events)
	for i := range 20 {
		why := fmt.Sprint("round ", i)
		if err := s.Wait(t.Context(), "d000", why, noon); err != nil {
			t.Fatal(err)
		}
		for until(t, events, "d000", history.Queued).Why != why {
		}
	}
}
