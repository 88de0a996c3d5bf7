package slack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/notifytest"
	"lifeboat/notify/notifytest/fakeslack"
	"lifeboat/notify/slack"
)

const token = "xoxb-1234567890-sEcReTtOkEn"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a Slack with one channel.
func fake(t *testing.T) *fakeslack.Server {
	s := fakeslack.New(token, "#backups")
	t.Cleanup(s.Close)
	return s
}

// bot makes a notifier for s.
func bot(t *testing.T, s *fakeslack.Server, channel string, log *slog.Logger) notify.Notifier {
	t.Helper()
	n, err := slack.New(slack.Config{Token: token, Channel: channel, API: s.API(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func send(t *testing.T, n notify.Notifier, m notify.Message) string {
	t.Helper()
	thread, err := n.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return thread
}

// faults of the suite in the words of the fake.
func faults(s *fakeslack.Server, method string) func(notifytest.Fault) {
	return func(f notifytest.Fault) {
		kind := fakeslack.Kind(f)
		word := "invalid_auth"
		if method == "webhook" {
			word = "no_service"
		}
		s.Fault(fakeslack.Fault{Method: method, Kind: kind, Error: map[bool]string{true: word}[kind == fakeslack.Refuse]})
	}
}

// received is what people see of the messages.
func received(s *fakeslack.Server) func() []string {
	return func() []string {
		var list []string
		for _, m := range s.Messages() {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(json.RawMessage(m.Blocks)); err != nil {
				panic(err)
			}
			list = append(list, m.Text+b.String())
		}
		return list
	}
}

func TestBotKeepsTheContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
		s := fake(t)
		return notifytest.Fixture{
			Notifier: bot(t, s, "#backups", nil), Received: received(s), Hung: s.Hung(), Fault: faults(s, "chat.postMessage"),
			Secrets: []string{token, "sEcReTtOkEn"}, SaysWhen: true, FindsOut: true, Threads: true,
		}
	})
}

func TestWebhookKeepsTheContract(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
		s := fake(t)
		n, err := slack.New(slack.Config{WebhookURL: s.WebhookURL()})
		if err != nil {
			t.Fatal(err)
		}
		return notifytest.Fixture{
			Notifier: n, Received: received(s), Hung: s.Hung(), Fault: faults(s, "webhook"),
			Secrets: []string{s.WebhookURL(), "wEbHoOkSeCrEt24"}, SaysWhen: true,
		}
	})
}

// TestMessagesAreThoseOfTheGoldenFiles sends the whole life of each problem and holds what
// Slack has in the end against the files: payloads, threads and edits.
func TestMessagesAreThoseOfTheGoldenFiles(t *testing.T) {
	s := fake(t)
	n := bot(t, s, "#backups", nil)
	threads := make(map[string]string)
	roots := make(map[string]string)
	for _, sample := range notifytest.Samples() {
		before := len(s.Messages())
		thread := send(t, n, notify.Message{Alert: sample.Alert, Thread: threads[sample.Alert.Problem]})
		if p := sample.Alert.Problem; p != "" && threads[p] == "" {
			threads[p], roots[p] = thread, sample.Name
		}
		messages := s.Messages()
		if len(messages) != before+1 {
			t.Fatalf("%s made %d messages, want 1", sample.Name, len(messages)-before)
		}
		testkit.Golden(t, sample.Name+".json", shown(t, messages[before]))
	}
	for _, m := range s.Messages() {
		if m.Edits > 0 {
			for problem, thread := range threads {
				if strings.HasSuffix(thread, ":"+m.TS) {
					testkit.Golden(t, roots[problem]+"-in-the-end.json", shown(t, m))
				}
			}
		}
	}
}

// shown writes a message as a golden file has it.
func shown(t *testing.T, m fakeslack.Message) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Channel   string          `json:"channel"`
		Thread    string          `json:"thread_ts,omitempty"`
		Broadcast bool            `json:"reply_broadcast,omitempty"`
		Edits     int             `json:"edits,omitempty"`
		Text      string          `json:"text"`
		Metadata  json.RawMessage `json:"metadata,omitempty"`
		Blocks    json.RawMessage `json:"blocks"`
	}{m.Channel, m.Thread, m.Broadcast, m.Edits, m.Text, m.Metadata, m.Blocks})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAProblemIsOneThreadWhoseFirstMessageShowsTheEnd(t *testing.T) {
	s := fake(t)
	n := bot(t, s, s.ChannelID("backups"), nil)
	thread := ""
	for _, sample := range notifytest.Samples()[:7] {
		thread = send(t, n, notify.Message{Alert: sample.Alert, Thread: thread})
	}
	messages := s.Messages()
	for i, m := range messages[1:] {
		if m.Thread != messages[0].TS {
			t.Errorf("message %d is in the thread %q, want %q", i+1, m.Thread, messages[0].TS)
		}
	}
	if root := string(messages[0].Blocks); !strings.Contains(root, ":large_green_circle: Bad backup: orders (over)") || !strings.Contains(root, "10 rows") {
		t.Errorf("the first message is\n%s\nwant it over, and with what was wrong", root)
	}
	if messages[0].AlertID() != notifytest.Samples()[0].Alert.ID {
		t.Error("the first message lost its metadata when it was updated")
	}
}

