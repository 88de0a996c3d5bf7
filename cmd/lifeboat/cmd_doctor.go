package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify/text"
)

func (sh *shell) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Try whether storage and sandbox really work",
		Long: `Lists every source, looks for the newest backup of every target, starts a sandbox
of every kind there is, proves that it is isolated, and looks for room. It restores
nothing and writes to no storage.

` + exitHelp,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return sh.doctor(c.Context()) },
	}
}

// Deadlines of the doctor's waits.
const (
	listTimeout    = 60 * time.Second
	sandboxTimeout = 90 * time.Second
)

// patient collects what the doctor found.
type patient struct {
	sh  *shell
	ill int
}

// say prints one finding; a non-nil err makes it a bad one.
func (p *patient) say(what, good string, err error) {
	if err != nil {
		p.ill++
		fmt.Fprintf(p.sh.stdout, "  bad   %s: %s\n", text.Clean(what), text.Clean(err.Error()))
		return
	}
	fmt.Fprintf(p.sh.stdout, "  good  %s: %s\n", text.Clean(what), text.Clean(good))
}

// note prints something that is neither good nor bad.
func (p *patient) note(what, text string) {
	fmt.Fprintf(p.sh.stdout, "  note  %s: %s\n", what, text)
}

func (sh *shell) doctor(ctx context.Context) error {
	a, err := sh.open(ctx, wireOptions{})
	if err != nil {
		return err
	}
	defer a.close()
	p := &patient{sh: sh}
	fmt.Fprintln(sh.stdout, "Sources")
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Sources)) {
		p.source(ctx, name, a.pipeline.Sources[name])
	}
	fmt.Fprintln(sh.stdout, "Targets")
	for _, name := range targetNames(a.cfg) {
		p.target(ctx, a, name)
	}
	fmt.Fprintln(sh.stdout, "Sandboxes")
	p.sandboxes(ctx, a)
	if p.ill > 0 {
		fmt.Fprintf(sh.stdout, "%s to mend before the drills can be trusted.\n", units.Counted(int64(p.ill), "thing"))
		return exitWith(exitErrored)
	}
	fmt.Fprintln(sh.stdout, "All is well. Next: lifeboat drill TARGET.")
	return nil
}

// source asks for the first object: that takes an endpoint, keys and a bucket.
func (p *patient) source(ctx context.Context, name string, src storage.Source) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %s", listTimeout))
	defer cancel()
	for o, err := range src.List(ctx, "") {
		if err != nil {
			p.say(name, "", err)
			return
		}
		p.say(name, "can be listed, first object "+o.Key, nil)
		return
	}
	p.say(name, "", errors.New("it can be listed and is empty"))
}

// target looks for the newest backup and reads its head.
func (p *patient) target(ctx context.Context, a *app, name string) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %s", listTimeout))
	defer cancel()
	j, err := a.job(name)
	if err != nil {
		p.say(name, "", err)
		return
	}
	found, err := a.pipeline.Look(ctx, j)
	if err != nil {
		p.say(name, "", err)
		return
	}
	age := p.sh.now().Sub(found.Artifact.MadeAt)
	p.say(name, fmt.Sprintf("newest backup %s, %s, %s old, %s %s",
		found.Artifact.Key, units.Bytes(found.Artifact.Bytes()), units.Duration(age),
		found.Manifest.Format, found.Manifest.ServerVersion), nil)
}

// sandboxes starts one of every kind and probes it.
func (p *patient) sandboxes(ctx context.Context, a *app) {
	if a.pipeline.NoServers != nil {
		p.note("not to be had", text.Clean(a.pipeline.NoServers.Error()))
	}
	if len(a.pipeline.Servers) == 0 {
		p.say("servers", "", fmt.Errorf("%w: only SQLite backups can be drilled", sandbox.ErrUnavailable))
	}
	for _, r := range append(slices.Clone(a.pipeline.Servers), a.pipeline.Local) {
		p.sandbox(ctx, a, r)
	}
}

func (p *patient) sandbox(ctx context.Context, a *app, r sandbox.Runner) {
	ctx, cancel := context.WithTimeoutCause(ctx, sandboxTimeout, fmt.Errorf("no answer within %s", sandboxTimeout))
	defer cancel()
	room, err := r.Room(ctx)
	if err != nil {
		p.say(r.Name(), "", err)
		return
	}
	p.say(r.Name()+" room", fmt.Sprintf("%g CPUs, %s of memory, %s of disk free",
		room.CPUs, units.Bytes(room.Memory), units.Bytes(room.FreeDisk)), nil)
	iso, err := a.pipeline.TryRunner(ctx, r, a.needs(ctx))
	var absent *sandbox.ImageError
	if errors.As(err, &absent) {
		p.note(r.Name(), fmt.Sprintf("not tried: %v", err))
		return
	}
	if err != nil {
		p.say(r.Name(), "", err)
		return
	}
	for _, probe := range iso.Probes {
		var bad error
		if !probe.OK {
			bad = errors.New(probe.Detail)
		}
		p.say(r.Name()+" "+probe.Name, probe.Detail, bad)
	}
}

// needs is what the first target that needs a server would be restored with, or a
// common server when there is none.
func (a *app) needs(ctx context.Context) engine.Needs {
	for _, name := range targetNames(a.cfg) {
		j, err := a.job(name)
		if err != nil {
			continue
		}
		if found, err := a.pipeline.Look(ctx, j); err == nil && found.Needs.Server != "" {
			if t := a.cfg.Targets[name]; t.Sandbox.Image != "" {
				found.Needs.Image = t.Sandbox.Image
			}
			return found.Needs
		}
	}
	return engines()[0].Needs(engine.Manifest{ServerVersion: "16"})
}
