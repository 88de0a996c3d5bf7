package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"lifeboat/configs"
	"lifeboat/jobs"
	"lifeboat/jobs/cron"
	"lifeboat/notify"
	"lifeboat/notify/heartbeat"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/storage/envelope"
	"lifeboat/verify"
)

// settled is how long a backup in a folder must have been left alone before it is
// drilled as a new one: there is no other sign that a copy has ended. An object in a
// bucket appears whole.
const settled = time.Minute

// openSources makes the sources of a configuration.
func openSources(cfg *configs.Config) (map[string]storage.Source, error) {
	sources := make(map[string]storage.Source, len(cfg.Sources))
	for name, c := range cfg.Sources {
		src, err := openSource(name, c)
		if err != nil {
			return nil, err
		}
		sources[name] = src
	}
	return sources, nil
}

// buildSetup makes what the service runs on out of a configuration, whole or not at all.
func buildSetup(cfg *configs.Config, sources map[string]storage.Source, now func() time.Time, log *slog.Logger) (*jobs.Setup, error) {
	s := &jobs.Setup{
		Targets: make(map[string]jobs.Target, len(cfg.Targets)), Sources: sources, Concurrency: cfg.Server.Concurrency,
		Policy: notify.Policy{
			Repeat: cfg.Server.Alerts.Repeat, UnverifiedAfter: cfg.Server.Alerts.UnverifiedAfter,
			Warnings: cfg.Server.Alerts.Warnings, URL: strings.TrimRight(cfg.Server.URL, "/"),
		},
		Operators: cfg.Server.Operators, Notifiers: make(map[string]notify.Notifier, len(cfg.Notifiers)),
		Fallback: make(map[string]string), Heartbeat: beat(cfg.Server.Heartbeat),
	}
	var errs []error
	for name := range cfg.Targets {
		t, err := buildTarget(cfg, sources, name)
		errs = append(errs, err)
		s.Targets[name] = t
	}
	for name, c := range cfg.Notifiers {
		n, err := openNotifier(name, c, now, log)
		errs = append(errs, err)
		s.Notifiers[name] = n
		if c.Fallback != "" {
			s.Fallback[name] = c.Fallback
		}
	}
	if d := cfg.Server.Alerts; d.Digest != configs.DigestOff {
		digest, err := cron.Parse(d.Digest, d.DigestTimezone)
		errs = append(errs, err)
		s.Digest = digest
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// beat calls an address, nil when there is none.
func beat(address configs.Secret) jobs.Heartbeat {
	if address.IsZero() {
		return nil
	}
	return func(ctx context.Context) error { return heartbeat.Beat(ctx, address.Reveal()) }
}

// buildTarget makes one target out of a configuration.
func buildTarget(cfg *configs.Config, sources map[string]storage.Source, name string) (jobs.Target, error) {
	c := cfg.Targets[name]
	at := func(err error) (jobs.Target, error) { return jobs.Target{}, fmt.Errorf("target %s: %w", name, err) }
	job, err := buildJob(c, name, sources[c.Source])
	if err != nil {
		return at(err)
	}
	t := jobs.Target{
		Job: job, Spec: c.Schedule + " " + c.Timezone, OnNewBackup: c.Schedule == configs.OnNewBackup, Poll: c.Poll,
		Jitter: c.Jitter, MaxAgeProof: c.Objectives.MaxAgeProof, Owners: c.Notify, Operators: c.Operators, Heartbeat: beat(c.Heartbeat),
	}
	if t.Poll == 0 {
		t.Poll = cfg.Server.Poll
	}
	if cfg.Sources[c.Source].Kind == configs.KindDir {
		t.Settle = settled
	}
	if c.Schedule != "" && !t.OnNewBackup {
		schedule, err := cron.Parse(c.Schedule, c.Timezone)
		if err != nil {
			return at(err)
		}
		t.Schedule = schedule
	}
	if len(c.Maintenance) > 0 {
		windows, err := cron.ParseWindows(c.Maintenance, c.Timezone)
		if err != nil {
			return at(err)
		}
		t.Windows = windows
	}
	return t, nil
}

// buildJob is the drill that a target's configuration asks for.
func buildJob(t configs.Target, name string, src storage.Source) (jobs.Job, error) {
	pattern, err := storage.ParsePattern(t.Match)
	if err != nil {
		return jobs.Job{}, err
	}
	checks, err := buildChecks(t.Checks)
	if err != nil {
		return jobs.Job{}, err
	}
	k := keys(t.Decrypt)
	if err := k.Check(); err != nil {
		return jobs.Job{}, err
	}
	job := jobs.Job{
		Target: verify.Target{
			Name: name, Source: t.Source, Match: t.Match, Engine: t.Engine,
			Objectives: verify.Objectives{RPO: t.Objectives.RPO, RTO: t.Objectives.RTO},
			Checks:     checks,
		},
		Source:  src,
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
