package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifeboat/configs"
	"lifeboat/history"
	"lifeboat/jobs"
	"lifeboat/jobs/cron"
	"lifeboat/storage"
	"lifeboat/verify"
	"lifeboat/web"
)

// backend is what pages and API ask of the service that runs in this process.
type backend struct {
	*jobs.Service
	app        *app
	log        *slog.Logger
	reads      func() (*configs.Config, error) // the configuration file
	reload     sync.Mutex                      // one reload at a time
	inForce    atomic.Pointer[[]web.Target]
	cfg        atomic.Pointer[configs.Config]
	conditions lastConditions
}

var _ web.Service = (*backend)(nil)

// peculiarAhead is how far ahead pages tell of changes of the clock.
const peculiarAhead = 365 * 24 * time.Hour

// put puts a configuration in force, all or nothing.
func (b *backend) put(ctx context.Context, cfg *configs.Config) error {
	setup, err := buildSetup(cfg, b.app.sources, b.Now, b.log)
	if err != nil {
		return err
	}
	targets := describe(cfg)
	if b.Setup() == nil {
		err = b.Start(ctx, setup)
	} else {
		err = b.Use(ctx, setup)
	}
	if err != nil {
		return err
	}
	b.cfg.Store(cfg)
	b.inForce.Store(&targets)
	return nil
}

// describe tells pages about the targets of a configuration: what lists of them show.
func describe(cfg *configs.Config) []web.Target {
	var list []web.Target
	for _, name := range targetNames(cfg) {
		c := cfg.Targets[name]
		t := web.Target{
			Name: name, Source: c.Source, Match: c.Match, Schedule: c.Schedule, Timezone: c.Timezone,
			RPO: c.Objectives.RPO, RTO: c.Objectives.RTO, MaxAgeProof: c.Objectives.MaxAgeProof,
			Owners: c.Notify, Operators: c.Operators,
		}
		if t.Operators == nil {
			t.Operators = cfg.Server.Operators
		}
		list = append(list, t)
	}
	return list
}

// Targets implements web.Service.
func (b *backend) Targets() []web.Target { return *b.inForce.Load() }

// Target implements web.Service.
func (b *backend) Target(name string) (web.Target, bool) {
	t, known := web.Find(b.Targets(), name)
	if !known {
		return web.Target{}, false
	}
	written, err := b.cfg.Load().Redacted(name)
	if err != nil {
		written = []byte("# It cannot be shown: " + err.Error() + "\n")
	}
	t.Config = string(written)
	if schedule, ok := b.Setup().Targets[name].Schedule.(cron.Schedule); ok {
		now := b.Now()
		t.Peculiar = schedule.Peculiar(now, now.Add(peculiarAhead))
		t.Upcoming = func(after time.Time, n int) []time.Time { return upcoming(schedule, after, n) }
	}
	return t, true
}

// upcoming are the next n occurrences of a schedule.
func upcoming(s cron.Schedule, after time.Time, n int) []time.Time {
	var list []time.Time
	for range n {
		if after = s.Next(after); after.IsZero() {
			break
		}
		list = append(list, after)
	}
	return list
}

// Drill implements web.Service.
func (b *backend) Drill(ctx context.Context, a web.Ask) (string, bool, error) {
	t, known := b.Setup().Targets[a.Target]
	if !known {
		return "", false, fmt.Errorf("%w: %s", web.ErrNoTarget, a.Target)
	}
	if a.Backup != "" {
		ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %s", listTimeout))
		defer cancel()
		if _, err := storage.Pick(ctx, t.Source, a.Backup); errors.Is(err, storage.ErrNotFound) {
			return "", false, fmt.Errorf("%w: %s", web.ErrNoBackup, a.Backup)
		}
	}
	now := b.Now()
	return b.Store.Enqueue(ctx, history.Drill{
		ID: b.NewID(now), Target: a.Target, Trigger: history.Manual, Priority: history.PriorityManual,
		Asked: now, By: a.By, Backup: a.Backup, Attempt: 1,
	})
}

// Cancel implements web.Service.
func (b *backend) Cancel(ctx context.Context, drill, by string) error {
	_, err := b.Store.Cancel(ctx, drill, by, b.Now())
	return err
}

