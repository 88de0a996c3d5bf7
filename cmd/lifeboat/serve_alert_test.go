package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/notify/notifytest"
	"lifeboat/notify/notifytest/fakeslack"
)

const slackToken = "xoxb-token-of-a-test"

// startSlack starts a Slack with one channel, #backups.
func startSlack(t testing.TB) *fakeslack.Server {
	t.Helper()
	s := fakeslack.New(slackToken, "#backups")
	t.Cleanup(s.Close)
	return s
}

// slackNotifier is a notifier for it in a configuration, with more keys at its end.
func slackNotifier(s *fakeslack.Server, more string) string {
	return fmt.Sprintf(`{kind: slack, token: %q, channel: "#backups", api: %q%s}`, slackToken, s.API(), more)
}

// replace gives a file new content all at once, as a careful backup job does.
func replace(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	part := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(part, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// TestABadBackupIsOneThreadInSlack goes from a good backup through a bad one, with its
// second look, to the next good one.
func TestABadBackupIsOneThreadInSlack(t *testing.T) {
	t.Parallel()
	slack := startSlack(t)
	dir := backups{"notes-1.sql": notes(30)}.write(t)
	config := writeService(t, overFolder(dir, `t: {source: s, match: "notes-*.sql", notify: [ops]}`)+
		"notifiers:\n  ops: "+slackNotifier(slack, "")+"\n", "url: http://127.0.0.1:8080\n")
	s := serve(t, config, nil)
	if d := s.drill(t, "t"); d.Verdict != "passed" {
		t.Fatalf("first drill: %+v\n%s", d, s.said)
	}
	whole := notes(31)
	replace(t, dir, "notes-2.sql", whole[:len(whole)/2])
	bad := s.drill(t, "t")
	if bad.Verdict != "failed" {
		t.Fatalf("drill of the truncated backup: %+v", bad)
	}
	s.eventually(t, "the second look is told", func() bool { return len(slack.Messages()) == 2 })
	if n := len(s.list(t, "limit=10")); n != 3 {
		t.Errorf("%d drills, want three: good, bad, and the second look", n)
	}
	s.drill(t, "t") // as bad as before: no news
	s.eventually(t, "no news is on record as such", func() bool {
		return strings.Count(s.page(t, "/alerts"), "nothing changed since") > 0
	})
	replace(t, dir, "notes-3.sql", notes(32))
	if d := s.drill(t, "t"); d.Verdict != "passed" {
		t.Fatalf("drill of the mended backup: %+v", d)
	}
	s.eventually(t, "the recovery is told", func() bool { return len(slack.Messages()) >= 3 })
	if err := s.stop(t); err != nil {
		t.Error(err)
	}

	m := slack.Messages()
	if len(m) != 3 || m[0].Thread != "" || m[1].Thread != m[0].TS || m[2].Thread != m[0].TS {
		t.Fatalf("messages = %+v, want one with two answers", m)
	}
	for i, words := range [][]string{
		{"The newest backup of t is bad", "/drills/" + bad.ID, "notes-2.sql", "notes-1.sql", "Drill again"},
		{"second"}, {"good again"},
	} {
		for _, word := range words {
			if said := m[i].Text + string(m[i].Blocks); !strings.Contains(said, word) {
				t.Errorf("message %d does not say %q:\n%s", i, word, said)
			}
		}
	}
	if m[0].Edits == 0 {
		t.Error("the first message does not show that it is over")
	}
}

// TestANotifierThatRefusesIsGivenUpLoudly has the alert arrive another way, and everybody
// who looks see that the first one did not.
func TestANotifierThatRefusesIsGivenUpLoudly(t *testing.T) {
	t.Parallel()
	slack := startSlack(t)
	slack.Plan(func(string, int) fakeslack.Fault {
		return fakeslack.Fault{Kind: fakeslack.Refuse, Error: "invalid_auth"}
	})
	fallback, operators := notifytest.NewReceiver(t), notifytest.NewReceiver(t)
	dir := backups{"page.sql": []byte(errorPage)}.write(t)
	config := writeService(t, overFolder(dir, "t: {source: s, match: page.sql, notify: [ops]}")+"notifiers:\n"+
		"  ops: "+slackNotifier(slack, ", fallback: hook")+"\n"+
		fmt.Sprintf("  hook: {kind: webhook, url: %q}\n  us: {kind: webhook, url: %q}\n", fallback.URL+"/hook", operators.URL+"/us"), "operators: [us]\n")
	s := serve(t, config, nil)
	if d := s.drill(t, "t"); d.Verdict != "failed" {
		t.Fatalf("drill of an error page: %+v", d)
	}
	s.eventually(t, "the fallback is told", func() bool { return len(fallback.Bodies()) >= 2 })
	s.eventually(t, "those who run Lifeboat are told", func() bool { return len(operators.Bodies()) >= 1 })
	if got := fallback.Bodies()[0]; !strings.Contains(got, `"reason":"opened"`) || !strings.Contains(got, `"target":"t"`) {
		t.Errorf("the fallback got %s", got)
	}
	if got := operators.Bodies()[0]; !strings.Contains(got, "did not reach the notifier ops") || !strings.Contains(got, "invalid_auth") {
		t.Errorf("those who run Lifeboat got %s", got)
	}
	if got := s.condition(t, "alerts_undelivered"); !strings.Contains(got, "notifier ops was given up") || !strings.Contains(got, "invalid_auth") {
		t.Errorf("condition = %q", got)
	}
	for path, want := range map[string]string{
		"/": "An alert for the notifier ops was given up", "/alerts": "given up", "/metrics": `lifeboat_alert_deliveries{notifier="ops",state="given-up"} 2`,
		"/readyz": "ok",
	} {
		if body := s.page(t, path); !strings.Contains(body, want) {
			t.Errorf("GET %s does not say %q:\n%s", path, want, body)
		}
	}
	s.said.await(t, "alert given up")
}

// TestAnAlertOutlivesARestart is made while Slack is busy, and sent by the next process.
func TestAnAlertOutlivesARestart(t *testing.T) {
	t.Parallel()
	slack := startSlack(t)
	slack.Plan(func(string, int) fakeslack.Fault { return fakeslack.Fault{Kind: fakeslack.Busy, After: time.Second} })
	dir := backups{"page.sql": []byte(errorPage)}.write(t)
	config := writeService(t, overFolder(dir, "t: {source: s, match: page.sql, notify: [ops]}")+
		"notifiers:\n  ops: "+slackNotifier(slack, "")+"\n", "")
	s := serve(t, config, nil)
	s.drill(t, "t")
	s.eventually(t, "it is tried", func() bool { return len(slack.Calls()) > 0 })
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
	if n := len(slack.Messages()); n != 0 {
		t.Fatalf("%d messages were taken by a Slack that takes none", n)
	}
	slack.Plan(nil)
	s = serve(t, config, nil)
	s.eventually(t, "the alert arrives, and the second look's", func() bool { return len(slack.Messages()) >= 2 })
	if m := slack.Messages(); len(m) != 2 || m[1].Thread != m[0].TS {
		t.Errorf("messages = %+v, want one thread of two", m)
	}
}
