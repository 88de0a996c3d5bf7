package docker

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/sandboxtest"
)

const testImage = "postgres:15"

func TestMain(m *testing.M) {
	sandboxtest.Main(m, func(ctx context.Context) (sandbox.Runner, error) { return New(ctx, Config{}) })
}

// open connects to the daemon these tests need.
func open(t testing.TB) *Runner {
	t.Helper()
	r, err := New(t.Context(), Config{})
	if err == nil {
		_, err = r.image(t.Context(), testImage)
	}
	testkit.Need(t, "docker with image "+testImage, err == nil)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// spec is a sandbox small enough for a busy machine, of an installation of its own.
func spec() sandbox.Spec {
	return sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "test-" + rand.Text(), Instance: "this", Drill: "drill", Target: "target"},
		Limits:   sandbox.Limits{CPUs: 2, Memory: 512 << 20, Disk: 1 << 30, Pids: 200},
		Deadline: time.Now().Add(time.Hour),
		Image:    testImage,
		User:     "postgres",
	}
}

// left names the containers and volumes of an installation.
func (r *Runner) left(ctx context.Context, installation string) ([]string, error) {
	ours := make(client.Filters).Add("label", labelInstallation+"="+installation)
	containers, err := r.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, err
	}
	volumes, err := r.cli.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, c := range containers.Items {
		all = append(all, "container "+strings.Join(c.Names, " "))
	}
	for _, v := range volumes.Items {
		all = append(all, "volume "+v.Name)
	}
	return all, nil
}

func TestDockerKeepsTheContractOfARunner(t *testing.T) {
	sandboxtest.Run(t, func(t testing.TB) sandboxtest.Fixture {
		r := open(t)
		return sandboxtest.Fixture{Runner: r, Spec: spec(), Left: r.left, Postgres: "/usr/lib/postgresql/15/bin"}
	})
}
