package pages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lifeboat/history"
	"lifeboat/verify/text"
)

const (
	alertsPage  = 50
	problemsMax = 100 // targets with open problems shown
)

type alertsData struct {
	shell
	Problems []problemRow
	MoreOpen int
	Target   string
	State    history.DeliveryState
	States   []stateLink
	Rows     []deliveryRow
	Next     string
}

// problemRow is an open problem of a target.
type problemRow struct {
	Target, Kind string
	Found        finding
	Since        stamp
	Told         stamp
	Quiet        bool // not on its own: once for many targets
	Drill        string
}

// problemRow puts an open problem of a target into words.
func (c clock) problemRow(s history.Standing, o open) problemRow {
	return problemRow{
		Target: s.Target, Kind: problemWords[o.Kind], Found: o.Found, Since: c.At(o.Since), Told: c.At(o.SentAt), Quiet: o.Quiet,
		Drill: s.Last.ID,
	}
}

type stateLink struct {
	Word, URL string
	Current   bool
}

// deliveryRow is an alert on its way to one notifier.
type deliveryRow struct {
	history.Delivery
	Title, Kind, Reason string
	At, Next            stamp
	Why                 string
}

// States of deliveries in words.
var deliveryWords = map[history.DeliveryState]string{
	history.Pending: "on its way", history.Sent: "sent", history.GivenUp: "not delivered", history.Suppressed: "suppressed",
}

// Word is the state of a delivery in words.
func (d deliveryRow) Word() string { return deliveryWords[d.State] }

func (p *Pages) alerts(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	q := r.URL.Query()
	d := alertsData{
		shell: p.shell(ctx, "Alerts", "/alerts"), Target: q.Get("target"), State: history.DeliveryState(q.Get("state")),
	}
	if deliveryWords[d.State] == "" {
		d.State = ""
	}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64)
	fleet, err := p.Store.Fleet(ctx, history.FleetQuery{Limit: problemsMax})
	if err != nil {
		return err
	}
	shown := 0
	for _, s := range fleet.Standings {
		list := d.problems(s)
		for _, o := range list {
			d.Problems = append(d.Problems, d.problemRow(s, o))
		}
		shown += min(1, len(list))
	}
	d.MoreOpen = max(0, fleet.Open-shown)
	d.Rows, err = p.deliveries(ctx, d.clock, history.DeliveryFilter{
		Target: d.Target, State: d.State, Before: max(0, before), Limit: alertsPage + 1,
	})
	if err != nil {
		return err
	}
	if len(d.Rows) > alertsPage {
		d.Rows = d.Rows[:alertsPage]
		d.Next = d.address(d.State, d.Rows[alertsPage-1].ID)
	}
	d.States = []stateLink{{"all", d.address("", 0), d.State == ""}}
	for _, s := range []history.DeliveryState{history.Sent, history.Pending, history.GivenUp, history.Suppressed} {
		d.States = append(d.States, stateLink{deliveryWords[s], d.address(s, 0), d.State == s})
	}
	return p.show(w, "alerts", http.StatusOK, d)
}

func (d alertsData) address(state history.DeliveryState, before int64) string {
	q := url.Values{}
	if d.Target != "" {
		q.Set("target", d.Target)
	}
	if state != "" {
		q.Set("state", string(state))
	}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if len(q) == 0 {
		return "/alerts"
	}
	return "/alerts?" + q.Encode()
}

func (p *Pages) deliveries(ctx context.Context, c clock, f history.DeliveryFilter) ([]deliveryRow, error) {
	list, err := p.Store.Deliveries(ctx, f)
	if err != nil {
		return nil, err
	}
	rows := make([]deliveryRow, 0, len(list))
	for _, d := range list {
		a := d.Alert
		row := deliveryRow{
			Delivery: d, Title: text.Clean(a.Title), Kind: problemWords[string(a.Kind)], Reason: reasonWords[string(a.Reason)],
			At: c.At(d.Created), Why: text.Clean(d.Why),
		}
		if d.State == history.Pending && d.NotBefore.After(c.now) {
			row.Next = c.At(d.NotBefore)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

type coverageData struct {
	shell
	At      stamp
	Sources []sourcePart
}

type sourcePart struct {
	Source, Error           string
	Backups, Covered, Share int
	Uncovered               []uncoveredRow
}

type uncoveredRow struct {
	Prefix, Example, Pattern string
	Backups                  int
	Bytes                    int64 // of the newest
	Newest                   stamp
	Fresh                    bool // something is still written there
}

// freshness is how new the newest backup of an uncovered prefix is when somebody most likely
// relies on it.
const freshness = 7 * 24 * time.Hour

func (p *Pages) coverage(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	d := coverageData{shell: p.shell(ctx, "Coverage", "/coverage")}
	c, err := p.Service.Coverage(ctx)
	if err != nil {
		return err
	}
	d.At = d.clock.At(c.At)
	for _, s := range c.Sources {
		part := sourcePart{Source: s.Source, Error: text.Clean(s.Error), Backups: s.Backups, Covered: s.Covered}
		if s.Backups > 0 {
			part.Share = 100 * s.Covered / s.Backups
		}
		for _, u := range s.Uncovered {
			part.Uncovered = append(part.Uncovered, uncoveredRow{
				u.Prefix, u.Example, u.Pattern, u.Backups, u.Bytes, d.clock.At(u.Newest), d.age(u.Newest) < freshness,
			})
		}
		slices.SortStableFunc(part.Uncovered, func(a, b uncoveredRow) int {
			switch {
			case a.Fresh == b.Fresh:
				return 0
			case a.Fresh:
				return -1
			}
			return 1
		})
		d.Sources = append(d.Sources, part)
	}
	return p.show(w, "coverage", http.StatusOK, d)
}

// login shows the form. Package access takes it.
func (p *Pages) login(w http.ResponseWriter, r *http.Request) error {
	return p.loginForm(w, r, http.StatusOK, "")
}

// LoginForm shows the form again, with what was wrong.
func (p *Pages) LoginForm(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	if err := p.loginForm(w, r, status, wrong); err != nil {
		http.Error(w, wrong, status)
	}
}

func (p *Pages) loginForm(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	return p.show(w, "login", status, struct {
		shell
		Wrong, Next string
	}{p.bare(r, "Log in"), wrong, r.FormValue("next")})
}
