// Package live tells pages and programs how drills go while they run. One poller per
// process reads the record for all who listen, and none does while nobody listens. It
// keeps no past: whoever comes back is told how things stand now.
package live

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"lifeboat/history"
)

// Event is news of drills.
type Event struct {
	// ID grows with each event of a process.
	ID uint64
	// Snapshot is true for the first event of a subscription: Entries are all drills
	// that run or wait and that its filter chooses, and any other one is over.
	// Otherwise there is one entry, which changed.
	Snapshot bool
	Entries  []history.Entry
}

// Filter chooses drills. The zero value chooses all.
type Filter struct {
	Target string
	Drill  string // its whole id; told of even when it was over already
}

func (f Filter) chooses(e history.Entry) bool {
	return (f.Target == "" || f.Target == e.Target) && (f.Drill == "" || f.Drill == e.ID)
}

// Options of a hub.
type Options struct {
	Every time.Duration    // pause between two looks at the record; 0: one second
	Now   func() time.Time // the real clock: connections get their deadlines by it
	Log   *slog.Logger     // nil: nothing is logged
	Most  int              // streams at once; 0: five hundred
	Beat  time.Duration    // pause between signs of life of a stream; 0: fifteen seconds
}

// mostStreams bounds the connections that live views hold, each of which is drawn for.
const mostStreams = 500

// heartbeat keeps proxies from closing a stream on which nothing happens.
const heartbeat = 15 * time.Second

// listed bounds how many running and queued drills are followed.
const listed = 2000

// pollTimeout ends a look at a record that hangs.
const pollTimeout = 30 * time.Second

// Hub publishes what it sees in a record.
type Hub struct {
	record history.Record
	Options

	mu     sync.Mutex
	last   map[string]history.Entry // what the last look found
	looked bool                     // last is worth something: a look succeeded since somebody listens
	number uint64
	subs   map[*sub]struct{}
	stop   context.CancelFunc // of the poller; nil while none runs
	closed bool
	open   int // streams
	done   sync.WaitGroup
}

// New returns a hub over a record. Close ends it.
func New(record history.Record, o Options) *Hub {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Most <= 0 {
		o.Most = mostStreams
	}
	if o.Beat <= 0 {
		o.Beat = heartbeat
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Hub{record: record, Options: o, subs: make(map[*sub]struct{})}
}

// enter counts a stream in, if there is room for it.
func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= h.Most {
		return false
	}
	h.open++
	return true
}

func (h *Hub) exit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// Close ends all subscriptions and waits for the poller. It may be called twice.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for s := range h.subs {
		s.cancel()
	}
	if h.stop != nil {
		h.stop()
	}
	h.mu.Unlock()
	h.done.Wait()
}

// Subscribe follows the drills that f chooses until ctx is over or the hub is closed;
// then the channel is closed. The first event is a snapshot. Who reads slowly misses
// states in between and never the newest one of a drill, and keeps nobody else waiting.
func (h *Hub) Subscribe(ctx context.Context, f Filter) <-chan Event {
	ctx, cancel := context.WithCancel(ctx)
	s := &sub{filter: f, cancel: cancel, wake: make(chan struct{}, 1), out: make(chan Event), missing: f.Drill != ""}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		cancel()
		close(s.out)
		return s.out
	}
	h.subs[s] = struct{}{}
	if h.looked {
		s.begin(h.last)
	}
	if h.stop == nil {
		h.start()
	}
	h.done.Go(func() { h.pump(ctx, s) })
	return s.out
}

// start begins to poll. It is called with the lock held.
func (h *Hub) start() {
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	h.done.Go(func() { h.poll(ctx) })
}

