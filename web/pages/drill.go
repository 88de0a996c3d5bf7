package pages

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

const (
	tablesMax     = 200 // tables shown; the JSON has all
	candidatesMax = 20
	notCheckedMax = 50
	neighbours    = 50 // later drills among which those that follow are looked for
)

type drillData struct {
	shell
	Entry   history.Entry
	Trigger string
	Found   finding
	Report  *verify.Report // nil until it ended
	Asked   stamp
	Began   stamp
	Ended   stamp
	Took    string

	Progress progressPart
	Timeline timeline
	Bad      []verify.Result // not passed, or ignored
	Good     []verify.Result
	Tables   tablesPart
	MadeAt   stamp
	DumpMade stamp
	Kept     stamp
	Age      string // of the backup when it was drilled
	More     struct{ Candidates, NotChecked int }
	Earlier  string   // drill before this one
	Follows  []follow // drills that follow from this one
}

type follow struct {
	ID, Words string
	Verdict   verify.Verdict
	State     history.State
}

// progressPart is what moves on the page of a drill.
type progressPart struct {
	shell
	Entry    history.Entry
	Timeline timeline
	Notes    []noteRow
	Doing    string
	Share    int
	Took     string
	Place    int
	Since    stamp
	Asked    stamp
}

type noteRow struct {
	Clock, Text string
}

func (p *Pages) drill(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	id := r.PathValue("id")
	if id, ok := strings.CutSuffix(id, ".json"); ok {
		return p.reportJSON(ctx, w, id)
	}
	e, err := p.Store.Entry(ctx, id)
	if errors.Is(err, history.ErrNotFound) {
		return p.byBeginning(ctx, w, r, id)
	}
	if err != nil {
		return err
	}
	d := drillData{
		shell: p.shell(ctx, "Drill of "+e.Target, "/"), Entry: e, Trigger: why(e.Drill), Found: explain(e.Summary),
	}
	d.Asked, d.Began, d.Ended, d.Took = d.clock.At(e.Asked), d.clock.At(e.Started), d.clock.At(e.Finished), d.drillRow(e).Took
	if e.State == history.Queued || e.State == history.Running {
		d.Live = "/live/drills/" + id
		if d.Progress, err = p.progress(ctx, d.shell, e); err != nil {
			return err
		}
	}
	if e.State == history.Finished || e.State == history.Interrupted {
		rep, err := p.Store.Get(ctx, id)
		if err != nil {
			return err
		}
		d.report(rep)
	}
	if err := p.related(ctx, &d); err != nil {
		return err
	}
	return p.show(w, "drill", http.StatusOK, d)
}

