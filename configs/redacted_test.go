package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheConfigurationOfATargetIsShownWithoutSecrets(t *testing.T) {
	c := mustParse(t, "/etc/lifeboat/lifeboat.yaml", string(everything(t)))
	got, err := c.Redacted("orders")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "hunter2") || strings.Count(string(got), redacted) < 15 {
		t.Errorf("a secret is shown, or too few are hidden:\n%s", got)
	}
	for _, other := range []string{"wiki", "plain", "listen", "postgres://"} {
		if strings.Contains(string(got), other) {
			t.Errorf("%s is none of its business:\n%s", other, got)
		}
	}
	if none, err := c.Redacted("ordres"); none != nil || err != nil {
		t.Errorf("of a target that is not there: %q, %v", none, err)
	}
}

// What is shown is the configuration in force: read again, it is the same.
func TestTheConfigurationShownIsTheOneInForce(t *testing.T) {
	const file = "/etc/lifeboat/lifeboat.yaml"
	c, err := Parse(file, example(t), env)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.Redacted("orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"rpo: 26h\n", "max_age_proof: 48h\n", "memory: 4GiB\n", "pids: 512\n", "fallback: mail\n"} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("%q is not shown:\n%s", want, shown)
		}
	}
	// A hidden address is none; everything else reads as it is.
	readable := strings.ReplaceAll(string(shown), "url: '"+redacted+"'", "url: https://hidden.example.com")
	again := mustParse(t, file, readable)
	hide := cmp.Comparer(func(a, b Secret) bool { return a.IsZero() == b.IsZero() })
	if diff := cmp.Diff(c.Targets["orders"], again.Targets["orders"], hide); diff != "" {
		t.Errorf("target (-in force +shown):\n%s", diff)
	}
	if diff := cmp.Diff(c.Sources["offsite"], again.Sources["offsite"], hide); diff != "" {
		t.Errorf("source (-in force +shown):\n%s", diff)
	}
	if diff := cmp.Diff(c.Server.Alerts, again.Server.Alerts); diff != "" {
		t.Errorf("alerts (-in force +shown):\n%s", diff)
	}
}