// Artifacts implements web.Service.
func (b *backend) Artifacts(ctx context.Context, target string) ([]verify.Candidate, error) {
	t, known := b.Setup().Targets[target]
	if !known {
		return nil, fmt.Errorf("%w: %s", web.ErrNoTarget, target)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %s", listTimeout))
	defer cancel()
	found, err := storage.Locate(ctx, t.Source, storage.Query{Pattern: t.Pattern, Marker: t.Marker, Now: b.Now()})
	if err != nil {
		return nil, err
	}
	list := make([]verify.Candidate, 0, len(found.Artifacts))
	for _, a := range found.Artifacts {
		list = append(list, verify.Candidate{Key: a.Key, MadeAt: a.MadeAt, Bytes: a.Bytes(), Reason: a.Unfinished})
	}
	return list, nil
}

// Reload implements web.Service. Whoever asked for it, the log tells how it went.
func (b *backend) Reload(ctx context.Context) error {
	b.reload.Lock()
	defer b.reload.Unlock()
	err := b.reloadFile(ctx)
	b.ReloadFailed(err)
	b.conditions.forget()
	if err != nil {
		b.log.ErrorContext(ctx, "configuration not put in force", "error", err)
		return fmt.Errorf("%w: %w", web.ErrConfig, err)
	}
	b.log.InfoContext(ctx, "configuration put in force", "targets", len(b.Targets()))
	return nil
}

func (b *backend) reloadFile(ctx context.Context) error {
	cfg, err := b.reads()
	if err != nil {
		return err
	}
	if err := restartNeeded(b.cfg.Load().Server, cfg.Server); err != nil {
		return err
	}
	sources, err := openSources(cfg)
	if err != nil {
		return err
	}
	old := b.app.sources
	b.app.sources = sources
	if err := b.put(ctx, cfg); err != nil {
		b.app.sources = old
		return err
	}
	return nil
}

// restartNeeded refuses changes that only a start can put in force, all of them at once.
func restartNeeded(before, now configs.Server) error {
	var changed []string
	for key, same := range map[string]bool{
		"server.listen": before.Listen == now.Listen, "server.access": before.Access == now.Access,
		"server.history": before.History.Equal(now.History), "server.drain": before.Drain == now.Drain,
		"server.url": before.URL == now.URL,
		"server.tls": (before.TLS == nil) == (now.TLS == nil) && (before.TLS == nil || *before.TLS == *now.TLS),
	} {
		if !same {
			changed = append(changed, key)
		}
	}
	slices.Sort(changed)
	switch n := len(changed); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("a change of %s needs a restart of Lifeboat", changed[0])
	default:
		return fmt.Errorf("changes of %s and %s need a restart of Lifeboat", strings.Join(changed[:n-1], ", "), changed[n-1])
	}
}

// Appeared implements web.Service.
func (b *backend) Appeared(_ context.Context, bucket, key string) int {
	n := 0
	for name, c := range b.cfg.Load().Sources {
		if c.Kind != configs.KindS3 || c.Bucket != bucket {
			continue
		}
		top := strings.Trim(c.Prefix, "/")
		if top != "" {
			top += "/"
		}
		if below, ok := strings.CutPrefix(key, top); ok {
			n += b.Service.Appeared(name, below)
		}
	}
	return n
}

// Conditions implements web.Service.
func (b *backend) Conditions(ctx context.Context) []web.Condition {
	return b.conditions.get(ctx, func(ctx context.Context) []web.Condition {
		var list []web.Condition
		for _, c := range b.Service.Conditions(ctx) {
			list = append(list, web.Condition(c))
		}
		return list
	})
}

// Coverage implements web.Service.
func (b *backend) Coverage(ctx context.Context) (web.Coverage, error) {
	found, err := b.Service.Coverage(ctx)
	c := web.Coverage{At: found.At}
	for _, one := range found.Sources {
		sc := web.SourceCoverage{Source: one.Source, Error: one.Error, Backups: one.Backups, Covered: one.Covered}
		for _, u := range one.Uncovered {
			sc.Uncovered = append(sc.Uncovered, web.Uncovered{
				Prefix: folderOf(u.Example), Backups: u.Count, Bytes: u.Bytes, Newest: u.Newest, Example: u.Example, Pattern: u.Pattern,
			})
		}
		c.Sources = append(c.Sources, sc)
	}
	return c, err
}

// folderOf is the part of a key up to its last slash.
func folderOf(key string) string { return key[:strings.LastIndex(key, "/")+1] }
