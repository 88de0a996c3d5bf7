package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
	"lifeboat/web"
	"lifeboat/web/problem"
)

// Delivery is one alert on its way to one notifier.
type Delivery struct {
	ID        int64      `json:"id"`
	Alert     Alert      `json:"alert"`
	Notifier  string     `json:"notifier,omitempty" doc:"none: it was decided to tell nobody"`
	State     string     `json:"state" enum:"pending,sent,given-up,suppressed"`
	Attempts  int        `json:"attempts"`
	Why       string     `json:"why,omitempty" doc:"last error, or why it was suppressed"`
	Created   *time.Time `json:"created,omitempty"`
	NotBefore *time.Time `json:"not_before,omitempty" doc:"next attempt of one that is pending"`
	Ended     *time.Time `json:"ended,omitempty" doc:"sent or given up"`
}

// Alert is a message to people.
type Alert struct {
	ID       string     `json:"id"`
	Problem  string     `json:"problem,omitempty" doc:"alerts of one problem share it"`
	Kind     string     `json:"kind" enum:"backup,unverified,overdue,service,digest,test"`
	Reason   string     `json:"reason" enum:"opened,repeated,worse,different,confirmed,contradicted,recovered,notice"`
	Audience string     `json:"audience" enum:"owners,operators"`
	Target   string     `json:"target,omitempty"`
	Verdict  string     `json:"verdict" enum:"unknown,passed,warned,errored,failed"`
	Title    string     `json:"title"`
	Code     string     `json:"code,omitempty"`
	Drill    string     `json:"drill,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	At       *time.Time `json:"at,omitempty"`
}

type alertsInput struct {
	Target string `query:"target" maxLength:"1024"`
	State  string `query:"state" enum:"pending,sent,given-up,suppressed"`
	Before int64  `query:"before" minimum:"0" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type alertsOutput struct {
	Body struct {
		Deliveries []Delivery `json:"deliveries" nullable:"false" doc:"newest first"`
		Next       int64      `json:"next,omitempty" doc:"before of the next page; none on the last"`
	}
}

// Condition is something wrong with the service itself.
type Condition struct {
	Code   string     `json:"code" doc:"stable, such as database_unreachable"`
	Detail string     `json:"detail"`
	Hint   string     `json:"hint,omitempty" doc:"what to do"`
	Since  *time.Time `json:"since,omitempty" doc:"none where nobody knows"`
	Fatal  bool       `json:"fatal" doc:"the service cannot do its work"`
}

type conditionsOutput struct {
	Body struct {
		Conditions []Condition `json:"conditions" nullable:"false" doc:"gravest first; none when all is well"`
	}
}

// Source is what lies in one source.
type Source struct {
	Source    string      `json:"source"`
	Error     string      `json:"error,omitempty" doc:"why it could not be listed; then the rest says nothing"`
	Backups   int         `json:"backups" doc:"in all, as far as names tell"`
	Covered   int         `json:"covered" doc:"backups that belong to a target"`
	Uncovered []Uncovered `json:"uncovered" nullable:"false"`
}

// Uncovered is a prefix that no target covers.
type Uncovered struct {
	Prefix  string     `json:"prefix"`
	Backups int        `json:"backups"`
	Bytes   int64      `json:"bytes" doc:"of its newest"`
	Newest  *time.Time `json:"newest,omitempty"`
	Example string     `json:"example,omitempty" doc:"key of its newest"`
	Match   string     `json:"match,omitempty" doc:"pattern that would cover it, where one can be proposed"`
}

type coverageOutput struct {
	Body struct {
		At      *time.Time `json:"at,omitempty" doc:"none: not looked yet"`
		Sources []Source   `json:"sources" nullable:"false"`
	}
}

type reloadOutput struct {
	Body struct {
		Targets int `json:"targets" doc:"of the configuration now in force"`
	}
}

func (a *API) service() {
	tags := []string{"Service"}
	register(a, history.View, huma.Operation{
		OperationID: "list-alerts", Method: http.MethodGet, Path: "/alerts", Tags: tags, Summary: "List alerts",
		Description: "Alerts and how far each is on its way to each notifier, newest first.",
	}, a.listAlerts)
	register(a, history.View, huma.Operation{
		OperationID: "get-coverage", Method: http.MethodGet, Path: "/coverage", Tags: tags, Summary: "Look for what no target covers",
		Description: "What lies in the sources that no target covers, as last looked at.",
	}, a.getCoverage)
	register(a, history.View, huma.Operation{
		OperationID: "list-conditions", Method: http.MethodGet, Path: "/conditions", Tags: tags, Summary: "List what is wrong",
		Description: "What is wrong with Lifeboat itself now.",
	}, func(ctx context.Context, _ *struct{}) (*conditionsOutput, error) {
		out := &conditionsOutput{}
		out.Body.Conditions = conditions(a.Service.Conditions(ctx))
		return out, nil
	})
	register(a, history.Operate, huma.Operation{
		OperationID: "reload", Method: http.MethodPost, Path: "/reload", Tags: tags, Summary: "Reload the configuration",
		Description: "Reads the configuration file again, all or nothing. Drills that run keep what they started with.",
		Errors:      []int{http.StatusUnprocessableEntity},
	}, a.reload)
}

func (a *API) listAlerts(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
	found, err := a.Store.Deliveries(ctx, history.DeliveryFilter{
		Target: in.Target, State: history.DeliveryState(in.State), Before: in.Before, Limit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	out := &alertsOutput{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		out.Body.Next = found[in.Limit-1].ID
	}
	out.Body.Deliveries = make([]Delivery, 0, len(found))
	for _, d := range found {
		out.Body.Deliveries = append(out.Body.Deliveries, delivery(d))
	}
	return out, nil
}

func delivery(d history.Delivery) Delivery {
	al := d.Alert
	out := Delivery{
		ID: d.ID, Notifier: d.Notifier, State: string(d.State), Attempts: d.Attempts, Why: d.Why,
		Created: at(d.Created), Ended: at(d.Ended),
		Alert: Alert{
			ID: al.ID, Problem: al.Problem, Kind: string(al.Kind), Reason: string(al.Reason), Audience: string(al.Audience),
			Target: al.Target, Verdict: al.Verdict.String(), Title: al.Title, Code: al.Code, Drill: al.Drill,
			Since: at(al.Since), At: at(al.At),
		},
	}
	if d.State == history.Pending {
		out.NotBefore = at(d.NotBefore)
	}
	return out
}

func conditions(found []web.Condition) []Condition {
	out := make([]Condition, 0, len(found))
	for _, c := range found {
		out = append(out, Condition{Code: c.Code, Detail: c.Detail, Hint: c.Hint, Since: at(c.Since), Fatal: c.Fatal})
	}
	return out
}

func (a *API) getCoverage(ctx context.Context, _ *struct{}) (*coverageOutput, error) {
	c, err := a.Service.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	out := &coverageOutput{}
	out.Body.At = at(c.At)
	out.Body.Sources = make([]Source, 0, len(c.Sources))
	for _, s := range c.Sources {
		next := Source{Source: s.Source, Error: s.Error, Backups: s.Backups, Covered: s.Covered, Uncovered: []Uncovered{}}
		for _, u := range s.Uncovered {
			next.Uncovered = append(next.Uncovered, Uncovered{
				Prefix: u.Prefix, Backups: u.Backups, Bytes: u.Bytes, Newest: at(u.Newest), Example: u.Example, Match: u.Pattern,
			})
		}
		out.Body.Sources = append(out.Body.Sources, next)
	}
	return out, nil
}

func (a *API) reload(ctx context.Context, _ *struct{}) (*reloadOutput, error) {
	err := a.Service.Reload(ctx)
	if errors.Is(err, web.ErrConfig) {
		f := fail(http.StatusUnprocessableEntity, "The configuration file has mistakes; the one in force was kept.", "Mend them and reload.")
		for line := range strings.Lines(err.Error()) { // the configuration keeps secrets out of its mistakes
			if line = strings.TrimSpace(line); line != "" {
				f.Errors = append(f.Errors, problem.Item{Message: line})
			}
		}
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	out := &reloadOutput{}
	out.Body.Targets = len(a.Service.Targets())
	return out, nil
}
