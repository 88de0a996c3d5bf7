package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/engine"
	"lifeboat/jobs"
	"lifeboat/verify/text"
)

func (sh *shell) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Try it with nothing set up",
		Long: `Starts an S3-compatible storage inside this process, puts backups into it, good ones
and broken ones, and drills them all for real. It leaves nothing behind and ends
with exit code 1, because the broken ones fail.

PostgreSQL is restored in Docker where that is reachable, else with the server
programs installed on this machine, else it is left out.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return sh.demo(c.Context()) },
	}
}

func (sh *shell) demo(ctx context.Context) (err error) {
	dir, remove, err := demoDir()
	if err != nil {
		return unable(err)
	}
	defer func() { err = errors.Join(err, unable(remove())) }()

	backups, err := demoBackups(dir, sh.now())
	if err != nil {
		return unable(err)
	}
	storage, err := startStorage(backups, sh.now(), sh.log())
	if err != nil {
		return unable(err)
	}
	defer storage.close()
	cfg, err := configs.Parse(filepath.Join(dir, "lifeboat.yaml"), demoConfig, func(name string) (string, bool) {
		return storage.endpoint, name == "DEMO_ENDPOINT"
	})
	if err != nil {
		return unable(err)
	}
	show := sh.newProgress(false, cfg.Server.Concurrency)
	defer show.Close()
	a, err := sh.wire(ctx, cfg, wireOptions{scratch: filepath.Join(dir, "scratch"), progress: show.Show})
	if err != nil {
		return err
	}
	defer a.close()
	return sh.drillDemo(ctx, a, len(backups), show)
}

// drillDemo drills every target of the demo and explains what came out.
func (sh *shell) drillDemo(ctx context.Context, a *app, backups int, show progress) error {
	fmt.Fprintf(sh.stdout, "This is a demo: an S3 storage inside this process holds %d backups, some of\n"+
		"them broken on purpose. Each is now restored in a sandbox and judged.\n\n", backups)
	names := targetNames(a.cfg)
	if why := withoutServer(ctx, a); why != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "shop") })
		fmt.Fprintf(sh.stdout, "PostgreSQL is left out, because no sandbox for it can be had here: %s\n\n", oneLine(why))
	}
	var batch []jobs.Job
	for _, name := range names {
		j, err := a.job(name)
		if err != nil {
			return err
		}
		batch = append(batch, j)
	}
	reports, err := sh.runDrills(ctx, a, batch, false)
	show.Close()
	if err != nil {
		return unable(err)
	}
	fmt.Fprintf(sh.stdout, "\n%s\n", text.Table(reports, sh.textOptions()))
	code := exitCode(reports)
	if code == exitFailed {
		fmt.Fprint(sh.stdout, demoEnd)
	}
	return exitWith(code)
}

const demoEnd = `The failures were expected: those backups are broken on purpose, and a job that
only looks at exit codes would have called most of them fine. The exit code is 1
because a backup failed, as it would be for yours.

Next:
  lifeboat init s3://bucket/prefix   looks at your backups, writes lifeboat.yaml
  lifeboat doctor                    tries storage and sandbox
  lifeboat drill                     restores and judges your newest backups
`

// demoNeeds is what the demo's PostgreSQL dumps are restored with.
func (*app) demoNeeds() engine.Needs {
	return engines()[0].Needs(engine.Manifest{Engine: "postgres", ServerVersion: "15.0"})
}

// oneLine joins the lines of an error.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
