package notify_test

import (
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/notifytest"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

func TestAlertsReadAsPlainText(t *testing.T) {
	kinds := make(map[notify.Kind]bool)
	reasons := make(map[notify.Reason]bool)
	for _, s := range notifytest.Samples() {
		testkit.Golden(t, "text/"+s.Name+".txt", s.Alert.Line()+"\n\n"+s.Alert.Text(0))
		kinds[s.Alert.Kind], reasons[s.Alert.Reason] = true, true
	}
	if len(kinds) != 6 || len(reasons) != 8 {
		t.Errorf("the samples have %d of 6 kinds and %d of 8 reasons", len(kinds), len(reasons))
	}
}

func TestTextsOutOfDumpsStayText(t *testing.T) {
	a := notifytest.Hostile()
	for line := range strings.Lines(a.Text(0)) {
		if line != text.Clean(strings.TrimSuffix(line, "\n"))+"\n" {
			t.Errorf("line %q is not clean", line)
		}
	}
	if line := a.Line(); strings.ContainsAny(line, "\r\n\x1b") {
		t.Errorf("the subject %q is not one clean line", line)
	}
	if n := len(a.Text(0)); n > 20_000 {
		t.Errorf("an endless text gave %d bytes", n)
	}
}

func TestAlertsGoToTheirAudienceAndNeverToNobody(t *testing.T) {
	bad, silent := notify.Alert{Audience: notify.Owners}, notify.Alert{Audience: notify.Operators}
	tests := []struct {
		name              string
		alert             notify.Alert
		owners, operators []string
		want              string
	}{
		{"a bad backup goes to the owners", bad, []string{"shop"}, []string{"ops"}, "shop"},
		{"what could not be told goes to the operators", silent, []string{"shop"}, []string{"ops"}, "ops"},
		{"without operators the owners get it", silent, []string{"shop"}, nil, "shop"},
		{"without owners the operators get it", bad, nil, []string{"ops"}, "ops"},
		{"a name given twice is told once", bad, []string{"shop", "ops", "shop"}, nil, "shop ops"},
		{"nobody is told where nobody is configured", bad, nil, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(notify.Route(test.alert, test.owners, test.operators), " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNoticesHaveIdsOfTheirOwn(t *testing.T) {
	a, b := notify.Alert{ID: "a"}, notify.Alert{ID: "b"}
	ids := map[string]string{}
	for name, alert := range map[string]notify.Alert{
		"test now": notify.NewTest("ops", noon), "test later": notify.NewTest("ops", noon.Add(time.Nanosecond)), "another's test": notify.NewTest("shop", noon),
		"a at ops": notify.NewUndeliverable(a, "ops", "no", noon), "b at ops": notify.NewUndeliverable(b, "ops", "no", noon), "a at shop": notify.NewUndeliverable(a, "shop", "no", noon),
		"digest": notify.NewDigest(notify.Summary{To: noon}, noon), "next digest": notify.NewDigest(notify.Summary{To: noon.AddDate(0, 0, 7)}, noon),
	} {
		if other := ids[alert.ID]; other != "" {
			t.Errorf("%s and %s have the same id %s", name, other, alert.ID)
		}
		ids[alert.ID] = name
	}
	one, two := notify.NewUndeliverable(a, "ops", "no", noon), notify.NewUndeliverable(b, "ops", "no", noon.Add(time.Hour))
	if one.Problem != two.Problem {
		t.Errorf("two alerts that one notifier lost on a day are the problems %s and %s, want one", one.Problem, two.Problem)
	}
	if again := notify.NewUndeliverable(a, "ops", "no", noon.Add(time.Hour)); again.ID != one.ID {
		t.Errorf("the same alert lost again got another id")
	}
}

func TestADigestIsAsGraveAsItsWorstTarget(t *testing.T) {
	tests := []struct {
		name string
		s    notify.Summary
		want verify.Verdict
	}{
		{"all proven", notify.Summary{Proven: []string{"a"}}, verify.Passed},
		{"nothing to prove", notify.Summary{}, verify.Errored},
		{"one never drilled", notify.Summary{Proven: []string{"a"}, Unproven: []notify.Claim{{Target: "b"}}}, verify.Warned},
		{"one failed", notify.Summary{Unproven: []notify.Claim{{Target: "b", Verdict: verify.Failed}}}, verify.Failed},
	}
	for _, test := range tests {
		if got := notify.NewDigest(test.s, noon).Verdict; got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
