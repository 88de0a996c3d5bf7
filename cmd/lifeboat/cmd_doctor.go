package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/engine"
	"lifeboat/engine/postgres"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify/text"
)

func (sh *shell) doctorCommand() *cobra.Command {
	var notifiers bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try whether storage, sandbox and notifiers really work",
		Long: `Lists every source where its targets' backups lie, looks for the newest backup of
every target, starts a sandbox of every kind there is, with the image of every
target, proves that it is isolated, and looks for room. It restores nothing and
writes to no storage.

With --notify it tries nothing but the notifiers: it sends a test alert through each of
them, straight and not by way of the outbox and fallbacks, and says what the receivers
answer. People get these alerts; they say that they are a test. Look whether each arrived.

Exit codes:
  0    all is well
  2    something is to be mended before drills can be trusted
  3    usage or configuration
  130  interrupted`,
		Example: `  lifeboat doctor
  lifeboat doctor --notify`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if notifiers {
				return sh.tryNotifiers(c.Context())
			}
			return sh.doctor(c.Context())
		},
	}
	cmd.Flags().BoolVar(&notifiers, "notify", false, "send a test alert through every notifier, and try nothing else")
	return cmd
}

// Deadlines of the doctor's waits.
const (
	listTimeout    = 60 * time.Second
	sandboxTimeout = 90 * time.Second
	testTimeout    = 30 * time.Second // one test alert
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
func (p *patient) note(what, found string) {
	fmt.Fprintf(p.sh.stdout, "  note  %s: %s\n", text.Clean(what), text.Clean(found))
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
		for _, prefix := range prefixes(a.cfg, name) {
			p.source(ctx, name, prefix, a.sources[name])
		}
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
	fmt.Fprintln(sh.stdout, "All is well. Next: lifeboat drill.")
	return nil
}

// prefixes are what the keys of a source's targets begin with: a key may be limited to
// them. A source without targets is listed from its top.
func prefixes(cfg *configs.Config, source string) []string {
	found := map[string]bool{}
	for _, t := range cfg.Targets {
		if pattern, err := storage.ParsePattern(t.Match); err == nil && t.Source == source {
			found[pattern.Prefix()] = true
		}
	}
	if len(found) == 0 {
		return []string{""}
	}
	return slices.Sorted(maps.Keys(found))
}

// source asks for the first object below prefix: that takes an endpoint, keys and a bucket.
func (p *patient) source(ctx context.Context, name, prefix string, src storage.Source) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %s", listTimeout))
	defer cancel()
	for o, err := range src.List(ctx, prefix) {
		if err != nil {
			p.say(name, "", err)
			return
		}
		p.say(name, "can be listed, first object "+o.Key, nil)
		return
	}
	if prefix != "" { // the target's own line says what that means
		p.say(name, fmt.Sprintf("can be listed, nothing begins with %q", prefix), nil)
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
		p.note("not to be had", a.pipeline.NoServers.Error())
	}
	if len(a.pipeline.Servers) == 0 {
		p.say("servers", "", fmt.Errorf("%w: only SQLite backups can be drilled", sandbox.ErrUnavailable))
	}
	common := postgres.New().Needs(engine.Manifest{ServerVersion: "16"})
	wanted := a.needs(ctx)
	for i, r := range a.pipeline.Servers {
		tried := map[string]bool{}
		for _, w := range wanted {
			runner := a.cfg.Targets[w.target].Sandbox.Runner
			ours := r.Name() == runner || i == 0 && runner == configs.RunnerAuto
			if ours && !tried[w.needs.Image] {
				tried[w.needs.Image] = true
				p.sandbox(ctx, a, r, w.needs, w.target)
			}
		}
		if len(tried) == 0 {
			p.sandbox(ctx, a, r, common, "")
		}
	}
	p.sandbox(ctx, a, a.pipeline.Local, common, "")
}

// sandbox looks for room, and starts a sandbox of this kind. That its image is absent
// is bad only where a target would be drilled in it.
func (p *patient) sandbox(ctx context.Context, a *app, r sandbox.Runner, needs engine.Needs, target string) {
	ctx, cancel := context.WithTimeoutCause(ctx, sandboxTimeout, fmt.Errorf("no answer within %s", sandboxTimeout))
	defer cancel()
	room, err := r.Room(ctx)
	if err != nil {
		p.say(r.Name(), "", err)
		return
	}
	p.say(r.Name()+" room", roomText(room), nil)
	iso, err := a.pipeline.TryRunner(ctx, r, needs)
	var absent *sandbox.ImageError
	if errors.As(err, &absent) && target == "" {
		p.note(r.Name(), fmt.Sprintf("not tried: %v", err))
		return
	}
	if err != nil {
		p.say(strings.TrimSpace(r.Name()+" "+target), "", err)
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

// roomText does not call a disk full that is out of sight: that of a Docker elsewhere, or
// outside of Lifeboat's own container.
func roomText(r sandbox.Room) string {
	disk := units.Bytes(r.FreeDisk) + " of disk free"
	if r.Disk == 0 {
		disk = "its free disk cannot be seen from here"
	}
	return fmt.Sprintf("%g CPUs, %s of memory, %s", r.CPUs, units.Bytes(r.Memory), disk)
}

// wanted is what a target would be restored with.
type wanted struct {
	target string
	needs  engine.Needs
}

// needs lists the targets that need a server.
func (a *app) needs(ctx context.Context) []wanted {
	var all []wanted
	for _, name := range targetNames(a.cfg) {
		j, err := a.job(name)
		if err != nil {
			continue
		}
		if found, err := a.pipeline.Look(ctx, j); err == nil && found.Needs.Server != "" {
			if t := a.cfg.Targets[name]; t.Sandbox.Image != "" {
				found.Needs.Image = t.Sandbox.Image
			}
			all = append(all, wanted{name, found.Needs})
		}
	}
	return all
}
