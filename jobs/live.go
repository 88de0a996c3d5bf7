package jobs

import (
	"slices"
	"sync"
	"time"

	"lifeboat/history"
)

// maxNotes bounds the log of a running drill that is kept for people who watch.
const maxNotes = 40

// live collects how a drill goes, for those who watch it from other processes.
type live struct {
	now     func() time.Time
	mu      sync.Mutex
	state   history.Progress
	changed bool
}

func newLive(now func() time.Time) *live { return &live{now: now} }

// show takes in an event.
func (l *live) show(e Event) {
	at := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed, l.state.At = true, at
	if e.Began {
		l.state.Phases = append(l.state.Phases, history.PhaseProgress{Name: string(e.Phase), Began: at})
	}
	for i := range slices.Backward(l.state.Phases) {
		p := &l.state.Phases[i]
		if p.Name != string(e.Phase) {
			continue
		}
		if e.Done > 0 || e.Total > 0 {
			p.Done, p.Total, p.Unit = e.Done, e.Total, e.Unit
		}
		if e.Ended {
			p.Ended = at
		}
		break
	}
	if e.Note != "" {
		l.note(at, e.Note)
	}
}

// note keeps a sentence, once when it is said again and again.
func (l *live) note(at time.Time, text string) {
	if n := len(l.state.Notes); n > 0 && l.state.Notes[n-1].Text == text {
		return
	}
	l.state.Notes = append(l.state.Notes, history.Note{At: at, Text: text})
	if extra := len(l.state.Notes) - maxNotes; extra > 0 {
		l.state.Notes = slices.Delete(l.state.Notes, 0, extra)
	}
}

// take returns a copy of the state, and whether it changed since the last call.
func (l *live) take() (history.Progress, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.changed
	l.changed = false
	copied := l.state
	copied.Phases, copied.Notes = slices.Clone(l.state.Phases), slices.Clone(l.state.Notes)
	return copied, changed
}
