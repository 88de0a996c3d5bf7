package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lifeboat/configs"
	"lifeboat/history"
	"lifeboat/history/postgres"
	"lifeboat/history/sqlite"
	"lifeboat/internal/alive"
	"lifeboat/jobs"
	"lifeboat/sandbox"
	"lifeboat/sandbox/scratch"
	"lifeboat/storage"
	"lifeboat/verify/check"
)

// app is a Lifeboat that can drill: a configuration, its history and a pipeline.
type app struct {
	cfg      *configs.Config
	sources  map[string]storage.Source
	store    history.Store
	beacon   *alive.Beacon
	pipeline *jobs.Pipeline
	then     jobs.Consequences // of drills of the command line
}

// wireOptions say what else an app needs besides its configuration.
type wireOptions struct {
	scratch  string // parent of sandboxes on this machine; empty: in the temporary directory
	progress func(jobs.Event)
	stays    bool // it goes on for so long that a runner may come up meanwhile
}

// wire builds an app from a configuration. Runners that are not to be had are not an
// error here: a drill that needs one says so.
func (sh *shell) wire(ctx context.Context, cfg *configs.Config, o wireOptions) (*app, error) {
	a := &app{cfg: cfg, then: jobs.NoConsequences}
	var err error
	if a.sources, err = openSources(cfg); err != nil {
		return nil, usage(err)
	}
	if a.store, err = openHistory(ctx, cfg); err != nil {
		return nil, unable(err)
	}
	beacons, local := beaconDir(cfg)
	if a.beacon, err = alive.New(beacons); err != nil {
		return nil, unable(errors.Join(err, a.store.Close()))
	}
	installation, err := a.store.Installation(ctx)
	if err != nil {
		return nil, unable(errors.Join(err, a.close()))
	}
	log := sh.log()
	a.pipeline = &jobs.Pipeline{
		Engines:      engines(),
		Local:        scratch.New(scratch.Config{Dir: o.scratch, Log: log}),
		Checks:       check.Builtin(),
		History:      a.store,
		Installation: installation,
		Instance:     a.beacon.Instance(),
		Now:          sh.now,
		Machine:      time.Now,
		NewID:        newDrillID,
		Progress:     o.progress,
		Log:          log,
	}
	a.pipeline.Alive, a.pipeline.Shared = func(instance string) bool { return alive.Alive(beacons, instance) }, !local
	seek := sh.seekRunners(o.scratch)
	a.pipeline.Servers, a.pipeline.NoServers = seek(ctx)
	if o.stays {
		a.pipeline.FindServers = seek
	}
	return a, nil
}

// openHistory opens the database that a configuration names.
func openHistory(ctx context.Context, cfg *configs.Config) (history.Store, error) {
	if dsn, ok := cfg.Server.HistoryDSN(); ok {
		return postgres.Open(ctx, dsn)
	}
	path, _ := cfg.Server.HistoryPath()
	return sqlite.Open(ctx, path)
}

// beaconDir is where processes prove that they live, and whether all that share the
// history do so there: a database on a server is shared with other machines.
func beaconDir(cfg *configs.Config) (dir string, local bool) {
	if path, ok := cfg.Server.HistoryPath(); ok {
		return path + ".alive", true
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("lifeboat-%d.alive", os.Getuid())), false
}

// seekRunners opens the runners there are, by preference, and says why the others are not.
// It may be asked again: what was opened stays open.
func (sh *shell) seekRunners(dir string) func(context.Context) ([]sandbox.Runner, error) {
	opened := make(map[string]sandbox.Runner)
	return func(ctx context.Context) ([]sandbox.Runner, error) {
		var runners []sandbox.Runner
		var missing []error
		for _, k := range runnerKinds {
			if opened[k.name] == nil {
				r, err := k.open(ctx, dir, sh.log())
				if err != nil {
					missing = append(missing, fmt.Errorf("%s: %w", k.name, err))
					continue
				}
				opened[k.name] = r
			}
			runners = append(runners, opened[k.name])
		}
		return runners, errors.Join(missing...)
	}
}

// flushTimeout bounds sending what a drill of the command line has to tell.
const flushTimeout = 30 * time.Second

// alerting has the drills of the command line tell people as those of the service do. The
// returned function sends what waits; where a service runs as well, either may be first.
func (sh *shell) alerting(a *app) (flush func(context.Context), err error) {
	if len(a.cfg.Notifiers) == 0 {
		return func(context.Context) {}, nil
	}
	setup, err := buildSetup(a.cfg, a.sources, sh.now, sh.log())
	if err != nil {
		return nil, usage(err)
	}
	a.then = setup.Once(sh.now)
	s := &jobs.Service{Pipeline: a.pipeline, Store: a.store, Now: sh.now, NewID: newDrillID, Log: sh.log()}
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), flushTimeout, fmt.Errorf("sending took longer than %s", flushTimeout))
		defer cancel()
		if err := s.Flush(ctx, setup); err != nil {
			sh.log().WarnContext(ctx, "alerts stay in the outbox", "error", err)
		}
	}, nil
}

func (a *app) close() error {
	return errors.Join(a.beacon.Close(), a.store.Close())
}

// job is the drill that a target's configuration asks for.
func (a *app) job(name string) (jobs.Job, error) {
	if _, known := a.cfg.Targets[name]; !known {
		return jobs.Job{}, usage(fmt.Errorf("there is no target %q in the configuration; there are %s", name, quoted(targetNames(a.cfg))))
	}
	t, err := buildTarget(a.cfg, a.sources, name)
	return t.Job, usage(err)
}

// load reads the configuration file of the command line.
func (sh *shell) load() (*configs.Config, error) {
	cfg, err := configs.Load(sh.config)
	return cfg, usage(unread(err))
}

// unread adds what to do where the file itself was not read.
func unread(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w\nWrite one with lifeboat init, or name yours with --config", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w\nLifeboat runs as user %d here: let that user read the file", err, os.Getuid())
	}
	return err
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
	if err := a.pipeline.Reap(ctx, jobs.TakenOver(sh.now)); err != nil {
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
