// Package pagerduty opens and resolves incidents with PagerDuty's Events API v2. A problem
// is one incident: its id is the key by which PagerDuty joins events, so that an alert
// that comes twice opens nothing twice. Digests are not sent, because nobody has to act.
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
	"lifeboat/verify"
)

// Endpoint is where PagerDuty takes events.
const Endpoint = "https://events.pagerduty.com/v2/enqueue"

// Limits of an event, in characters.
const (
	maxSummary = 1024
	maxShort   = 255
)

// Config of a notifier.
type Config struct {
	RoutingKey string // of an integration of the kind Events API v2
	Endpoint   string // empty: PagerDuty's
}

// New makes a notifier.
func New(c Config) (notify.Notifier, error) {
	if c.RoutingKey == "" {
		return nil, errors.New("pagerduty needs a routing key")
	}
	if c.Endpoint == "" {
		c.Endpoint = Endpoint
	}
	if err := wire.CheckAddress(c.Endpoint); err != nil {
		return nil, fmt.Errorf("endpoint of pagerduty: %w", err)
	}
	n := &notifier{key: wire.Hide(c.RoutingKey), endpoint: wire.Hide(c.Endpoint)}
	n.client = wire.Client{Secrets: []wire.Secret{n.key}}
	return n, nil
}

type notifier struct {
	key, endpoint wire.Secret
	client        wire.Client
}

// event is one of the Events API v2.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
	Links      []link   `json:"links,omitempty"`
	Payload    *payload `json:"payload,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp time.Time         `json:"timestamp"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details"`
}

// Send implements notify.Notifier. A test opens an incident and resolves it at once.
func (n *notifier) Send(ctx context.Context, m notify.Message) (string, error) {
	a := m.Alert
	if a.Kind == notify.Digest {
		return "", nil
	}
	e := n.event(a)
	if err := n.post(ctx, e); err != nil {
		return "", fmt.Errorf("pagerduty: %w", err)
	}
	if a.Kind == notify.Test {
		e.Action, e.Payload = "resolve", nil
		if err := n.post(ctx, e); err != nil {
			return "", fmt.Errorf("pagerduty: resolve the test: %w", err)
		}
	}
	return "", nil
}

// event makes the event of an alert.
func (n *notifier) event(a notify.Alert) event {
	e := event{RoutingKey: n.key(), Action: "trigger", DedupKey: a.Problem, Client: "Lifeboat", ClientURL: a.ReportURL}
	if e.DedupKey == "" {
		e.DedupKey = a.ID
	}
	if a.Reason == notify.Recovered {
		return event{RoutingKey: n.key(), Action: "resolve", DedupKey: e.DedupKey}
	}
	if a.ReportURL != "" {
		e.Links = append(e.Links, link{a.ReportURL, "Open report"})
	}
	if a.AgainURL != "" {
		e.Links = append(e.Links, link{a.AgainURL, "Drill again"})
	}
	source := notify.Short(a.Target, maxShort)
	if source == "" {
		source = "lifeboat"
	}
	p := &payload{
		Summary: notify.Short(a.Title, maxSummary), Source: source, Severity: severity(a), Timestamp: a.At,
		Component: notify.Short(a.Subject, maxShort), Group: string(a.Kind), Class: notify.Short(a.Code, maxShort),
		Details: map[string]string{"Alert": a.ID},
	}
	for _, f := range a.Facts() {
		p.Details[f.Label] = f.Value
	}
	if a.Hint != "" {
		p.Details["What to do"] = notify.Short(a.Hint, maxSummary)
	}
	e.Payload = p
	return e
}

// severity of an incident: a bad backup pages, and so does not being able to tell.
func severity(a notify.Alert) string {
	switch {
	case a.Kind == notify.Test:
		return "info"
	case a.Kind == notify.BadBackup && a.Reason == notify.Contradicted:
		return "critical" // it is still open
	case a.Verdict == verify.Failed:
		return "critical"
	case a.Verdict == verify.Warned:
		return "warning"
	}
	return "error"
}

func (n *notifier) post(ctx context.Context, e event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := wire.NewRequest(ctx, http.MethodPost, n.endpoint(), "application/json", body)
	if err != nil {
		return err
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return err
	}
	return n.client.Check(resp)
}
