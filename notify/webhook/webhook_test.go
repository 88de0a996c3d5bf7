package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/notifytest"
	"lifeboat/notify/webhook"
)

const secret = "hmac-sEcReT"

var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notifier(t *testing.T, url string) notify.Notifier {
	t.Helper()
	n, err := webhook.New(webhook.Config{URL: url, Secret: secret, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWebhookKeepsTheContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
		r := notifytest.NewReceiver(t)
		url := r.URL + "/hooks/pAtHsEcReT?token=qUeRySeCrEt"
		return notifytest.Fixture{
			Notifier: notifier(t, url), Received: r.Bodies, Fault: r.Fault, Hung: r.Hung(), SaysWhen: true,
			Secrets: []string{url, "pAtHsEcReT", "qUeRySeCrEt", secret},
		}
	})
}

func TestBodiesAreThoseOfTheGoldenFiles(t *testing.T) {
	r := notifytest.NewReceiver(t)
	n := notifier(t, r.URL)
	for i, s := range notifytest.Samples() {
		if _, err := n.Send(t.Context(), notify.Message{Alert: s.Alert}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(r.Bodies()[i]), "", "  "); err != nil {
			t.Fatal(err)
		}
		testkit.Golden(t, s.Name+".json", b.String()+"\n")
	}
}

func TestReceiversCanTellWhoSentIt(t *testing.T) {
	r := notifytest.NewReceiver(t)
	a := notifytest.Samples()[0].Alert
	if _, err := notifier(t, r.URL).Send(t.Context(), notify.Message{Alert: a}); err != nil {
		t.Fatal(err)
	}
	got := r.Requests()[0]
	if id := got.Header.Get(webhook.HeaderAlert); id != a.ID {
		t.Errorf("the id is %q, want %q", id, a.ID)
	}
	changed := func(name, value string) http.Header {
		h := got.Header.Clone()
		h.Set(name, value)
		return h
	}
	tests := []struct {
		name, secret, body string
		header             http.Header
		now                time.Time
		want               error
	}{
		{"as it came", secret, got.Body, got.Header, noon, nil},
		{"a clock a little off", secret, got.Body, got.Header, noon.Add(-5 * time.Minute), nil},
		{"another secret", "guess", got.Body, got.Header, noon, webhook.ErrForged},
		{"another body", secret, got.Body + " ", got.Header, noon, webhook.ErrForged},
		{"another time", secret, got.Body, changed(webhook.HeaderTimestamp, "1780401601"), noon, webhook.ErrForged},
		{"sent again later", secret, got.Body, got.Header, noon.Add(6 * time.Minute), webhook.ErrOld},
		{"from the future", secret, got.Body, got.Header, noon.Add(-6 * time.Minute), webhook.ErrOld},
		{"not signed", secret, got.Body, http.Header{}, noon, webhook.ErrUnsigned},
		{"another version", secret, got.Body, changed(webhook.HeaderSignature, strings.Replace(got.Header.Get(webhook.HeaderSignature), "v1", "v0", 1)), noon, webhook.ErrUnsigned},
		{"no hex", secret, got.Body, changed(webhook.HeaderSignature, "v1=zz"), noon, webhook.ErrForged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := webhook.Verify(test.secret, test.header, []byte(test.body), test.now); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if err := webhook.Verify("", got.Header, []byte(got.Body), noon); err == nil {
		t.Error("no secret verifies everything")
	}
}

// TestTheSignatureIsTheOneDocumented holds a vector that receivers in other languages can
// be checked with.
func TestTheSignatureIsTheOneDocumented(t *testing.T) {
	h := http.Header{}
	h.Set(webhook.HeaderTimestamp, "1780401600")
	h.Set(webhook.HeaderSignature, "v1=d3ab02a70d247477b7011b0d2fc96441af326cec1c1a6917388b99f9e083ecbb")
	if err := webhook.Verify("secret", h, []byte(`{"schema":"lifeboat.alert/v1"}`), noon); err != nil {
		t.Error(err)
	}
}

func TestStatusesSayWhetherToTryAgain(t *testing.T) {
	tests := []struct {
		status              int
		refused, unanswered bool
		wait                time.Duration
	}{
		{201, false, false, 0}, {204, false, false, 0},
		{301, true, false, 0}, {307, true, false, 0},
		{400, true, false, 0}, {401, true, false, 0}, {403, true, false, 0}, {404, true, false, 0}, {410, true, false, 0},
		{408, false, false, 0}, {429, false, false, 90 * time.Second}, {503, false, false, 90 * time.Second},
		{500, false, true, 0}, {502, false, true, 0}, {504, false, true, 0},
	}
	for _, test := range tests {
		r := notifytest.NewReceiver(t)
		r.Answer(func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "90")
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(test.status)
			if test.status > 204 {
				_, _ = io.WriteString(w, strings.Repeat("long ", 1<<16))
			}
		})
		_, err := notifier(t, r.URL).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
		var retry *notify.RetryError
		errors.As(err, &retry)
		switch {
		case (err == nil) != (test.status < 300), errors.Is(err, notify.ErrRefused) != test.refused, errors.Is(err, notify.ErrUnanswered) != test.unanswered:
			t.Errorf("%d: got %v", test.status, err)
		case (retry != nil) != (test.wait != 0), retry != nil && retry.After != test.wait:
			t.Errorf("%d: got %v, want a wait of %s", test.status, err, test.wait)
		case err != nil && len(err.Error()) > 400:
			t.Errorf("%d: an error of %d bytes", test.status, len(err.Error()))
		}
		if len(r.Requests()) != 1 {
			t.Errorf("%d: %d requests", test.status, len(r.Requests()))
		}
	}
}

func TestADateIsAWaitAsWell(t *testing.T) {
	r := notifytest.NewReceiver(t)
	r.Answer(func(w http.ResponseWriter) {
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		w.Header().Set("Retry-After", noon.Add(2*time.Minute).Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := notifier(t, r.URL).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
	var retry *notify.RetryError
	if !errors.As(err, &retry) || retry.After != 2*time.Minute {
		t.Errorf("got %v, want a wait of 2m", err)
	}
}

func TestNobodyThereIsNotAnUnansweredAlert(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1/pAtHsEcReT", "http://pAtHsEcReT.invalid/"} {
		_, err := notifier(t, url).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
		if err == nil || errors.Is(err, notify.ErrUnanswered) || errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), "pAtHsEcReT") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	now := func() time.Time { return noon }
	for name, c := range map[string]webhook.Config{
		"no address":      {Now: now},
		"another scheme":  {URL: "ftp://hooks.example/pAtHsEcReT", Now: now},
		"no host":         {URL: "https:///pAtHsEcReT", Now: now},
		"control letters": {URL: "https://hooks.example/pAtHsEcReT\x7f", Now: now},
		"no clock":        {URL: "https://hooks.example/pAtHsEcReT"},
	} {
		if _, err := webhook.New(c); err == nil || strings.Contains(err.Error(), "pAtHsEcReT") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
