package service_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/notifytest"
	"lifeboat/notify/service"
)

const token = "AbCdEfGhIjKlMnO" // of Gotify: fifteen characters that begin with A

// deadline of a delivery that has to wait for one that hangs.
const deadline = 50 * time.Millisecond

func TestMain(m *testing.M) {
	// The library uses the default client. Connections it keeps are not a leak of ours.
	http.DefaultTransport.(*http.Transport).DisableKeepAlives = true
	goleak.VerifyTestMain(m)
}

func notifier(t *testing.T, url string) notify.Notifier {
	t.Helper()
	n, err := service.New(service.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServicesKeepTheContract(t *testing.T) {
	services := map[string]func(host string) string{
		"generic": func(host string) string { return "generic://" + host + "/pAtHsEcReT?disabletls=yes" },
		"gotify":  func(host string) string { return "gotify://" + host + "/" + token + "?disabletls=yes" },
		"ntfy":    func(host string) string { return "ntfy://nobody:pAsSsEcReT@" + host + "/tOpIcSeCrEt?scheme=http" },
	}
	for name, address := range services {
		t.Run(name, func(t *testing.T) {
			notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
				r := notifytest.NewReceiver(t)
				r.Answer(func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"id":1}`)) })
				url := address(strings.TrimPrefix(r.URL, "http://"))
				return notifytest.Fixture{
					Notifier: notifier(t, url), Received: func() []string { return texts(r) }, Fault: r.Fault, Hung: r.Hung(), Loose: true,
					Secrets: []string{url, token, "pAtHsEcReT", "pAsSsEcReT", "tOpIcSeCrEt"},
				}
			})
		})
	}
}

// texts are the messages as people see them: some services wrap them in JSON.
func texts(r *notifytest.Receiver) []string {
	var list []string
	for _, body := range r.Bodies() {
		var message struct {
			Message string `json:"message"`
		}
		if json.Unmarshal([]byte(body), &message) == nil && message.Message != "" {
			body = message.Message
		}
		list = append(list, body)
	}
	return list
}

func TestMessagesAreThoseOfTheGoldenFiles(t *testing.T) {
	r := notifytest.NewReceiver(t)
	n := notifier(t, "generic://"+strings.TrimPrefix(r.URL, "http://")+"?disabletls=yes")
	for i, s := range notifytest.Samples() {
		if _, err := n.Send(t.Context(), notify.Message{Alert: s.Alert}); err != nil {
			t.Fatal(err)
		}
		testkit.Golden(t, s.Name+".txt", r.Bodies()[i]+"\n")
	}
}

func TestHostileTextsCallNobodyAndAreShort(t *testing.T) {
	r := notifytest.NewReceiver(t)
	n := notifier(t, "generic://"+strings.TrimPrefix(r.URL, "http://")+"?disabletls=yes")
	a := notifytest.Hostile()
	if _, err := n.Send(t.Context(), notify.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	got := r.Bodies()[0]
	for _, call := range []string{"@here", "<!channel>", "<@U0HOSTILE>"} {
		if strings.Contains(got, call) {
			t.Errorf("%q is in the message", call)
		}
	}
	if n := utf8.RuneCountInString(got); n > 4000 || !strings.Contains(got, a.ReportURL) {
		t.Errorf("%d characters, or no link to the report:\n%s", n, got)
	}
}

func TestADeliveryThatHangsIsTheOnlyOne(t *testing.T) {
	r := notifytest.NewReceiver(t)
	n := notifier(t, "generic://"+strings.TrimPrefix(r.URL, "http://")+"?disabletls=yes")
	r.Fault(notifytest.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := n.Send(ctx, notify.Message{Alert: notifytest.Samples()[0].Alert})
		failed <- err
	}()
	<-r.Hung()
	cancel()
	<-failed
	ctx, cancel = context.WithTimeout(t.Context(), deadline)
	defer cancel()
	_, err := n.Send(ctx, notify.Message{Alert: notifytest.Samples()[0].Alert})
	if err == nil || !strings.Contains(err.Error(), "the delivery before has no answer yet") {
		t.Errorf("got %v, want that it was not sent", err)
	}
	if got := len(r.Requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for _, url := range []string{"", "nothing://pAtHsEcReT", "telegram://pAtHsEcReT", "discord://", "%zz pAtHsEcReT"} {
		if _, err := service.New(service.Config{URL: url}); err == nil || strings.Contains(err.Error(), "pAtHsEcReT") {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
