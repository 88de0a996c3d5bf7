package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"lifeboat/configs"
	"lifeboat/engine"
	"lifeboat/engine/postgres"
	"lifeboat/engine/sqlite"
	"lifeboat/notify"
	"lifeboat/notify/email"
	"lifeboat/notify/pagerduty"
	"lifeboat/notify/service"
	"lifeboat/notify/slack"
	"lifeboat/notify/webhook"
	"lifeboat/sandbox"
	"lifeboat/sandbox/docker"
	"lifeboat/sandbox/process"
	"lifeboat/storage"
	"lifeboat/storage/dir"
	"lifeboat/storage/s3"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

// This file is the table of contents of the binary: what kinds of everything are
// built in. Adding one is a line here.

// sourceKinds make a source from its configuration.
var sourceKinds = map[string]func(name string, c configs.Source) (storage.Source, error){
	configs.KindS3: func(name string, c configs.Source) (storage.Source, error) {
		return s3.New(s3.Config{
			Name: name, Endpoint: c.Endpoint, Region: c.Region, Bucket: c.Bucket, Prefix: c.Prefix,
			AccessKey: c.AccessKey.Reveal(), SecretKey: c.SecretKey.Reveal(), SessionToken: c.SessionToken.Reveal(),
			Anonymous: c.Anonymous, CAFile: c.CAFile, Insecure: c.Insecure, PathStyle: c.PathStyle, AnswerTimeout: c.Timeout,
		})
	},
	configs.KindDir: func(name string, c configs.Source) (storage.Source, error) {
		return dir.New(name, c.Path)
	},
}

// engines are asked in this order whether a dump is theirs.
func engines() []engine.Engine {
	return []engine.Engine{postgres.New(), sqlite.New()}
}

// runnerKinds start sandboxes for engines that need a server, by preference. Those on
// this very machine lie below dir, or in the temporary directory when it is empty.
var runnerKinds = []struct {
	name string
	open func(ctx context.Context, dir string, log *slog.Logger) (sandbox.Runner, error)
}{
	{configs.RunnerDocker, func(ctx context.Context, _ string, log *slog.Logger) (sandbox.Runner, error) {
		return docker.New(ctx, docker.Config{Log: log, Pull: true})
	}},
	{configs.RunnerProcess, func(_ context.Context, dir string, log *slog.Logger) (sandbox.Runner, error) {
		return process.New(process.Config{Dir: dir, Log: log})
	}},
}

// checkKinds make a check from its configuration.
var checkKinds = map[string]func(c configs.CheckConfig) (verify.Check, error){
	configs.CheckRows: func(c configs.CheckConfig) (verify.Check, error) {
		table, err := engine.ParseTable(c.Rows.Table)
		return check.Rows{Table: table, Min: c.Rows.Min, Max: c.Rows.Max, Exact: c.Rows.Exact}, err
	},
	configs.CheckFresh: func(c configs.CheckConfig) (verify.Check, error) {
		table, err := engine.ParseTable(c.Fresh.Table)
		return check.Fresh{Table: table, Column: c.Fresh.Column, Within: c.Fresh.Within}, err
	},
	configs.CheckQuery: func(c configs.CheckConfig) (verify.Check, error) {
		q := c.Query
		built := check.Query{Title: q.Name, SQL: q.SQL, Timeout: q.Timeout}
		if q.Expect != nil {
			built.Expect = *q.Expect
			return built, nil
		}
		var err error
		built.Pattern, err = regexp.Compile(q.Pattern)
		return built, err
	},
}

// notifierKinds make a notifier from its configuration.
var notifierKinds = map[string]func(c configs.Notifier, now func() time.Time, log *slog.Logger) (notify.Notifier, error){
	configs.KindSlack: func(c configs.Notifier, _ func() time.Time, log *slog.Logger) (notify.Notifier, error) {
		return slack.New(slack.Config{
			Token: c.Token.Reveal(), Channel: c.Channel, WebhookURL: c.WebhookURL.Reveal(), API: c.API, Log: log,
		})
	},
	configs.KindWebhook: func(c configs.Notifier, now func() time.Time, _ *slog.Logger) (notify.Notifier, error) {
		return webhook.New(webhook.Config{URL: c.URL.Reveal(), Secret: c.Secret.Reveal(), Now: now})
	},
	configs.KindEmail: func(c configs.Notifier, _ func() time.Time, _ *slog.Logger) (notify.Notifier, error) {
		return email.New(email.Config{
			Server: c.Server, TLS: c.TLS, Username: c.Username, Password: c.Password.Reveal(), From: c.From, To: c.To,
		})
	},
	configs.KindPagerDuty: func(c configs.Notifier, _ func() time.Time, _ *slog.Logger) (notify.Notifier, error) {
		return pagerduty.New(pagerduty.Config{RoutingKey: c.RoutingKey.Reveal(), Endpoint: c.Endpoint})
	},
	configs.KindService: func(c configs.Notifier, _ func() time.Time, _ *slog.Logger) (notify.Notifier, error) {
		return service.New(service.Config{URL: c.URL.Reveal()})
	},
}

// openNotifier makes the notifier that c describes.
func openNotifier(name string, c configs.Notifier, now func() time.Time, log *slog.Logger) (notify.Notifier, error) {
	open, known := notifierKinds[c.Kind]
	if !known {
		return nil, fmt.Errorf("notifier %s: kind %q is not built in", name, c.Kind)
	}
	n, err := open(c, now, log)
	if err != nil {
		return nil, fmt.Errorf("notifier %s: %w", name, err)
	}
	return n, nil
}

// openSource makes the source that c describes.
func openSource(name string, c configs.Source) (storage.Source, error) {
	open, known := sourceKinds[c.Kind]
	if !known {
		return nil, fmt.Errorf("source %s: kind %q is not built in", name, c.Kind)
	}
	return open(name, c)
}
