package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

var (
	errCloseTimeout = fmt.Errorf("docker did not remove the sandbox within %s", closeTimeout)
	errSilent       = fmt.Errorf("docker daemon did not answer within %s", connectTimeout)
)

// removalPace is how often a removal that somebody else began is looked at.
const removalPace = 50 * time.Millisecond

func isGone(err error) bool { return errdefs.IsNotFound(err) }

// remove kills and removes a container with its anonymous volume and returns when
// it is gone, whoever removed it.
func (r *Runner) remove(ctx context.Context, container string) error {
	tick := time.NewTicker(removalPace)
	defer tick.Stop()
	for {
		_, err := r.cli.ContainerRemove(ctx, container, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case isGone(err):
			return nil
		case err == nil, errdefs.IsConflict(err): // removed now, or somebody is at it: look again until it is gone
		default:
			return fmt.Errorf("remove container %s: %w", short(container), causeOf(ctx, err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("remove container %s: %w", short(container), context.Cause(ctx))
		}
	}
}

// removeInTime keeps one container that will not go from holding up the others.
func (r *Runner) removeInTime(ctx context.Context, container string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, closeTimeout, errCloseTimeout)
	defer cancel()
	return r.remove(ctx, container)
}

// removeVolume removes a volume that its container did not take along.
func (r *Runner) removeVolume(ctx context.Context, name string) error {
	_, err := r.cli.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true})
	if err == nil || isGone(err) {
		return nil
	}
	return fmt.Errorf("remove volume %s: %w", short(name), causeOf(ctx, err))
}

// Sweep implements sandbox.Runner. Two may sweep at once: what the other removes
// counts as removed.
func (r *Runner) Sweep(ctx context.Context, q sandbox.SweepQuery) ([]string, error) {
	if q.Installation == "" {
		return nil, errors.New("sweep sandboxes: the installation is not set")
	}
	ours := make(client.Filters).Add("label", labelInstallation+"="+q.Installation)
	found, err := r.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, fmt.Errorf("sweep sandboxes: list containers: %w", err)
	}
	var drills []string
	var errs []error
	for _, c := range found.Items {
		if !abandoned(c.Labels, q) {
			continue
		}
		r.log.InfoContext(ctx, "removing abandoned sandbox", slog.String("container", short(c.ID)),
			slog.String("drill", c.Labels[labelDrill]))
		if err := r.removeInTime(ctx, c.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		drills = append(drills, c.Labels[labelDrill])
	}
	errs = append(errs, r.sweepVolumes(ctx, ours, q))
	slices.Sort(drills)
	if err := errors.Join(errs...); err != nil {
		return slices.Compact(drills), fmt.Errorf("sweep sandboxes: %w", err)
	}
	return slices.Compact(drills), nil
}

// sweepVolumes removes volumes whose container went without them.
func (r *Runner) sweepVolumes(ctx context.Context, ours client.Filters, q sandbox.SweepQuery) error {
	found, err := r.cli.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return fmt.Errorf("list volumes: %w", err)
	}
	var errs []error
	for _, v := range found.Items {
		if !abandoned(v.Labels, q) {
			continue
		}
		err := r.removeVolume(ctx, v.Name)
		if err != nil && !errdefs.IsConflict(err) { // in use: its container is being removed, and takes it along
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// causeOf adds the name of the deadline that ended ctx to what it made of err.
func causeOf(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}
