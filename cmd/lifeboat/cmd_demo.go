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
	"lifeboat/engine/postgres"
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

func (sh *shell) demo(ctx context.Context) error {
	return sh.withDemo(ctx, func(a *app, backups int) error { return sh.drillDemo(ctx, a, backups) })
}

// withDemo sets the demo's storage and backups up, and removes them again.
func (sh *shell) withDemo(ctx context.Context, do func(a *app, backups int) error) (err error) {
	dir, dead, remove, err := demoDir()
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
	a, err := sh.wire(ctx, cfg, wireOptions{scratch: filepath.Join(dir, "scratch"), progress: silent{}.Show})
	if err != nil {
		return err
	}
	defer a.close()
	for _, old := range dead {
		if err := a.bury(ctx, old); err != nil {
			sh.log().WarnContext(ctx, "an earlier demo was killed and is not cleaned up", "error", err)
		}
	}
	return do(a, len(backups))
}

// drillDemo drills every target of the demo and explains what came out.
func (sh *shell) drillDemo(ctx context.Context, a *app, backups int) error {
	show := sh.newProgress(false, a.cfg.Server.Concurrency)
	defer show.Close()
	a.pipeline.Progress = show.Show
	names := targetNames(a.cfg)
	fmt.Fprintln(sh.stdout, text.Paragraph(fmt.Sprintf("This is a demo: an S3 storage inside this process holds %d backups of %d series, "+
		"some of them broken on purpose. The newest of each series is now restored in a sandbox and judged.",
		backups, len(names)), 0, sh.textOptions()))
	if why := withoutServer(ctx, a); why != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "shop") })
		fmt.Fprint(sh.stdout, "PostgreSQL is left out, because no sandbox for it can be had here:\n", reasons(why, sh.textOptions()), "\n")
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
		fmt.Fprintln(sh.stdout, text.Paragraph(demoEnd, 0, sh.textOptions()))
		fmt.Fprint(sh.stdout, demoNext)
	}
	return exitWith(code)
}

const demoEnd = `The failures were expected: those backups are broken on purpose, and a job that
only looks at exit codes would have called most of them fine. The exit code is 1
because a backup failed, as it would be for yours.`

const demoNext = `Next:
  lifeboat init s3://bucket/prefix   looks at your backups, writes lifeboat.yaml
  lifeboat doctor                    tries storage and sandbox
  lifeboat drill                     restores and judges your newest backups
  lifeboat serve --demo              shows all of this on a page
`

// demoNeeds is what the demo's PostgreSQL dumps are restored with.
func demoNeeds() engine.Needs {
	return postgres.New().Needs(engine.Manifest{ServerVersion: "15.0"})
}

// reasons writes what errors were joined into err, a paragraph each.
func reasons(err error, o text.Options) string {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var b strings.Builder
	for _, e := range list {
		b.WriteString(text.Paragraph(e.Error(), 2, o))
	}
	return b.String()
}
