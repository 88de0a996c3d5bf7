package configs

import (
	"fmt"
	"strings"
	"testing"
)

func TestTenThousandTargetsFitInAFile(t *testing.T) {
	const n = 10_000
	var b strings.Builder
	b.WriteString("sources: {disk: {kind: dir, path: /backups}}\nnotifiers: {ops: {kind: webhook, url: \"http://127.0.0.1/\"}}\ntargets:\n")
	for i := range n {
		fmt.Fprintf(&b, "  target-%05d: {source: disk, match: \"target-%05d/*.db\", engine: sqlite, schedule: \"%d %d * * *\", jitter: 10m, "+
			"objectives: {rpo: 26h, rto: 1h, max_age_proof: 2d}, notify: [ops]}\n", i, i, i%60, i/60%24)
	}
	c, err := Parse("lifeboat.yaml", []byte(b.String()), env)
	if err != nil {
		t.Fatalf("Parse: %.500v", err)
	}
	if len(c.Targets) != n {
		t.Errorf("%d targets were read, want %d", len(c.Targets), n)
	}
}

func TestGapsBetweenDrillsDependOnTheClockOnlyWhereItChanges(t *testing.T) {
	for _, spec := range []string{"17 23 * * *", "59 0 1 * *", "30 12 * * mon-fri", "5 */6 * * *", "7 * * * *"} {
		if timeless(spec, "UTC") == spec {
			t.Errorf("%q is looked at by itself in UTC", spec)
		}
		plain, moved := reader{gaps: map[string]gaps{}}, reader{gaps: map[string]gaps{}}
		want, _ := plain.gapsOf(spec, "Etc/UTC") // another name: no short way
		got, ok := moved.gapsOf(spec, "UTC")
		if !ok || got != want {
			t.Errorf("gaps of %q are %v, want %v", spec, got, want)
		}
	}
	for _, zone := range []string{"Europe/Berlin", "America/New_York"} {
		if got := timeless("30 2 * * *", zone); got != "30 2 * * *" {
			t.Errorf("timeless(%s) = %q: a change of the clock is lost", zone, got)
		}
	}
}