// pump hands s what is new until ctx is over.
func (h *Hub) pump(ctx context.Context, s *sub) {
	defer close(s.out)
	defer h.leave(s)
	for {
		e, ok := h.next(s)
		if !ok {
			select {
			case <-s.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case s.out <- e:
		case <-ctx.Done():
			return
		}
	}
}

// leave forgets s, and stops the poller when nobody else listens.
func (h *Hub) leave(s *sub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.cancel()
	delete(h.subs, s)
	if len(h.subs) == 0 && h.stop != nil {
		h.stop()
		h.stop, h.last, h.looked = nil, nil, false
	}
}

// next takes the oldest event that s was not given yet.
func (h *Hub) next(s *sub) (Event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := s.take()
	if ok {
		h.number++
		e.ID = h.number
	}
	return e, ok
}

// poll looks at the record until ctx is over. A record that does not answer is logged
// once, and when it answers again.
func (h *Hub) poll(ctx context.Context) {
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	broken := false
	for {
		err := h.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !broken:
			h.Log.ErrorContext(ctx, "live view cannot read the record", slog.Any("error", err))
		case err == nil && broken:
			h.Log.InfoContext(ctx, "live view reads the record again")
		}
		broken = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads what runs and waits, and publishes what changed since the last look.
func (h *Hub) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pollTimeout, errors.New("the record did not answer in time"))
	defer cancel()
	now, err := h.read(ctx)
	if err != nil {
		return err
	}
	gone, asked := h.absent(now)
	ended, err := h.entries(ctx, gone)
	if err != nil {
		return err
	}
	old, err := h.entries(ctx, asked)
	if err != nil {
		return err
	}
	h.publish(ctx, now, ended, old)
	return nil
}

// read lists the drills that run or wait. What waits is read first: a drill that begins
// in between is then seen twice, and not missed.
func (h *Hub) read(ctx context.Context) (map[string]history.Entry, error) {
	waiting, err := h.record.Waiting(ctx, listed)
	if err != nil {
		return nil, err
	}
	running, err := h.record.List(ctx, history.Filter{States: []history.State{history.Running}, Limit: listed})
	if err != nil {
		return nil, err
	}
	now := make(map[string]history.Entry, len(waiting)+len(running))
	for _, e := range append(waiting, running...) {
		now[e.ID] = e
	}
	return now, nil
}

// entries reads single drills. One that does not exist is left out.
func (h *Hub) entries(ctx context.Context, ids []string) ([]history.Entry, error) {
	var entries []history.Entry
	for _, id := range ids {
		e, err := h.record.Entry(ctx, id)
		if errors.Is(err, history.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// absent lists the drills that were there at the last look and are gone now, and those
// that somebody asks for by id although they may have been over before.
func (h *Hub) absent(now map[string]history.Entry) (gone, asked []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.last {
		if _, ok := now[id]; !ok {
			gone = append(gone, id)
		}
	}
	for s := range h.subs {
		if !s.missing {
			continue
		}
		s.asked = true
		id := s.filter.Drill
		_, there := now[id]
		_, was := h.last[id]
		if !there && !was && !slices.Contains(asked, id) {
			asked = append(asked, id)
		}
	}
	return gone, asked
}

// publish gives everyone what changed, and the old drills to those who asked for them,
// unless the poller was told to stop meanwhile.
func (h *Hub) publish(ctx context.Context, now map[string]history.Entry, ended, old []history.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	var changed []history.Entry
	for id, e := range now {
		if before, ok := h.last[id]; !ok || !reflect.DeepEqual(before, e) {
			changed = append(changed, e)
		}
	}
	h.last, h.looked = now, true
	for s := range h.subs {
		news := slices.Concat(changed, ended)
		if !s.begun {
			s.begin(now)
			news = ended // the rest is in the snapshot
		}
		for _, e := range news {
			if s.filter.chooses(e) {
				s.put(e)
			}
		}
		if !s.asked {
			continue
		}
		s.asked, s.missing = false, false
		for _, e := range old {
			if e.ID == s.filter.Drill && s.filter.chooses(e) {
				s.put(e)
			}
		}
	}
}
