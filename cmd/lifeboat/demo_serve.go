package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/signal"
	"syscall"

	"lifeboat/configs"
	"lifeboat/history"
	"lifeboat/verify/text"
	"lifeboat/web"
)

// serveDemo opens the page on the demo's backups, after a month that was made up, and
// drills all of them for real.
func (sh *shell) serveDemo(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP) // its terminal was closed: nothing is to be left behind
	defer stop()
	return sh.withDemo(ctx, func(a *app, _ int) error {
		if why := withoutServer(ctx, a); why != nil {
			fmt.Fprint(sh.stderr, "PostgreSQL backups will be errored, because no sandbox for them can be had here:\n",
				reasons(why, sh.textOptions()), "\n")
		}
		for name, t := range a.cfg.Targets {
			t.Schedule = demoSchedule
			a.cfg.Targets[name] = t
		}
		a.cfg.Server.Listen = freeAddress(ctx, a.cfg.Server.Listen)
		a.cfg.Server.Drain = 0 // nobody waits for a demo to end
		past, ok := a.store.(history.Importer)
		if !ok {
			return unable(errors.New("the history cannot take the demo's past"))
		}
		if err := past.Import(ctx, demoMonth(sh.now())); err != nil {
			return unable(err)
		}
		unchanged := func() (*configs.Config, error) { return a.cfg, nil }
		return sh.host(ctx, a, unchanged, func(b *backend, address string) {
			fmt.Fprintln(sh.stderr, text.Paragraph("This is a demo: some of its backups are broken on purpose, and all are drilled for real now. "+
				"The month before today is made up. Stop it with Ctrl-C; it leaves nothing behind.", 0, sh.textOptions()))
			fmt.Fprintf(sh.stderr, "Open %s\n", address)
			for _, t := range b.Targets() {
				if _, _, err := b.Drill(ctx, web.Ask{Target: t.Name, By: "the demo"}); err != nil {
					b.log.WarnContext(ctx, "demo drill not queued", "target", t.Name, "error", err)
				}
			}
		})
	})
}

// freeAddress is address, or another of this machine when that is taken.
func freeAddress(ctx context.Context, address string) string {
	var l net.ListenConfig
	if try, err := l.Listen(ctx, "tcp", address); err == nil {
		_ = try.Close()
		return address
	}
	return "127.0.0.1:0"
}
