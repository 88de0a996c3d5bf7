// Package deploy holds ways to run Lifeboat: compose, systemd, Kubernetes, and what
// Prometheus and Grafana make of its metrics. It has no code; its tests hold that what
// people copy from here is sound.
package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lifeboat/internal/testkit"
)

// need finds a program that these tests run.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	testkit.Need(t, program, err == nil)
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAlertRulesSayWhatTheirUnitTestsExpect(t *testing.T) {
	promtool := need(t, "promtool")
	for _, args := range [][]string{
		{"check", "rules", "lifeboat.rules.yaml"},
		{"test", "rules", "lifeboat.rules.test.yaml"},
	} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func TestEveryAlertRuleHasAUnitTest(t *testing.T) {
	tests := read(t, "prometheus/lifeboat.rules.test.yaml")
	rules := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(read(t, "prometheus/lifeboat.rules.yaml"), -1)
	if len(rules) == 0 {
		t.Fatal("there are no rules")
	}
	for _, rule := range rules {
		fires := regexp.MustCompile(`alertname: ` + rule[1] + `\n\s+exp_alerts:\n`).MatchString(tests)
		if !fires || !strings.Contains(tests, "alertname: "+rule[1]+", exp_alerts: []") {
			t.Errorf("%s is not tested both to fire and to be quiet", rule[1])
		}
	}
}

// metricName finds names of metrics in queries and in the reference.
var metricName = regexp.MustCompile(`\blifeboat_[a-z_]+\b`)

// metrics are those of the reference, by name.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(lifeboat_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		all[row[1]] = true
		if row[2] == "histogram" {
			all[row[1]+"_bucket"], all[row[1]+"_sum"], all[row[1]+"_count"] = true, true, true
		}
	}
	if len(all) < 20 {
		t.Fatalf("the reference lists %d metrics only", len(all))
	}
	return all
}

func TestRulesAndDashboardAskForMetricsThatExist(t *testing.T) {
	known := metrics(t)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/lifeboat.json")), &board); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{"the rules": strings.Join(regexp.MustCompile(`(?m)^[^#]*$`).FindAllString(read(t, "prometheus/lifeboat.rules.yaml"), -1), "\n")}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries["panel "+p.Title] += target.Expr + "\n"
		}
	}
	for where, text := range queries {
		for _, name := range metricName.FindAllString(text, -1) {
			if !known[name] {
				t.Errorf("%s asks for %s, which docs/metrics.md does not list", where, name)
			}
		}
	}
}

// The reference is held against the source of the metrics: a registry without a service
// behind it shows only some of them.
func TestTheReferenceListsTheMetricsThereAre(t *testing.T) {
	source := ""
	for _, file := range []string{"descriptions.go", "metrics.go"} {
		source += read(t, "../web/metrics/"+file)
	}
	exists := map[string]bool{}
	for _, m := range regexp.MustCompile(`desc\("([a-z_]+)"|Name: "lifeboat_([a-z_]+)"`).FindAllStringSubmatch(source, -1) {
		exists["lifeboat_"+m[1]+m[2]] = true
	}
	listed := metrics(t)
	for name := range listed {
		if base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count"); !exists[base] {
			t.Errorf("docs/metrics.md lists %s, which there is not", name)
		}
	}
	for name := range exists {
		if !listed[name] {
			t.Errorf("docs/metrics.md does not list %s", name)
		}
	}
}

// Every query of the dashboard is one that Prometheus can read.
func TestQueriesOfTheDashboardAreRead(t *testing.T) {
	promtool := need(t, "promtool")
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/lifeboat.json")), &board); err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	all := group{Name: "dashboard"}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			all.Rules = append(all.Rules, rule{fmt.Sprintf("query:n%d", len(all.Rules)), target.Expr})
		}
	}
	text, err := yaml.Marshal(map[string]any{"groups": []group{all}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(testkit.Folder(t, map[string][]byte{"rules.yaml": text}), "rules.yaml")
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
