package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"lifeboat/sandbox"
)

// volumePath is where the sandbox's one volume lies: all that is writable, besides
// shared memory. Programs expect /tmp to be writable anyhow.
const volumePath = "/tmp"

// workDir is the sandbox's Dir. The user owns it, as servers demand of their folders.
const workDir = volumePath + "/lifeboat"

// Start implements sandbox.Runner.
func (r *Runner) Start(ctx context.Context, s sandbox.Spec) (sandbox.Sandbox, error) {
	if err := checkSpec(s); err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	img, err := r.image(ctx, s.Image)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	name := "lifeboat-" + rand.Text()
	b, err := r.boot(ctx, name, s, img)
	if err != nil {
		cleanup, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), closeTimeout, errCloseTimeout)
		defer cancel()
		if rmErr := r.remove(cleanup, name); rmErr != nil {
			err = errors.Join(err, rmErr)
		}
		return nil, fmt.Errorf("docker: %w", err)
	}
	return b, nil
}

// boot creates and starts the container called name and begins to watch it. The
// caller removes the container when it fails.
func (r *Runner) boot(ctx context.Context, name string, s sandbox.Spec, img image) (*Box, error) {
	if err := r.create(ctx, name, s, img); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	seen, err := r.cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", name, err)
	}
	b := newBox(r, s, img, seen.Container)
	if err := b.watch(ctx); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	return b, nil
}

// create runs to its end even when ctx is cancelled midway: a request the daemon
// already has would otherwise leave a container nobody waits for.
func (r *Runner) create(ctx context.Context, name string, s sandbox.Spec, img image) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), createTimeout,
		fmt.Errorf("docker did not start a container within %s", createTimeout))
	defer cancel()
	seconds := int64(math.Ceil(time.Until(s.Deadline).Seconds()))
	if seconds <= 0 {
		return sandbox.ErrDeadline
	}
	var cfg *container.Config
	var host *container.HostConfig
	_, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Started: true,
		Logger:  libraryLog{r.log},
		ContainerRequest: testcontainers.ContainerRequest{
			Image:  img.id,
			Name:   name,
			Labels: labels(s),
			ConfigModifier: func(c *container.Config) {
				cfg = c
				harden(c, seconds)
			},
			HostConfigModifier: func(h *container.HostConfig) {
				host = h
				confine(h, s, img, r.info.NCPU, r.info.CgroupVersion)
			},
			EndpointSettingsModifier: func(e map[string]*network.EndpointSettings) { clear(e) },
			// The library publishes every port the image exposes, after the modifiers ran.
			LifecycleHooks: []testcontainers.ContainerLifecycleHooks{{
				PreCreates: []testcontainers.ContainerRequestHook{
					func(context.Context, testcontainers.ContainerRequest) error {
						cfg.ExposedPorts, host.PortBindings = nil, nil
						return nil
					},
				},
			}},
		},
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return fmt.Errorf("create container of %s: %w", img.name, err)
	}
	return nil
}

// firstProcess is the container's deadline: when the seconds given to it are over, or
// when it is told to end, it exits, and the kernel ends all else with it. It also
// buries orphans, which would count as processes for ever.
const firstProcess = `chmod 1777 ` + volumePath + `; trap "exit 0" TERM; sleep "$0" & wait`

// harden makes the deadline the first process. It runs as root without any
// capability: as the first process it cannot be stopped or killed from inside, and
// as another user's it can be neither signalled nor traced by what runs there.
func harden(c *container.Config, seconds int64) {
	c.Hostname = "sandbox"
	c.User = "0:0"
	c.WorkingDir = "/"
	c.Entrypoint = []string{"sh", "-c", firstProcess}
	c.Cmd = []string{strconv.FormatInt(seconds, 10)}
	c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	c.StopSignal = "SIGKILL"
}

// confine takes everything away that a database server does not need.
func confine(h *container.HostConfig, s sandbox.Spec, img image, cpus int, cgroups string) {
	pids := s.Limits.Pids
	h.NetworkMode = "none"
	h.DNS = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})} // else the host's own servers are named inside
	h.IpcMode = "private"
	if cgroups == "2" {
		h.CgroupnsMode = "private" // the limits are read back from inside
	}
	h.ReadonlyRootfs = true
	h.CapDrop = []string{"ALL"}
	h.SecurityOpt = []string{"no-new-privileges"}
	h.Memory, h.MemorySwap = s.Limits.Memory, s.Limits.Memory // equal: no swap
	h.NanoCPUs = int64(min(s.Limits.CPUs, float64(cpus)) * 1e9)
	h.PidsLimit = &pids
	h.ShmSize = s.Limits.Memory / 2 // counted as memory
	h.Ulimits = []*units.Ulimit{
		{Name: "fsize", Soft: s.Limits.Disk, Hard: s.Limits.Disk},
		{Name: "core"},
	}
	h.AutoRemove = true
	h.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
	h.LogConfig = container.LogConfig{Type: "none"}
	h.Mounts = mounts(s, img)
}

// mounts gives the container its one volume and covers those the image declares,
// which would be writable places nobody watches.
func mounts(s sandbox.Spec, img image) []mount.Mount {
	all := []mount.Mount{{
		Type:          mount.TypeVolume,
		Target:        volumePath,
		VolumeOptions: &mount.VolumeOptions{Labels: labels(s)},
	}}
	for _, path := range img.volumes {
		if path == volumePath {
			continue
		}
		all = append(all, mount.Mount{
			Type: mount.TypeTmpfs, Target: path, ReadOnly: true,
			TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 4096, Mode: 0o555},
		})
	}
	return all
}

// checkSpec refuses a sandbox that would lack a limit, an owner or a deadline.
func checkSpec(s sandbox.Spec) error {
	for _, need := range []struct {
		what string
		ok   bool
	}{
		{"the cpu limit", s.Limits.CPUs > 0},
		{"the memory limit", s.Limits.Memory > 0},
		{"the disk limit", s.Limits.Disk > 0},
		{"the pids limit", s.Limits.Pids > 0},
		{"the deadline", !s.Deadline.IsZero()},
		{"the installation", s.Owner.Installation != ""},
		{"the instance", s.Owner.Instance != ""},
		{"the drill", s.Owner.Drill != ""},
		{"the image", s.Image != ""},
		{"the user", s.User != ""},
	} {
		if !need.ok {
			return fmt.Errorf("%s is not set", need.what)
		}
	}
	if s.User == "root" || s.User == "0" {
		return errors.New("commands may not run as root")
	}
	return nil
}

// libraryLog passes the container library's chatter on as debug lines.
type libraryLog struct{ log *slog.Logger }

// Printf implements the library's logger.
func (l libraryLog) Printf(format string, v ...any) {
	l.log.Debug("container library", slog.String("line", fmt.Sprintf(format, v...)))
}
