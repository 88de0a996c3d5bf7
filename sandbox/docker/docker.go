// Package docker runs sandboxes as containers: no network, no capability, a
// read-only image, every limit set, and a first process that ends the container
// when its time is up even if Lifeboat is long dead. It never touches a container
// it did not create, publishes no port and mounts nothing of the host.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"lifeboat/sandbox"
)

// Deadlines of single conversations with the daemon.
const (
	connectTimeout = 5 * time.Second
	createTimeout  = time.Minute
	closeTimeout   = 30 * time.Second
)

// Config of a Runner.
type Config struct {
	Log  *slog.Logger
	Pull bool // fetch an image that is not at hand
}

// Runner starts sandboxes on one Docker daemon. It is safe for concurrent use.
type Runner struct {
	cli     *client.Client
	info    system.Info
	log     *slog.Logger
	pull    bool
	silence time.Duration // after which a registry is given up
}

var _ sandbox.Runner = (*Runner)(nil)

// quiet makes the container library behave as a library: no janitor container of
// its own (the sandbox's deadline, its labels and Sweep do that work), no guessing
// that we ourselves run in a container, and no writing to stderr. All of it is
// settled once per process, before the library's first use.
var quiet = sync.OnceFunc(func() {
	for name, value := range map[string]string{
		"TESTCONTAINERS_RYUK_DISABLED": "true",
		"TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err) // only a malformed name can do this
		}
	}
	tclog.SetDefault(tclog.NewNoopLogger())
})

// New connects to the daemon that DOCKER_HOST, the Docker context or the usual
// socket names. It returns an error wrapping sandbox.ErrUnavailable when none
// answers within a few seconds. The address is settled once per process.
func New(ctx context.Context, c Config) (*Runner, error) {
	quiet()
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout,
		fmt.Errorf("docker daemon did not answer within %s", connectTimeout))
	defer cancel()
	if err := reachNamed(ctx); err != nil {
		return nil, unavailable(ctx, err)
	}
	found, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	answer, err := found.Client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	if answer.Info.OSType != "linux" {
		return nil, fmt.Errorf("connect to docker: %w: it runs %s containers, Linux is needed",
			sandbox.ErrUnavailable, answer.Info.OSType)
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Runner{cli: found.Client, info: answer.Info, log: log, pull: c.Pull, silence: pullSilence}, nil
}

// reachNamed makes sure that the daemon answers that DOCKER_HOST names, or the usual socket
// where nothing names another. The container library would quietly take another one, and it
// looks only once: where it found none, it finds none for as long as this process lives.
func reachNamed(ctx context.Context) error {
	name := client.EnvOverrideHost + " " + os.Getenv(client.EnvOverrideHost)
	if os.Getenv(client.EnvOverrideHost) == "" {
		if namedElsewhere() {
			return nil
		}
		name = client.DefaultDockerHost
	}
	cli, err := client.New(client.FromEnv)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer cli.Close()
	if _, err := cli.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// namedElsewhere reports whether a file of the user may name a daemon, or a socket of the
// user may be one.
func namedElsewhere() bool {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	for _, path := range []string{
		filepath.Join(home, ".testcontainers.properties"), filepath.Join(home, ".docker", "contexts"),
		filepath.Join(home, ".docker", "run", "docker.sock"), filepath.Join(home, ".docker", "desktop", "docker.sock"),
		filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock"), fmt.Sprintf("/run/user/%d/docker.sock", os.Getuid()),
	} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return os.Getenv("DOCKER_CONTEXT") != ""
}

func unavailable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return fmt.Errorf("connect to docker: %w: %w (is it running, may this user open its socket, is DOCKER_HOST right?)",
		sandbox.ErrUnavailable, err)
}

// Name implements sandbox.Runner.
func (r *Runner) Name() string { return "docker" }

// Close lets go of idle connections to the daemon. Sandboxes are not touched.
func (r *Runner) Close() error { return r.cli.Close() }
