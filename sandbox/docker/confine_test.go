package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// begin starts a sandbox that is closed with the test.
func begin(t *testing.T, r *Runner, s sandbox.Spec) *Box {
	t.Helper()
	box, err := r.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return box.(*Box)
}

func TestTheDaemonConfirmsWhatWasAskedFor(t *testing.T) {
	r, s := open(t), spec()
	box := begin(t, r, s)
	seen, err := r.cli.ContainerInspect(t.Context(), box.id, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h, c := seen.Container.HostConfig, seen.Container.Config
	var volumes []string
	for _, m := range seen.Container.Mounts {
		if m.Type != mount.TypeTmpfs {
			volumes = append(volumes, m.Destination)
		}
	}
	for claim, holds := range map[string]bool{
		"no network":                    h.NetworkMode == "none" && len(h.PortBindings) == 0 && len(c.ExposedPorts) == 0 && !h.PublishAllPorts,
		"nothing of the host mounted":   len(h.Binds) == 0 && slices.Equal(volumes, []string{volumePath}),
		"every capability dropped":      slices.Equal(h.CapDrop, []string{"ALL"}) && len(h.CapAdd) == 0 && !h.Privileged,
		"no new privileges":             slices.Contains(h.SecurityOpt, "no-new-privileges"),
		"read-only image":               h.ReadonlyRootfs,
		"memory limited without swap":   h.Memory == s.Limits.Memory && h.MemorySwap == s.Limits.Memory,
		"processors limited":            h.NanoCPUs == 2e9,
		"processes limited":             h.PidsLimit != nil && *h.PidsLimit == s.Limits.Pids,
		"removed when it ends":          h.AutoRemove && h.RestartPolicy.Name == container.RestartPolicyDisabled,
		"no log kept":                   h.LogConfig.Type == "none",
		"no health check":               c.Healthcheck != nil && slices.Equal(c.Healthcheck.Test, []string{"NONE"}),
		"no namespace shared":           h.IpcMode == "private" && h.PidMode == "" && h.UTSMode == "" && h.UsernsMode == "",
		"no device given":               len(h.Devices) == 0 && len(h.DeviceRequests) == 0,
		"labelled with its owner":       c.Labels[labelInstallation] == s.Owner.Installation && c.Labels[labelInstance] == "this",
		"labelled with drill, deadline": c.Labels[labelDrill] == "drill" && c.Labels[labelTarget] == "target" && c.Labels[labelDeadline] != "",
	} {
		if !holds {
			t.Errorf("not so: %s", claim)
		}
	}
	if d := box.Describe(); !strings.Contains(d.Image, testImage) || !strings.Contains(d.Image, "sha256:") ||
		!strings.HasPrefix(d.Enter, "docker exec -it -u postgres ") {
		t.Errorf("Describe() = %+v", d)
	}
}

// Whatever the sandbox's user tries to write to outside the volume must refuse.
func TestOnlyTheVolumeAndSharedMemoryCanBeWritten(t *testing.T) {
	box := begin(t, open(t), spec())
	var out strings.Builder
	_, err := box.Exec(t.Context(), sandbox.Cmd{Stdout: &out, Args: []string{"bash", "-c",
		`find / -xdev -writable \( -type d -o -type f \) -print 2>/dev/null
		while read -r _ _ _ _ path _; do
			case $path in /proc/*) ;; *) touch "$path/probe" 2>/dev/null && rm "$path/probe" && echo "$path";; esac
		done </proc/self/mountinfo`}})
	if err != nil {
		t.Fatal(err)
	}
	var strange []string
	for path := range strings.Lines(out.String()) {
		if path = strings.TrimSpace(path); !slices.Contains([]string{volumePath, "/dev/shm", "/dev/mqueue"}, path) {
			strange = append(strange, path)
		}
	}
	if len(strange) > 0 || !strings.Contains(out.String(), volumePath) {
		t.Errorf("writable besides: %q (all: %q)", strange, out.String())
	}
}

// Every probe must notice a container that is confined by nothing. Its network leads
// out, and nothing is sent.
func TestEveryProbeFailsInAContainerThatIsNotConfined(t *testing.T) {
	r, s := open(t), spec()
	made, err := r.cli.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Image: testImage,
		Config: &container.Config{User: "0", Entrypoint: []string{"sh", "-c", "echo; sleep 600; exit"},
			WorkingDir: workDir, Labels: labels(s)},
		HostConfig: &container.HostConfig{AutoRemove: true,
			Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/", Target: "/host", ReadOnly: true},
				{Type: mount.TypeBind, Source: "/var/run/docker.sock", Target: "/run/docker.sock", ReadOnly: true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.remove(context.WithoutCancel(t.Context()), made.ID); err != nil {
			t.Error(err)
		}
	})
	if _, err := r.cli.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	s.User = "0"
	box := newBox(r, s, image{}, container.InspectResponse{ID: made.ID})
	iso, err := box.Isolation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if iso.Isolated {
		t.Error("it counts as isolated")
	}
	for _, p := range iso.Probes {
		if p.OK {
			t.Errorf("probe held: %+v", p)
		}
	}
}

func TestAProbeThatCannotBeReadNeverHolds(t *testing.T) {
	for _, seen := range []map[string]string{
		{},
		{"interfaces": "", "routes": "", "reach": "", "mounts": "", "status": "", "first": "", "limits": ""},
		{"reach": "connected\nexit 0"},
		{"reach": "exit 124"},
	} {
		for _, p := range judge(seen, spec()) {
			if p.OK && p.Name != "name service" { // a container without a resolver names no server
				t.Errorf("%v: probe held: %+v", seen, p)
			}
		}
	}
}
