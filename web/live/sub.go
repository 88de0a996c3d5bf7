package live

import (
	"cmp"
	"context"
	"slices"

	"lifeboat/history"
)

// sub is one who listens. All but its channels is guarded by the hub's lock. What waits
// for it is one state per drill, however slowly it reads.
type sub struct {
	filter  Filter
	cancel  context.CancelFunc
	wake    chan struct{}
	out     chan Event
	begun   bool // a snapshot was made for it
	missing bool // its drill was not looked up yet: it may be over
	asked   bool // the look under way looks it up

	first   *Event
	order   []string // ids of pending, oldest first
	pending map[string]history.Entry
}

// begin makes the snapshot.
func (s *sub) begin(now map[string]history.Entry) {
	s.begun = true
	e := Event{Snapshot: true, Entries: []history.Entry{}}
	for _, entry := range now {
		if s.filter.chooses(entry) {
			e.Entries = append(e.Entries, entry)
		}
	}
	sortEntries(e.Entries)
	s.first = &e
	s.nudge()
}

// put adds the newest state of a drill, in place of an older one that was not taken yet.
func (s *sub) put(e history.Entry) {
	if s.pending == nil {
		s.pending = make(map[string]history.Entry)
	}
	if _, waits := s.pending[e.ID]; !waits {
		s.order = append(s.order, e.ID)
	}
	s.pending[e.ID] = e
	s.nudge()
}

// nudge wakes the pump without waiting for it.
func (s *sub) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes the next event.
func (s *sub) take() (Event, bool) {
	if s.first != nil {
		e := *s.first
		s.first = nil
		return e, true
	}
	if len(s.order) == 0 {
		return Event{}, false
	}
	id := s.order[0]
	s.order = s.order[1:]
	e := Event{Entries: []history.Entry{s.pending[id]}}
	delete(s.pending, id)
	return e, true
}

// sortEntries puts running drills first, oldest first, and then those that wait, in the
// order in which they are up.
func sortEntries(entries []history.Entry) {
	rank := func(e history.Entry) int {
		if e.State == history.Running {
			return 0
		}
		return 1
	}
	slices.SortFunc(entries, func(a, b history.Entry) int {
		return cmp.Or(
			rank(a)-rank(b), a.Started.Compare(b.Started),
			cmp.Compare(a.Priority, b.Priority), a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.ID, b.ID),
		)
	})
}
