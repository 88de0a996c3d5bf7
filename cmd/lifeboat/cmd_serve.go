package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/jobs"
)

func (sh *shell) serveCommand() *cobra.Command {
	var demo bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run in the background: schedules, alerts, page, API, metrics",
		Long: `Drills every target when it is due, tells people what matters, and shows everything
on a page. It goes on until it is stopped: on SIGTERM or Ctrl-C running drills get
server.drain to end, and what still runs then is queued again. SIGHUP reads the
configuration again, all or nothing.

With --demo it opens the page on the demo's backups, good and broken ones, with a month
of made-up history. It needs no configuration and leaves nothing behind.`,
		Example: `  lifeboat serve --config /etc/lifeboat/lifeboat.yaml
  lifeboat serve --demo`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("log-level") {
				sh.logLevel = slog.LevelInfo // what happened at night is asked in the morning
			}
			if demo {
				return sh.serveDemo(c.Context())
			}
			return sh.serve(c.Context())
		},
	}
	cmd.Flags().BoolVar(&demo, "demo", false, "show the demo's backups and a month of made-up history")
	return cmd
}

// serve runs the service on a configuration.
func (sh *shell) serve(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // before all else: one that comes early would end the process
	defer signal.Stop(hangups)
	cfg, err := sh.load()
	if err != nil {
		return err
	}
	a, err := sh.wire(ctx, cfg, wireOptions{progress: silent{}.Show, stays: true})
	if err != nil {
		return err
	}
	defer a.close()
	var reloads sync.WaitGroup
	defer reloads.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return sh.host(ctx, a, sh.load, func(b *backend, address string) {
		reloads.Go(func() { b.reloadAt(ctx, hangups) })
		if sh.logFormat != logJSON { // a program that reads the log has the line above
			fmt.Fprintf(sh.stderr, "Lifeboat serves its page on %s\n", address)
		}
	})
}

// host runs the service and its server until ctx is over or one of them fails. reads reads the
// configuration again; up is called once the page is about to answer.
func (sh *shell) host(ctx context.Context, a *app, reads func() (*configs.Config, error), up func(b *backend, address string)) error {
	b := sh.backend(a, reads)
	pages, err := sh.site(a, b)
	if err != nil {
		return usage(err)
	}
	listener, err := net.Listen("tcp", a.cfg.Server.Listen)
	if err != nil {
		return unable(fmt.Errorf("listen on server.listen: %w", err))
	}
	if err := b.put(ctx, a.cfg); err != nil {
		return unable(errors.Join(err, listener.Close()))
	}
	b.log.InfoContext(ctx, "listening", "address", listener.Addr().String())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	served := make(chan error, 1)
	go func() {
		err := pages.Serve(ctx, listener)
		cancel(err) // nothing is left to be without its page
		served <- err
	}()
	up(b, pageAddress(a.cfg, listener.Addr().String()))
	err = b.Run(ctx)
	cancel(nil)
	return unable(errors.Join(err, <-served))
}

// backend makes the service over an app.
func (sh *shell) backend(a *app, reads func() (*configs.Config, error)) *backend {
	return &backend{
		Service: &jobs.Service{
			Pipeline: a.pipeline, Store: a.store, Now: sh.now, NewID: newDrillID, Log: a.pipeline.Log,
			Drain: a.cfg.Server.Drain, Lease: sh.lease, SendLease: sh.lease, Pace: sh.pace,
		},
		app: a, log: a.pipeline.Log, reads: reads,
	}
}

// reloadAt reads the configuration again at each signal, until ctx is over.
func (b *backend) reloadAt(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			b.Reload(ctx) // it logs what is wrong; there is nobody else to tell
		}
	}
}

// pageAddress is where people find the page.
func pageAddress(cfg *configs.Config, listens string) string {
	if cfg.Server.URL != "" {
		return cfg.Server.URL
	}
	if cfg.Server.TLS != nil {
		return "https://" + listens
	}
	return "http://" + listens
}
