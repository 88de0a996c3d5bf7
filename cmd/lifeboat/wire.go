package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"lifeboat/configs"
	"lifeboat/history/sqlite"
	"lifeboat/internal/alive"
	"lifeboat/jobs"
	"lifeboat/sandbox"
	"lifeboat/sandbox/scratch"
	"lifeboat/storage"
	"lifeboat/storage/envelope"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

// app is a Lifeboat that can drill: a configuration, its record and a pipeline.
type app struct {
	cfg      *configs.Config
	store    *sqlite.Store
	beacon   *alive.Beacon
	beacons  string
	pipeline *jobs.Pipeline
}

// wireOptions say what else an app needs besides its configuration.
type wireOptions struct {
	scratch  string // parent of sandboxes on this machine; empty: in the temporary directory
	progress func(jobs.Event)
}

// wire builds an app from a configuration. Runners that are not to be had are not an
// error here: a drill that needs one says so.
func (sh *shell) wire(ctx context.Context, cfg *configs.Config, o wireOptions) (*app, error) {
	a := &app{cfg: cfg, beacons: beaconDir(cfg)}
	var err error
	if a.store, err = sqlite.Open(ctx, cfg.Server.History); err != nil {
		return nil, unable(err)
	}
	if a.beacon, err = alive.New(a.beacons); err != nil {
		return nil, unable(errors.Join(err, a.store.Close()))
	}
	installation, err := a.store.Installation(ctx)
	if err != nil {
		return nil, unable(errors.Join(err, a.close()))
	}
	log := sh.log()
	a.pipeline = &jobs.Pipeline{
		Sources:      map[string]storage.Source{},
		Engines:      engines(),
		Local:        scratch.New(scratch.Config{Dir: o.scratch, Log: log}),
		Checks:       check.Builtin(),
		History:      a.store,
		Installation: installation,
		Instance:     a.beacon.Instance(),
		Now:          sh.now,
		NewID:        newDrillID,
		Progress:     o.progress,
		Log:          log,
	}
	for name, c := range cfg.Sources {
		src, err := openSource(name, c)
		if err != nil {
			return nil, usage(errors.Join(err, a.close()))
		}
		a.pipeline.Sources[name] = src
	}
	a.pipeline.Servers, a.pipeline.NoServers = sh.runners(ctx, o.scratch)
	return a, nil
}

// runners opens the runners there are, by preference, and says why the others are not.
func (sh *shell) runners(ctx context.Context, dir string) ([]sandbox.Runner, error) {
	var runners []sandbox.Runner
	var missing []error
	for _, k := range runnerKinds {
		r, err := k.open(ctx, dir, sh.log())
		if err != nil {
			missing = append(missing, fmt.Errorf("%s: %w", k.name, err))
			continue
		}
		runners = append(runners, r)
	}
	return runners, errors.Join(missing...)
}

// reap cleans up after runs of this installation that died.
func (a *app) reap(ctx context.Context) error {
	return a.pipeline.Reap(ctx, func(instance string) bool { return alive.Alive(a.beacons, instance) })
}

func (a *app) close() error {
	return errors.Join(a.beacon.Close(), a.store.Close())
}

// beaconDir is where the processes that share a record prove that they live.
func beaconDir(cfg *configs.Config) string { return cfg.Server.History + ".alive" }

// job is the drill that a target's configuration asks for.
func (a *app) job(name string) (jobs.Job, error) {
	t, known := a.cfg.Targets[name]
	if !known {
		return jobs.Job{}, usage(fmt.Errorf("there is no target %q in the configuration; there are %s", name, quoted(targetNames(a.cfg))))
	}
	pattern, err := storage.ParsePattern(t.Match)
	if err != nil {
		return jobs.Job{}, usage(fmt.Errorf("target %s: %w", name, err))
	}
	checks, err := buildChecks(t.Checks)
	if err != nil {
		return jobs.Job{}, usage(fmt.Errorf("target %s: %w", name, err))
	}
	k := keys(t.Decrypt)
	if err := k.Check(); err != nil {
		return jobs.Job{}, usage(fmt.Errorf("target %s: %w", name, err))
	}
	job := jobs.Job{
		Target: verify.Target{
			Name: name, Source: t.Source, Match: t.Match, Engine: t.Engine,
			Objectives: verify.Objectives{RPO: t.Objectives.RPO, RTO: t.Objectives.RTO},
			Checks:     checks,
		},
		Pattern: pattern,
		Marker:  t.CompleteWhen,
		Opener:  envelope.New(k, envelope.Limits{Bytes: int64(t.Sandbox.Disk)}),
		Limits: sandbox.Limits{
			CPUs: t.Sandbox.CPUs, Memory: int64(t.Sandbox.Memory), Disk: int64(t.Sandbox.Disk), Pids: t.Sandbox.Pids,
		},
		Timeout: t.Sandbox.Timeout,
		Image:   t.Sandbox.Image,
	}
	if t.Sandbox.Runner != configs.RunnerAuto {
		job.Runner = t.Sandbox.Runner
	}
	for _, i := range t.Ignore {
		job.Target.Ignore = append(job.Target.Ignore, verify.Ignore{Code: i.Code, Subject: i.Subject, Reason: i.Reason})
	}
	return job, nil
}

func buildChecks(list []configs.CheckConfig) ([]verify.Check, error) {
	var checks []verify.Check
	for _, c := range list {
		built, err := checkKinds[c.Kind](c)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", c.Kind, err)
		}
		checks = append(checks, built)
	}
	return checks, nil
}

// keys reveals a target's keys to the one place that uses them.
func keys(d configs.Decrypt) envelope.Keys {
	var k envelope.Keys
	if d.Age != nil {
		k.AgeIdentity, k.AgePassphrase = d.Age.Identity.Reveal(), d.Age.Passphrase.Reveal()
	}
	if d.OpenPGP != nil {
		k.OpenPGPKey, k.OpenPGPPassphrase = d.OpenPGP.Key.Reveal(), d.OpenPGP.Passphrase.Reveal()
	}
	if d.OpenSSL != nil {
		k.OpenSSL = envelope.OpenSSLKey{
			Password: d.OpenSSL.Password.Reveal(), Cipher: d.OpenSSL.Cipher,
			Digest: d.OpenSSL.Digest, Iterations: d.OpenSSL.Iterations,
		}
	}
	return k
}

// load reads the configuration file of the command line.
func (sh *shell) load() (*configs.Config, error) {
	cfg, err := configs.Load(sh.config)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w\nWrite one with lifeboat init, or name yours with --config", err)
	}
	return cfg, usage(err)
}

// open loads the configuration, wires it and cleans up after runs that died.
func (sh *shell) open(ctx context.Context, o wireOptions) (*app, error) {
	cfg, err := sh.load()
	if err != nil {
		return nil, err
	}
	if o.progress == nil {
		o.progress = silent{}.Show
	}
	a, err := sh.wire(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	if err := a.reap(ctx); err != nil {
		return nil, unable(errors.Join(err, a.close()))
	}
	return a, nil
}

// newDrillID sorts by time and is unique without asking anybody.
func newDrillID(at time.Time) string {
	var salt [3]byte
	_, _ = rand.Read(salt[:]) // never fails since Go 1.24
	return at.UTC().Format("20060102-150405") + "-" + hex.EncodeToString(salt[:])
}
