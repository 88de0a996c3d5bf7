package pages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/web"
)

const (
	drillsPage     = 25
	upcomingRuns   = 5
	targetAlerts   = 10
	baselineDrills = 10 // what the checks of a drill compare with
	artifactsMax   = 200
)

type targetData struct {
	shell
	Target   web.Target
	Known    bool // the configuration in force has it
	Row      targetRow
	Standing history.Standing
	Open     []problemRow
	Found    finding // of the last drill
	Proof    *proof
	Schedule string
	Upcoming []stamp
	Charts   []chart
	Drills   []drillRow
	Older    string // address of the next page of drills; empty at the end
	Newer    bool   // this is not the first page
	Alerts   []deliveryRow
	Running  runningPart
}

type proof struct {
	Drill, Key string
	At, MadeAt stamp
}

// drillRow is one drill of a target.
type drillRow struct {
	history.Entry
	Trigger string
	Began   stamp
	Took    string
	Found   finding
}

func (p *Pages) target(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	name := r.PathValue("name")
	t, known := p.Service.Target(name)
	standing, err := p.Store.Standing(ctx, name)
	if errors.Is(err, history.ErrNotFound) {
		if !known {
			return web.ErrNoTarget
		}
		standing, err = history.Standing{Target: name}, nil // configured a moment ago
	}
	if err != nil {
		return err
	}
	if !known {
		t = web.Target{Name: name}
	}
	d := targetData{shell: p.shell(ctx, name, "/"), Target: t, Known: known, Standing: standing}
	d.Live = "/live/targets/" + url.PathEscape(name)
	d.Schedule = scheduleWords(t.Schedule, t.Timezone)
	if t.Upcoming != nil {
		for _, at := range t.Upcoming(d.now, upcomingRuns) {
			d.Upcoming = append(d.Upcoming, d.clock.At(at))
		}
	}
	if err := p.targetRecord(ctx, &d, r.URL.Query().Get("before")); err != nil {
		return err
	}
	return p.show(w, "target", http.StatusOK, d)
}

// targetRecord fills in what the record knows of a target.
func (p *Pages) targetRecord(ctx context.Context, d *targetData, before string) error {
	name := d.Target.Name
	marks, err := p.Store.Strips(ctx, []string{name}, stripSlots)
	if err != nil {
		return err
	}
	d.Row = d.targetRow(d.Target, d.Standing, marks[name])
	d.Found = explain(d.Standing.Last.Summary)
	if g := d.Standing.LastGood; g != nil {
		d.Proof = &proof{g.Drill, g.Key, d.clock.At(g.At), d.clock.At(g.MadeAt)}
	}
	for _, o := range d.problems(d.Standing) {
		d.Open = append(d.Open, d.problemRow(d.Standing, o))
	}
	points, err := p.Store.Points(ctx, name, chartDrills)
	if err != nil {
		return err
	}
	base, all := baselineOf(points)
	if !all && len(points) == chartDrills { // there may be good ones further back
		if base, err = p.Store.Baseline(ctx, name, baselineDrills); err != nil {
			return err
		}
	}
	d.Charts = d.charts(points, d.Target.RTO, base)
	list, err := p.Store.List(ctx, history.Filter{Target: name, Before: before, Limit: drillsPage + 1})
	if err != nil {
		return err
	}
	if len(list) > drillsPage {
		list = list[:drillsPage]
		d.Older = "?before=" + list[drillsPage-1].Cursor() + "#drills"
	}
	d.Newer = before != ""
	for _, e := range list {
		d.Drills = append(d.Drills, d.drillRow(e))
	}
	d.Alerts, err = p.deliveries(ctx, d.clock, history.DeliveryFilter{Target: name, Limit: targetAlerts})
	if err != nil {
		return err
	}
	running, err := p.Store.List(ctx, history.Filter{Target: name, States: []history.State{history.Running}, Limit: 1})
	d.Running = d.runningPart(running)
	return err
}

// baselineOf is what the next drill compares itself with, as far as charts show it, and whether
// no earlier drill belongs to it. Points are oldest first, a baseline is newest first.
func baselineOf(points []history.Point) (base verify.Baseline, all bool) {
	for _, p := range slices.Backward(points) {
		if p.Verdict.Good() {
			base.Drills = append(base.Drills, verify.Past{Drill: p.Drill, Finished: p.Finished, Bytes: p.Bytes, Load: p.Restore, Tables: p.Rows})
		}
		if len(base.Drills) == baselineDrills {
			return base, true
		}
	}
	return base, false
}

func (c clock) drillRow(e history.Entry) drillRow {
	row := drillRow{Entry: e, Trigger: why(e.Drill), Began: c.At(e.Started), Found: explain(e.Summary)}
	switch {
	case !e.Finished.IsZero():
		row.Took = units.Duration(e.Finished.Sub(e.Started))
	case !e.Started.IsZero():
		row.Took = units.Duration(c.age(e.Started))
	}
	return row
}

type artifactsData struct {
	shell
	Target string
	List   []artifactRow
	More   int
	Error  string
}

type artifactRow struct {
	verify.Candidate
	MadeAt stamp
}

// artifacts asks the storage, which may take a while: the page of a target loads it on demand.
func (p *Pages) artifacts(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	name := r.PathValue("name")
	d := artifactsData{shell: p.shell(ctx, "Backups of "+name, "/"), Target: name}
	list, err := p.Service.Artifacts(ctx, name)
	switch {
	case errors.Is(err, web.ErrNoTarget):
		return err
	case err != nil:
		// Its words may hold addresses of the storage; the log has them.
		p.Log.WarnContext(ctx, "backups not listed", "target", name, "error", err)
		d.Error = "The storage did not answer. `lifeboat doctor` says more."
	}
	d.More = max(0, len(list)-artifactsMax)
	for _, c := range list[:min(len(list), artifactsMax)] {
		d.List = append(d.List, artifactRow{c, d.clock.At(c.MadeAt)})
	}
	if r.Header.Get("X-Part") != "" {
		return p.send(w, "artifacts", "list", http.StatusOK, d)
	}
	return p.show(w, "artifacts", http.StatusOK, d)
}