func TestAnAlertThatMayHaveArrivedIsLookedUp(t *testing.T) {
	first, second := notifytest.Samples()[0].Alert, notifytest.Samples()[2].Alert
	for _, channel := range []string{"#backups", "C00000001"} {
		t.Run("as the first of its problem in "+channel, func(t *testing.T) {
			s := fake(t)
			s.Fault(fakeslack.Fault{Kind: fakeslack.Lost})
			if _, err := bot(t, s, channel, nil).Send(t.Context(), notify.Message{Alert: first}); !errors.Is(err, notify.ErrUnanswered) {
				t.Fatalf("got %v, want no answer", err)
			}
			s.Chatter("backups", 450) // pushes it onto the third page
			thread := send(t, bot(t, s, channel, nil), notify.Message{Alert: first, Again: true})
			if got := s.Messages(); len(got) != 1 || thread != got[0].Channel+":"+got[0].TS {
				t.Errorf("%d messages and the thread %q", len(got), thread)
			}
		})
	}
	t.Run("in its thread, where the channel does not show it", func(t *testing.T) {
		s := fake(t)
		n := bot(t, s, "#backups", nil)
		confirmed := notifytest.Samples()[1].Alert
		thread := send(t, n, notify.Message{Alert: first})
		s.Fault(fakeslack.Fault{Kind: fakeslack.Lost})
		if _, err := n.Send(t.Context(), notify.Message{Alert: confirmed, Thread: thread}); !errors.Is(err, notify.ErrUnanswered) {
			t.Fatalf("got %v, want no answer", err)
		}
		send(t, n, notify.Message{Alert: confirmed, Thread: thread, Again: true})
		send(t, n, notify.Message{Alert: second, Thread: thread, Again: true})
		if got := s.Messages(); len(got) != 3 {
			t.Errorf("%d messages, want the first, the one found and the one that had not arrived", len(got))
		}
	})
	t.Run("and while nobody can say, it is not sent", func(t *testing.T) {
		s := fake(t)
		n := bot(t, s, "C00000001", nil)
		s.Fault(fakeslack.Fault{Kind: fakeslack.Busy, After: 3 * time.Second})
		_, err := n.Send(t.Context(), notify.Message{Alert: first, Again: true})
		var retry *notify.RetryError
		if !errors.Is(err, notify.ErrUnanswered) || !errors.As(err, &retry) || retry.After != 3*time.Second {
			t.Errorf("got %v, want that it may have arrived and a wait of 3s", err)
		}
		if got := s.Messages(); len(got) != 0 {
			t.Errorf("%d messages were posted", len(got))
		}
	})
}

func TestABotThatMayNotLookStillPostsAndSaysSoOnce(t *testing.T) {
	s := fake(t)
	s.Revoke(fakeslack.ScopeHistory, fakeslack.ScopeList)
	var log bytes.Buffer
	n := bot(t, s, "#backups", slog.New(slog.NewTextHandler(&log, nil)))
	a := notifytest.Samples()[0].Alert
	thread := send(t, n, notify.Message{Alert: a, Again: true})
	for range 2 {
		send(t, n, notify.Message{Alert: notifytest.Samples()[1].Alert, Thread: thread, Again: true})
	}
	if got := len(s.Messages()); got != 3 {
		t.Errorf("%d messages, want 3", got)
	}
	if got := strings.Count(log.String(), "posted twice"); got != 1 {
		t.Errorf("the log says %d times that alerts may be posted twice:\n%s", got, log.String())
	}
	if strings.Contains(log.String(), token) {
		t.Error("the token is in the log")
	}
}

func TestAFailedUpdateOfTheFirstMessageDoesNotPostTwice(t *testing.T) {
	s := fake(t)
	var log bytes.Buffer
	n := bot(t, s, "#backups", slog.New(slog.NewTextHandler(&log, nil)))
	thread := send(t, n, notify.Message{Alert: notifytest.Samples()[0].Alert})
	s.Fault(fakeslack.Fault{Method: "chat.update", Kind: fakeslack.Broken})
	send(t, n, notify.Message{Alert: notifytest.Samples()[1].Alert, Thread: thread})
	if got := len(s.Messages()); got != 2 || !strings.Contains(log.String(), "not updated") {
		t.Errorf("%d messages, want 2; the log says %q", got, log.String())
	}
}

