package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"lifeboat/sandbox"
)

// Deadlines of a pull: a registry that says nothing is given up soon, one that
// keeps sending may take its time.
const (
	pullSilence = 30 * time.Second
	pullTimeout = 20 * time.Minute
)

// image is what a container is made of.
type image struct {
	name    string // as it was asked for
	id      string
	digest  string   // name@sha256:... of a registry; empty for one built here
	volumes []string // paths the image wants volumes at
}

// label names the image together with what pins it.
func (i image) label() string {
	if i.digest != "" {
		return i.name + " (" + i.digest + ")"
	}
	return i.name + " (" + i.id + ")"
}

// image finds name on the daemon, pulling it where that is allowed. A missing one
// comes back as *sandbox.ImageError with what to do.
func (r *Runner) image(ctx context.Context, name string) (image, error) {
	found, err := r.cli.ImageInspect(ctx, name)
	switch {
	case err == nil:
	case !errdefs.IsNotFound(err):
		return image{}, fmt.Errorf("look for image %s: %w", name, err)
	case !r.pull:
		return image{}, &sandbox.ImageError{Image: name,
			Err: fmt.Errorf("it is not on this machine; fetch it with: docker pull %s", name)}
	default:
		if err := r.fetch(ctx, name); err != nil {
			return image{}, err
		}
		if found, err = r.cli.ImageInspect(ctx, name); err != nil {
			return image{}, fmt.Errorf("look for image %s: %w", name, err)
		}
	}
	img := image{name: name, id: found.ID}
	if len(found.RepoDigests) > 0 {
		img.digest = found.RepoDigests[0]
	}
	if found.Config != nil {
		for path := range found.Config.Volumes {
			img.volumes = append(img.volumes, path)
		}
		slices.Sort(img.volumes)
	}
	return img, nil
}

// fetch pulls an image.
func (r *Runner) fetch(ctx context.Context, name string) error {
	r.log.InfoContext(ctx, "pulling image", slog.String("image", name))
	ctx, cancel := context.WithTimeoutCause(ctx, pullTimeout, fmt.Errorf("pull took longer than %s", pullTimeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watchdog := time.AfterFunc(r.silence, func() {
		stop(fmt.Errorf("registry said nothing for %s", r.silence))
	})
	defer watchdog.Stop()

	err := r.pullOnce(ctx, name, func() { watchdog.Reset(r.silence) })
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
			return fmt.Errorf("pull image %s: %w", name, cause)
		}
		err = cause
	}
	return &sandbox.ImageError{Image: name,
		Err: fmt.Errorf("pull: %w; fetch it where a registry answers and bring it here with docker save and docker load", err)}
}

func (r *Runner) pullOnce(ctx context.Context, name string, progress func()) error {
	var opts client.ImagePullOptions
	if _, auth, err := testcontainers.DockerImageAuth(ctx, name); err == nil {
		if opts.RegistryAuth, err = authconfig.Encode(auth); err != nil {
			return fmt.Errorf("credentials of the registry: %w", err)
		}
	}
	pull, err := r.cli.ImagePull(ctx, name, opts)
	if err != nil {
		return err
	}
	defer pull.Close()
	for m, err := range pull.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if m.Error != nil {
			return m.Error
		}
		progress()
	}
	return nil
}
