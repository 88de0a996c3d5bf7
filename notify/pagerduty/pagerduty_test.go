package pagerduty_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/notifytest"
	"lifeboat/notify/pagerduty"
)

const key = "R0UT1NGKEYsEcReT"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notifier(t *testing.T, endpoint string) notify.Notifier {
	t.Helper()
	n, err := pagerduty.New(pagerduty.Config{RoutingKey: key, Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// event is what is looked at of an event.
type event struct {
	Key      string `json:"routing_key"`
	Action   string `json:"event_action"`
	DedupKey string `json:"dedup_key"`
	Payload  struct {
		Summary  string `json:"summary"`
		Severity string `json:"severity"`
	} `json:"payload"`
}

func events(t *testing.T, r *notifytest.Receiver) []event {
	t.Helper()
	var list []event
	for _, body := range r.Bodies() {
		var e event
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func TestPagerDutyKeepsTheContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
		r := notifytest.NewReceiver(t)
		received := func() []string {
			var list []string
			for i, e := range events(t, r) {
				if !strings.HasPrefix(e.DedupKey, "test-") || e.Action == "trigger" {
					list = append(list, r.Bodies()[i])
				}
			}
			return list
		}
		return notifytest.Fixture{
			Notifier: notifier(t, r.URL), Received: received, Fault: r.Fault, Hung: r.Hung(), SaysWhen: true,
			Secrets: []string{key}, Skips: []notify.Kind{notify.Digest},
		}
	})
}

func TestEventsAreThoseOfTheGoldenFiles(t *testing.T) {
	for _, s := range notifytest.Samples() {
		r := notifytest.NewReceiver(t)
		if _, err := notifier(t, r.URL).Send(t.Context(), notify.Message{Alert: s.Alert}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for _, body := range r.Bodies() {
			if err := json.Indent(&b, []byte(body), "", "  "); err != nil {
				t.Fatal(err)
			}
			b.WriteString("\n")
		}
		testkit.Golden(t, s.Name+".json", b.String())
	}
}

// TestEveryIncidentOfAProblemIsResolved follows the incidents as PagerDuty does.
func TestEveryIncidentOfAProblemIsResolved(t *testing.T) {
	r := notifytest.NewReceiver(t)
	n := notifier(t, r.URL)
	for _, s := range notifytest.Samples() {
		if _, err := n.Send(t.Context(), notify.Message{Alert: s.Alert}); err != nil {
			t.Fatal(err)
		}
	}
	open, opened := map[string]string{}, 0
	for _, e := range events(t, r) {
		switch {
		case e.Action == "resolve" && open[e.DedupKey] == "":
			t.Errorf("%s is resolved and was not open", e.DedupKey)
		case e.Action == "resolve":
			delete(open, e.DedupKey)
		case open[e.DedupKey] == "":
			opened++
			open[e.DedupKey] = e.Payload.Summary
		}
	}
	if opened != 5 || len(open) != 1 {
		t.Errorf("%d incidents were opened, %v are left; want 5, and the undelivered alert left", opened, open)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]pagerduty.Config{
		"no key": {}, "no address": {RoutingKey: key, Endpoint: "events.pagerduty.com"},
	} {
		if _, err := pagerduty.New(c); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