// byBeginning leads on from the beginning of an id, as people copy it out of a terminal.
func (p *Pages) byBeginning(ctx context.Context, w http.ResponseWriter, r *http.Request, id string) error {
	rep, err := p.Store.Get(ctx, id)
	var running *history.RunningError
	var queued *history.QueuedError
	whole := rep.Drill
	switch {
	case errors.As(err, &running):
		whole = running.Drill
	case errors.As(err, &queued):
		whole = queued.Drill
	case errors.Is(err, history.ErrAmbiguous):
		return &problem{http.StatusNotFound, "Several drills begin so. Give more of the id."}
	case errors.Is(err, history.ErrOver): // called off before it began; its whole id has a page
		return history.ErrNotFound
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/drills/"+whole, http.StatusSeeOther)
	return nil
}

// reportJSON is the report as it is on record.
func (p *Pages) reportJSON(ctx context.Context, w http.ResponseWriter, id string) error {
	rep, err := p.Store.Get(ctx, id)
	var running *history.RunningError
	var queued *history.QueuedError
	switch {
	case errors.As(err, &running), errors.As(err, &queued):
		return &problem{http.StatusNotFound, "There is no report before the drill ends."}
	case errors.Is(err, history.ErrOver):
		return &problem{http.StatusNotFound, "There is no report: the drill was called off before it began."}
	case err != nil:
		return err
	}
	return sendJSON(w, rep)
}

// report fills in what a finished drill found.
func (d *drillData) report(r verify.Report) {
	d.More.Candidates = max(0, len(r.Candidates)-candidatesMax)
	r.Candidates = r.Candidates[:min(len(r.Candidates), candidatesMax)]
	d.More.NotChecked = max(0, len(r.NotChecked)-notCheckedMax)
	r.NotChecked = r.NotChecked[:min(len(r.NotChecked), notCheckedMax)]
	d.Report, d.Timeline = &r, finished(r.Phases)
	for _, res := range r.Results {
		if res.Verdict == verify.Passed && res.Ignored == "" {
			d.Good = append(d.Good, res)
		} else {
			d.Bad = append(d.Bad, res)
		}
	}
	slices.SortStableFunc(d.Bad, func(a, b verify.Result) int {
		switch aside, other := a.Ignored != "", b.Ignored != ""; {
		case other && !aside, aside == other && verify.Graver(a, b):
			return -1
		case aside && !other, aside == other && verify.Graver(b, a):
			return 1
		}
		return 0
	})
	d.Tables = tables(r.Tables)
	if a := r.Artifact; a != nil {
		d.MadeAt = d.clock.At(a.MadeAt)
		if !a.MadeAt.IsZero() {
			d.Age = coarse(max(0, r.Finished.Sub(a.MadeAt)))
		}
	}
	if m := r.Manifest; m != nil && m.MadeAt != nil {
		d.DumpMade = d.clock.At(*m.MadeAt)
	}
	if s := r.Sandbox; s != nil && s.KeptUntil != nil {
		d.Kept = d.clock.At(*s.KeptUntil)
	}
}

// tablesPart are tables, those that differ from the dump first.
type tablesPart struct {
	Rows                 []tableRow
	All, Differ, Unknown int
	Total                int64
}

type tableRow struct {
	Name, Rows, Dumped string
	Differs            bool
	Delta              string
}

func tables(all []verify.Table) tablesPart {
	part := tablesPart{All: len(all)}
	differs := func(t verify.Table) bool { return t.DumpRows != nil && *t.DumpRows != t.Rows }
	rank := func(t verify.Table) int {
		switch {
		case differs(t):
			return 0
		case t.DumpRows == nil:
			return 1
		}
		return 2
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b verify.Table) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Rows, a.Rows))
	})
	for i, t := range sorted {
		part.Total += t.Rows
		row := tableRow{Name: t.Table.String(), Rows: units.Count(t.Rows), Dumped: "not counted"}
		switch {
		case differs(t):
			part.Differ++
			row.Differs, row.Delta = true, units.Count(t.Rows-*t.DumpRows)
			if t.Rows > *t.DumpRows {
				row.Delta = "+" + row.Delta
			}
		case t.DumpRows == nil:
			part.Unknown++
		}
		if t.DumpRows != nil {
			row.Dumped = units.Count(*t.DumpRows)
		}
		if i < tablesMax {
			part.Rows = append(part.Rows, row)
		}
	}
	return part
}

// More is how many tables are not shown.
func (t tablesPart) More() int { return t.All - len(t.Rows) }

// related finds the drill before this one and those that follow from it.
func (p *Pages) related(ctx context.Context, d *drillData) error {
	e := d.Entry
	if !e.Started.IsZero() {
		before, err := p.Store.List(ctx, history.Filter{Target: e.Target, Before: e.Cursor(), Limit: 1})
		if err != nil {
			return err
		}
		for _, b := range before {
			d.Earlier = b.ID
		}
	}
	if d.Report == nil {
		return nil
	}
	later, err := p.Store.List(ctx, history.Filter{Target: e.Target, Limit: neighbours})
	if err != nil {
		return err
	}
	if d.now.Sub(e.Finished) < freshness { // a follow-up does not wait for longer
		waiting, err := p.Store.Waiting(ctx, waitingMax)
		if err != nil {
			return err
		}
		later = append(later, waiting...)
	}
	for _, l := range later {
		if l.Follows == e.ID {
			d.Follows = append(d.Follows, follow{l.ID, why(l.Drill), l.Verdict, l.State})
		}
	}
	return nil
}

// progress is how a drill goes that has not ended.
func (p *Pages) progress(ctx context.Context, s shell, e history.Entry) (progressPart, error) {
	part := progressPart{
		shell: s, Entry: e, Timeline: s.underWay(e), Took: s.drillRow(e).Took, Since: s.At(e.WaitsSince), Asked: s.At(e.Asked),
	}
	part.Doing, part.Share = nowDoing(e)
	for _, n := range e.Progress.Notes {
		part.Notes = append(part.Notes, noteRow{n.At.UTC().Format("15:04:05"), n.Text})
	}
	if e.State != history.Queued {
		return part, nil
	}
	waiting, err := p.Store.Waiting(ctx, waitingMax)
	if err != nil {
		return part, err
	}
	part.Place = slices.IndexFunc(waiting, func(w history.Entry) bool { return w.ID == e.ID }) + 1
	return part, nil
}

// State is that of the drill as its page shows it; its live view says when it is another.
func (d drillData) State() string { return stateOf(d.Entry) }
