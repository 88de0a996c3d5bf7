package main

import (
	"context"
	"net/url"
	"time"

	"lifeboat/configs"
	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/live"
	"lifeboat/web/metrics"
	"lifeboat/web/pages"
	"lifeboat/web/server"
)

// site makes the server of pages, API and metrics over a service that has not begun.
func (sh *shell) site(a *app, b *backend) (*server.Server, error) {
	log := b.log
	hub := live.New(a.store, live.Options{Now: time.Now, Log: log}) // connections have deadlines by the real clock
	dashboard, err := pages.New(pages.Config{Store: a.store, Service: b, Hub: hub, Now: sh.now, Version: versionName(), Log: log})
	if err != nil {
		return nil, err
	}
	programs, err := api.New(api.Config{Service: b, Store: a.store, Hub: hub, Now: sh.now, Log: log, Version: versionName()})
	if err != nil {
		return nil, err
	}
	m := metrics.New(metrics.Config{
		Service: b, Store: a.store, Now: sh.now, Log: log, Version: versionName(), LastTick: b.LastTick,
		Sandboxes: func(context.Context) (map[string]int, error) { return a.pipeline.Sandboxes(), nil },
	})
	counted := m.Watch(a.store) // drills are counted where they are recorded
	b.Store, b.Pipeline.History = counted, counted
	guard := access.New(access.Config{
		Store: a.store, Off: a.cfg.Server.Access == configs.AccessOff, Hosts: hosts(a.cfg.Server),
		Secure: a.cfg.Server.TLS != nil || scheme(a.cfg.Server.URL) == "https", Now: sh.now, Log: log, Form: dashboard.LoginForm, Page: dashboard.Problem,
	})
	c := server.Config{Guard: guard, Pages: dashboard, API: programs, Metrics: m.Handler(), Hub: hub, Now: time.Now, Log: log}
	if tls := a.cfg.Server.TLS; tls != nil {
		c.Cert, c.Key = tls.Cert, tls.Key
	}
	return server.New(c)
}

// hosts are the names besides those of loopback under which the page is reached.
func hosts(s configs.Server) []string {
	u, err := url.Parse(s.URL)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return []string{u.Hostname()}
}

func scheme(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme
}
