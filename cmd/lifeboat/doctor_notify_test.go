package main

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/notify/notifytest"
)

// TestTheDoctorTriesEveryNotifier has two that work and three that do not, each in its own way.
func TestTheDoctorTriesEveryNotifier(t *testing.T) {
	t.Parallel()
	slack, good, refusing, gone := startSlack(t), notifytest.NewReceiver(t), notifytest.NewReceiver(t), notifytest.NewReceiver(t)
	refusing.Fault(notifytest.Refuse)
	gone.Close()
	notifiers := "notifiers:\n  ops: " + slackNotifier(slack, "") + "\n" +
		"  strangers: " + strings.Replace(slackNotifier(slack, ""), slackToken, "xoxb-another", 1) + "\n" +
		fmt.Sprintf("  audit: {kind: webhook, url: %q}\n  closed: {kind: webhook, url: %q}\n  away: {kind: webhook, url: %q, fallback: audit}\n",
			good.URL+"/pAtH-sEcReT", refusing.URL+"/pAtH-sEcReT", gone.URL+"/pAtH-sEcReT")
	config := writeService(t, overFolder("nowhere", "t: {source: s, match: x}")+notifiers, "")

	code, stdout, stderr := lifeboat(t, "doctor", "--notify", "--config", config)
	if code != exitErrored {
		t.Errorf("exit %d, want %d", code, exitErrored)
	}
	for _, want := range []string{
		"good  ops: took a test alert\n", "good  audit: took a test alert\n", "bad   strangers: ", "invalid_auth", "bad   closed: ", "403 Forbidden",
		"bad   away: ", "connection refused", "3 notifiers to mend",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s%s", want, stdout, stderr)
		}
	}
	if strings.Contains(stdout+stderr, "pAtH") || strings.Contains(stdout+stderr, "xoxb-another") {
		t.Errorf("a secret was printed:\n%s%s", stdout, stderr)
	}
	if m := slack.Messages(); len(m) != 1 || !strings.Contains(m[0].Text, "This is a test") {
		t.Errorf("Slack got %+v, want one test", m)
	}
	if got := good.Bodies(); len(got) != 1 || !strings.Contains(got[0], `"kind":"test"`) {
		t.Errorf("the webhook got %q, want one test: no fallback is told", got)
	}
}

func TestTheDoctorIsContentWhenAllNotifiersAre(t *testing.T) {
	t.Parallel()
	slack := startSlack(t)
	config := writeService(t, overFolder("nowhere", "t: {source: s, match: x}")+"notifiers:\n  ops: "+slackNotifier(slack, "")+"\n", "")
	code, stdout, stderr := lifeboat(t, "doctor", "--notify", "--config", config)
	if code != exitGood || !strings.Contains(stdout, "All were taken.") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

func TestTheDoctorSaysThatNobodyWouldBeTold(t *testing.T) {
	t.Parallel()
	config := writeService(t, overFolder("nowhere", "t: {source: s, match: x}"), "")
	code, _, stderr := lifeboat(t, "doctor", "--notify", "--config", config)
	if code != exitUsage || !strings.Contains(stderr, "has no notifiers") {
		t.Errorf("exit %d, want %d\n%s", code, exitUsage, stderr)
	}
}
