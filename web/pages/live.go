package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"lifeboat/history"
	"lifeboat/web/live"
)

// view is what a live page shows at a moment. Parts are sent when they changed; Whole names the
// state of the rest: when that changes, the browser loads the page again in place.
type view struct {
	Parts map[string]string // id of an element -> its content
	Say   string            // for those who do not see it
	Whole string
	Over  bool // nothing will move any more
}

// changed are the messages that bring a reader from one view to the next.
func (v view) changed(had view, first bool) ([]live.Message, error) {
	var out []live.Message
	add := func(event string, data any) error {
		b, err := json.Marshal(data)
		out = append(out, live.Message{Event: event, Data: b})
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(v.Parts)) {
		if first || had.Parts[id] != v.Parts[id] {
			if err := add("part", map[string]string{"id": id, "html": v.Parts[id]}); err != nil {
				return nil, err
			}
		}
	}
	if v.Say != "" && v.Say != had.Say && !first {
		if err := add("say", v.Say); err != nil {
			return nil, err
		}
	}
	if first || v.Whole != had.Whole {
		if err := add("whole", v.Whole); err != nil { // the browser knows the state of the page it has
			return nil, err
		}
	}
	if v.Over {
		return out, add("over", "")
	}
	return out, nil
}

// stream sends what changes in the drills that f chooses. draw is given all of them that run or
// wait, and the one asked for by id even when it is over.
func (p *Pages) stream(w http.ResponseWriter, r *http.Request, f live.Filter, draw func([]history.Entry) (view, error)) error {
	drills := make(map[string]history.Entry)
	var had view
	first := true
	err := live.Serve(w, r, p.Hub, f, func(e live.Event) ([]live.Message, error) {
		if e.Snapshot {
			clear(drills)
		}
		for _, entry := range e.Entries {
			drills[entry.ID] = entry
			if over(entry) && entry.ID != f.Drill {
				delete(drills, entry.ID)
			}
		}
		v, err := draw(slices.Collect(maps.Values(drills)))
		if err != nil {
			return nil, err
		}
		out, err := v.changed(had, first)
		had, first = v, false
		return out, err
	})
	if err != nil && r.Context().Err() == nil {
		p.Log.WarnContext(r.Context(), "live view ended", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	return nil // the stream has begun: an error page would only end up in it
}

func over(e history.Entry) bool { return e.State != history.Running && e.State != history.Queued }

func (p *Pages) liveFleet(w http.ResponseWriter, r *http.Request) error {
	return p.stream(w, r, live.Filter{}, p.drawRunning(r))
}

func (p *Pages) liveTarget(w http.ResponseWriter, r *http.Request) error {
	return p.stream(w, r, live.Filter{Target: r.PathValue("name")}, p.drawRunning(r))
}

// drawRunning draws the drills that run. The page changes as a whole when one begins or ends.
func (p *Pages) drawRunning(r *http.Request) func([]history.Entry) (view, error) {
	return func(drills []history.Entry) (view, error) {
		part := p.bare(r, "").runningPart(drills)
		html, err := p.part("fleet", "running", part)
		return view{Parts: map[string]string{"running": html}, Whole: part.State()}, err
	}
}

func (p *Pages) liveQueue(w http.ResponseWriter, r *http.Request) error {
	return p.stream(w, r, live.Filter{}, func(drills []history.Entry) (view, error) {
		s := p.bare(r, "")
		waiting := slices.DeleteFunc(slices.Clone(drills), func(e history.Entry) bool { return e.State != history.Queued })
		slices.SortFunc(waiting, func(a, b history.Entry) int {
			return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.ID, b.ID))
		})
		html, err := p.part("queue", "queue", s.queuePart(s.runningPart(drills), waiting, len(waiting)))
		return view{Parts: map[string]string{"queue": html}}, err
	})
}

func (p *Pages) liveDrill(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if _, err := p.Store.Entry(r.Context(), id); err != nil {
		return err
	}
	return p.stream(w, r, live.Filter{Drill: id}, func(drills []history.Entry) (view, error) {
		if len(drills) == 0 {
			return view{}, nil // it ended between two looks; the next one tells how
		}
		e := drills[0]
		v := view{Whole: stateOf(e), Say: phaseOf(e), Over: over(e)}
		if v.Over {
			return v, nil
		}
		part, err := p.progress(r.Context(), p.bare(r, ""), e)
		if err != nil {
			return view{}, err
		}
		html, err := p.part("drill", "progress", part)
		v.Parts = map[string]string{"progress": html}
		return v, err
	})
}

// stateOf changes when the page of a drill has to be drawn anew.
func stateOf(e history.Entry) string {
	if e.CancelBy != "" {
		return string(e.State) + " stopping"
	}
	return string(e.State)
}

// State changes when a drill begins or ends.
func (r runningPart) State() string {
	ids := make([]string, 0, len(r.Drills))
	for _, d := range r.Drills {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, " ")
}

// phaseOf changes a few times in a drill: what is read aloud must not change every second.
func phaseOf(e history.Entry) string {
	switch {
	case over(e):
		return "The drill is over: " + word(e.Verdict, e.State) + "."
	case e.State == history.Queued:
		return "The drill waits."
	}
	now := ""
	for _, ph := range e.Progress.Phases {
		if ph.Ended.IsZero() {
			now = doing(ph.Name) + "."
		}
	}
	return now
}

// part renders a template of a page on its own.
func (p *Pages) part(page, name string, data any) (string, error) {
	var b bytes.Buffer
	err := p.templates[page].ExecuteTemplate(&b, name, data)
	return b.String(), err
}
