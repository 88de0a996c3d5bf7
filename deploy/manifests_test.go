package deploy

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lifeboat/configs"
	"lifeboat/internal/testkit"
)

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
