package pages

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/verify/text"
	"lifeboat/web"
)

const (
	fleetPage  = 50
	runningMax = 20 // running drills shown; the queue has all
)

type fleetData struct {
	shell
	Search     string
	Verdict    string // the filter's word; empty for all
	Filters    []filter
	Total      int
	All        int
	Open       int
	Urgent     []targetRow // on top: what needs a person
	Rows       []targetRow
	Running    runningPart
	From, To   int
	Prev, Next string
}

// filter is a verdict with how many targets have it, as a link.
type filter struct {
	Word    string
	Verdict verify.Verdict
	Count   int
	URL     string
	Current bool
}

// targetRow is one target of the fleet.
type targetRow struct {
	Name               string
	Verdict            verify.Verdict
	State              history.State
	Found              []finding // why it needs a person
	LastAt             stamp
	Proof, Backup, RTO gauge
	Strip              strip
	Next               stamp
	Running            string
	Queued             int
	LastDrill          string
}

func (p *Pages) fleet(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	d := fleetData{shell: p.shell(ctx, "Fleet", "/"), Search: strings.TrimSpace(r.URL.Query().Get("q"))}
	d.Live = "/live/fleet"
	q := history.FleetQuery{Search: d.Search, Limit: fleetPage}
	if v, ok := verdictOf(r.URL.Query().Get("verdict")); ok {
		q.Verdicts, d.Verdict = []verify.Verdict{v}, r.URL.Query().Get("verdict")
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	page = min(max(page, 1), 1_000_000)
	q.Offset = (page - 1) * fleetPage
	fleet, err := p.Store.Fleet(ctx, q)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(fleet.Standings))
	for _, s := range fleet.Standings {
		names = append(names, s.Target)
	}
	strips, err := p.Store.Strips(ctx, names, stripSlots)
	if err != nil {
		return err
	}
	targets := p.Service.Targets()
	for _, s := range fleet.Standings {
		t, _ := web.Find(targets, s.Target)
		row := d.targetRow(t, s, strips[s.Target])
		if len(row.Found) > 0 {
			d.Urgent = append(d.Urgent, row)
		} else {
			d.Rows = append(d.Rows, row)
		}
	}
	if d.Running, err = p.running(ctx, d.shell); err != nil {
		return err
	}
	d.Total, d.Open = fleet.Total, fleet.Open
	if d.Search != "" || d.Verdict != "" { // of those that were asked for, as far as they are shown
		d.Open = len(d.Urgent)
	}
	d.From, d.To = q.Offset+1, q.Offset+len(fleet.Standings)
	if page > 1 {
		d.Prev = d.address(d.Verdict, page-1)
	}
	if d.To < d.Total {
		d.Next = d.address(d.Verdict, page+1)
	}
	d.filters(fleet)
	return p.show(w, "fleet", http.StatusOK, d)
}

// filters lists verdicts, gravest first. One that no target has is not offered.
func (d *fleetData) filters(fleet history.Fleet) {
	for _, v := range []verify.Verdict{verify.Failed, verify.Errored, verify.Warned, verify.Passed, verify.Unknown} {
		n := fleet.Verdicts[v]
		d.All += n
		f := filter{Word: word(v, ""), Verdict: v, Count: n, URL: d.address(v.String(), 1), Current: d.Verdict == v.String()}
		if n > 0 || f.Current {
			d.Filters = append(d.Filters, f)
		}
	}
}

// AllURL is the page without a filter.
func (d fleetData) AllURL() string { return d.address("", 1) }

func (d fleetData) address(verdict string, page int) string {
	q := url.Values{}
	if d.Search != "" {
		q.Set("q", d.Search)
	}
	if verdict != "" {
		q.Set("verdict", verdict)
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return "/"
	}
	return "/?" + q.Encode()
}

func verdictOf(s string) (verify.Verdict, bool) {
	var v verify.Verdict
	return v, s != "" && v.UnmarshalText([]byte(s)) == nil
}