func TestAThreadThatIsGoneIsBegunAnew(t *testing.T) {
	s := fake(t)
	n := bot(t, s, "#backups", nil)
	a := notifytest.Samples()[1].Alert
	for _, gone := range []string{"C00000001:1.000001", "not a handle of ours"} {
		thread := send(t, n, notify.Message{Alert: a, Thread: gone})
		last := s.Messages()[len(s.Messages())-1]
		if thread != last.Channel+":"+last.TS || last.Thread != "" {
			t.Errorf("after %q the thread is %q, the message in %q", gone, thread, last.Thread)
		}
	}
}

func TestAChannelConfiguredAnewGetsThreadsOfItsOwn(t *testing.T) {
	s := fakeslack.New(token, "#backups", "#elsewhere")
	t.Cleanup(s.Close)
	a := notifytest.Samples()
	thread := send(t, bot(t, s, s.ChannelID("backups"), nil), notify.Message{Alert: a[0].Alert})
	send(t, bot(t, s, s.ChannelID("elsewhere"), nil), notify.Message{Alert: a[1].Alert, Thread: thread})
	if got := s.Messages()[1]; got.Channel != s.ChannelID("elsewhere") || got.Thread != "" {
		t.Errorf("it went to %s, thread %q", got.Channel, got.Thread)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	tests := []struct {
		word, want string
		refused    bool
	}{
		{"not_in_channel", "/invite @lifeboat", true},
		{"channel_not_found", "check the channel", true},
		{"invalid_auth", "the token is wrong", true},
		{"missing_scope", "chat:write", true},
		{"is_archived", "unarchive", true},
		{"something_new", "something_new", true},
		{"service_unavailable", "service_unavailable", false},
	}
	for _, test := range tests {
		t.Run(test.word, func(t *testing.T) {
			s := fake(t)
			s.Fault(fakeslack.Fault{Kind: fakeslack.Refuse, Error: test.word})
			_, err := bot(t, s, "#backups", nil).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, notify.ErrRefused) != test.refused {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a failure inside of Slack may have posted", func(t *testing.T) {
		s := fake(t)
		s.Fault(fakeslack.Fault{Kind: fakeslack.Refuse, Error: "internal_error"})
		_, err := bot(t, s, "#backups", nil).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
		if !errors.Is(err, notify.ErrUnanswered) {
			t.Errorf("got %v, want that it may have arrived", err)
		}
	})
}

func TestSlacksOwnPaceIsKept(t *testing.T) {
	s := fake(t)
	now := time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)
	s.Limit(1500*time.Millisecond, func() time.Time { return now })
	n := bot(t, s, "#backups", nil)
	a := notifytest.Samples()[0].Alert
	send(t, n, notify.Message{Alert: a})
	var retry *notify.RetryError
	if _, err := n.Send(t.Context(), notify.Message{Alert: a}); !errors.As(err, &retry) || retry.After != 2*time.Second {
		t.Fatalf("got %v, want a wait of 2s", err)
	}
	now = now.Add(retry.After)
	send(t, n, notify.Message{Alert: a})
}

func TestHostileTextsStayWithinSlacksLimits(t *testing.T) {
	s := fake(t)
	send(t, bot(t, s, "#backups", nil), notify.Message{Alert: notifytest.Hostile()})
	m := s.Messages()[0]
	if err := fakeslack.CheckBlocks(m.Blocks); err != nil {
		t.Error(err)
	}
	if strings.Contains(m.Text, "<!") || strings.Contains(m.Text, "<@") {
		t.Errorf("the text of the notification calls people: %q", m.Text)
	}
}

func TestWebhooksSayWhyNot(t *testing.T) {
	s := fake(t)
	n, err := slack.New(slack.Config{WebhookURL: strings.TrimSuffix(s.WebhookURL(), "24") + "25"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
	if !errors.Is(err, notify.ErrRefused) || !strings.Contains(fmt.Sprint(err), "make a new one") {
		t.Errorf("got %v, want a refusal that says what to do", err)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]slack.Config{
		"nothing":          {},
		"no channel":       {Token: token},
		"no token":         {Channel: "#backups"},
		"both":             {Token: token, Channel: "#backups", WebhookURL: "https://hooks.example/services/x"},
		"no address":       {WebhookURL: "hooks/sEcReTtOkEn"},
		"api of no scheme": {Token: token, Channel: "#backups", API: "slack.example"},
	} {
		if _, err := slack.New(c); err == nil || strings.Contains(err.Error(), "sEcReTtOkEn") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
