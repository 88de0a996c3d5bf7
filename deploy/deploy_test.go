// Package deploy holds ways to run Lifeboat: compose, systemd, Kubernetes, and what
// Prometheus and Grafana make of its metrics. It has no code; its tests hold that what
// people copy from here is sound.
package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lifeboat/configs"
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

func TestTheUnitIsOneThatSystemdTakes(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	unit := strings.ReplaceAll(read(t, "lifeboat.service"), "/usr/bin/lifeboat", "/bin/true") // it must exist
	file := filepath.Join(testkit.Folder(t, map[string]string{"lifeboat.service": unit}), "lifeboat.service")
	out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), file) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=35", file).CombinedOutput()
	if err != nil {
		t.Errorf("the unit may do more than it should: %v\n%s", err, out)
	}
}

// A stop must not be cut short: whoever runs Lifeboat waits longer than it drains.
func TestWhoeverStopsTheServiceWaitsLongerThanItDrains(t *testing.T) {
	c, err := configs.Parse("compose/lifeboat.yaml", []byte(read(t, "compose/lifeboat.yaml")), anything)
	if err != nil {
		t.Fatal(err)
	}
	if drain := c.Server.Drain.Minutes(); drain != 2 {
		t.Fatalf("the service drains for %g minutes; the limits here are made for 2", drain)
	}
	for file, want := range map[string]string{
		"lifeboat.service":           "TimeoutStopSec=3min",
		"compose.yaml":               "stop_grace_period: 3m",
		"kubernetes/deployment.yaml": "terminationGracePeriodSeconds: 180",
	} {
		if !strings.Contains(read(t, file), want) {
			t.Errorf("%s does not say %s", file, want)
		}
	}
}

func anything(string) (string, bool) { return "anything", true }

func TestComposeNamesFilesAndVolumesThatExist(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Image       string
			Volumes     []string
			Environment map[string]string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for name, s := range file.Services {
		if s.Image == "" || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: image %q is not one version", name, s.Image)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			_, declared := file.Volumes[from]
			if strings.HasPrefix(from, "./") {
				_, err := os.Stat(from)
				declared = err == nil
			}
			if !declared && from != "/var/run/docker.sock" {
				t.Errorf("%s: the volume %s is not there", name, from)
			}
		}
	}
	env := func(name string) (string, bool) {
		v, ok := file.Services["lifeboat"].Environment[name]
		return v, ok
	}
	if _, err := configs.Parse("lifeboat.yaml", []byte(read(t, "compose/lifeboat.yaml")), env); err != nil {
		t.Errorf("the configuration of compose: %v", err)
	}
	// Where there is a compose, it has the last word.
	for _, compose := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.CommandContext(t.Context(), compose[0], append(compose[1:], "version")...).Run() != nil {
			continue
		}
		cmd := exec.CommandContext(t.Context(), compose[0], append(compose[1:], "-f", "compose.yaml", "config", "-q")...)
		cmd.Env = append(os.Environ(), "DOCKER_GID=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s config: %v\n%s", strings.Join(compose, " "), err, out)
		}
	}
}

// resource is what the tests look at in a manifest.
type resource struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string `yaml:"stringData"`
	Spec     struct {
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Security   map[string]any `yaml:"securityContext"`
				Containers []struct {
					EnvFrom []struct {
						Secret struct{ Name string } `yaml:"secretRef"`
					} `yaml:"envFrom"`
					Ports    []struct{ Name string }
					Security map[string]any          `yaml:"securityContext"`
					Live     probe                   `yaml:"livenessProbe"`
					Ready    probe                   `yaml:"readinessProbe"`
					Mounts   []struct{ Name string } `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name   string
					Secret struct {
						Name string `yaml:"secretName"`
					}
				}
			}
		}
		Selector any
	}
}

type probe struct {
	HTTP struct{ Path, Port string } `yaml:"httpGet"`
}

// resources reads the manifests of a file.
func resources(t *testing.T, file string) map[string]resource {
	t.Helper()
	all := map[string]resource{}
	for doc := range strings.SplitSeq(read(t, file), "\n---\n") {
		var r resource
		if err := yaml.Unmarshal([]byte(doc), &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[r.Kind+" "+r.Metadata.Name] = r
	}
	return all
}

func TestManifestsFitTogether(t *testing.T) {
	var custom struct {
		Resources []string
	}
	if err := yaml.Unmarshal([]byte(read(t, "kubernetes/kustomization.yaml")), &custom); err != nil {
		t.Fatal(err)
	}
	all := map[string]resource{}
	for _, file := range append(custom.Resources, "secret.example.yaml") {
		maps.Copy(all, resources(t, "kubernetes/"+file))
	}
	pod := all["Deployment lifeboat"].Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("found no deployment with its container among %v", slices.Sorted(maps.Keys(all)))
	}
	c := pod.Containers[0]
	if c.Live.HTTP.Path != "/healthz" || c.Ready.HTTP.Path != "/readyz" || c.Live.HTTP.Port != c.Ports[0].Name {
		t.Errorf("probes = %+v, %+v", c.Live, c.Ready)
	}
	if pod.Security["runAsNonRoot"] != true || c.Security["readOnlyRootFilesystem"] != true || c.Security["allowPrivilegeEscalation"] != false {
		t.Errorf("the pod may do more than it should: %v, %v", pod.Security, c.Security)
	}
	secrets := []string{c.EnvFrom[0].Secret.Name}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.Secret.Name != "" {
			secrets = append(secrets, v.Secret.Name)
		}
	}
	for _, name := range secrets {
		if _, ok := all["Secret "+name]; !ok {
			t.Errorf("there is no example of the secret %q", name)
		}
	}
	for _, m := range c.Mounts {
		if !volumes[m.Name] {
			t.Errorf("the volume %s is mounted and not there", m.Name)
		}
	}
	env := func(name string) (string, bool) {
		v, ok := all["Secret "+c.EnvFrom[0].Secret.Name].Data[name]
		return v, ok
	}
	config, err := configs.Parse("lifeboat.yaml", []byte(read(t, "kubernetes/lifeboat.yaml")), env)
	if err != nil {
		t.Fatalf("the configuration of the pods: %v", err)
	}
	if _, shared := config.Server.HistoryDSN(); !shared {
		t.Error("several replicas with a history that they cannot share")
	}
}