// targetRow puts the standing of a target into words.
func (c clock) targetRow(t web.Target, s history.Standing, marks []history.Mark) targetRow {
	row := targetRow{
		Name: s.Target, Verdict: s.Last.Verdict, State: s.Last.State, LastAt: c.At(s.Last.Finished), LastDrill: s.Last.ID,
		Backup: c.since(s.NewestBackupAt, t.RPO), Strip: c.strip(marks), Next: c.At(s.Next),
		Running: s.Running, Queued: s.Queued,
	}
	for _, o := range c.problems(s) {
		row.Found = append(row.Found, o.Found)
	}
	if s.LastGood != nil {
		row.Proof = c.since(s.LastGood.At, t.MaxAgeProof)
	}
	if s.Last.Restore > 0 {
		row.RTO = measure(s.Last.Restore, t.RTO)
		row.RTO.Text = units.Duration(s.Last.Restore)
	}
	return row
}

// open is a problem that people were told of and that is not over.
type open struct {
	Kind          string
	Since, SentAt time.Time
	Quiet         bool // told once for many targets
	Found         finding
}

// problems are the open ones of a target, gravest first; none when it needs nobody.
func (c clock) problems(s history.Standing) []open {
	var list []open
	for kind, problem := range s.Alerts.Problems {
		o := open{Kind: string(kind), Since: problem.Since, SentAt: problem.SentAt, Quiet: problem.Quiet, Found: finding{What: problemWords[string(kind)]}}
		switch {
		case o.Kind == "overdue":
			last := s.VerdictAt
			o.Found.What = "No verdict came in time"
			if problem.Proof { // verdicts may come all the time
				o.Found.What, last = "No proof came in time", time.Time{}
				if s.LastGood != nil {
					last = s.LastGood.At
				}
			}
			o.Found.Evidence = "there was never one"
			if !last.IsZero() {
				o.Found.Evidence = "the last one is from " + c.At(last).Ago
			}
		case s.Last.Summary != "" && s.Last.Verdict == problem.Verdict:
			o.Found = explain(s.Last.Summary)
		case phrases[problem.Code] != "":
			o.Found = finding{phrases[problem.Code], text.Clean(problem.Subject)}
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b open) int { return cmp.Compare(a.Kind, b.Kind) }) // backup, overdue, unverified
	return list
}

// runningPart is what moves on several pages: the drills that run.
type runningPart struct {
	shell
	Drills []runningRow
	More   int
}

type runningRow struct {
	history.Entry
	Began   stamp
	Took    string
	Doing   string
	Share   int
	Trigger string
}

func (p *Pages) running(ctx context.Context, s shell) (runningPart, error) {
	entries, err := p.Store.List(ctx, history.Filter{States: []history.State{history.Running}, Limit: runningMax + 1})
	if err != nil {
		return runningPart{}, err
	}
	part := s.runningPart(entries)
	if part.More > 0 {
		all, err := p.Store.Count(ctx, history.Running)
		if err != nil {
			return runningPart{}, err
		}
		part.More = max(part.More, all-runningMax)
	}
	return part, nil
}

// runningPart takes those that run out of entries, the longest running first.
func (s shell) runningPart(entries []history.Entry) runningPart {
	part := runningPart{shell: s}
	for _, e := range entries {
		if e.State == history.Running {
			part.Drills = append(part.Drills, s.runningRow(e))
		}
	}
	slices.SortFunc(part.Drills, func(a, b runningRow) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	if len(part.Drills) > runningMax {
		part.More = len(part.Drills) - runningMax
		part.Drills = part.Drills[:runningMax]
	}
	return part
}

func (c clock) runningRow(e history.Entry) runningRow {
	row := runningRow{Entry: e, Began: c.At(e.Started), Took: units.Duration(c.age(e.Started)), Trigger: why(e.Drill)}
	row.Doing, row.Share = nowDoing(e)
	return row
}
