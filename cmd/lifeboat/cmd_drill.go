package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/jobs"
	"lifeboat/storage"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

func (sh *shell) drillCommand() *cobra.Command {
	var backup, keep, server string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "drill [TARGET...]",
		Short: "Drill now: restore the newest backup and judge it",
		Long: `Finds the newest backup of each target (all of the configuration when none is
named), restores it in a sandbox, checks the restored database and prints the
verdict with its proof.

With --server the drills join the queue of a Lifeboat that runs as a service, and this
command waits for them. It needs no configuration then; a token for the server is
taken from ` + tokenVariable + `. A certificate of your own authority is trusted where
SSL_CERT_FILE names the authority.

` + exitHelp,
		Example: `  lifeboat drill orders
  lifeboat drill orders --backup postgres/orders/orders-20260602T050000Z.dump
  lifeboat drill --json | jq -r .verdict
  lifeboat drill --server https://lifeboat.example.com orders`,
		RunE: func(c *cobra.Command, args []string) error {
			o := drillOptions{targets: args, backup: backup, json: asJSON}
			if keep != "" {
				d, err := units.ParseDuration(keep)
				if err != nil {
					return usage(fmt.Errorf("--keep: %w", err))
				}
				if d <= 0 {
					return usage(fmt.Errorf("--keep: %s is no time to look inside", keep))
				}
				o.keep = d
			}
			if server != "" {
				return sh.drillRemotely(c.Context(), server, o)
			}
			return sh.drill(c.Context(), o)
		},
	}
	cmd.Flags().StringVar(&backup, "backup", "", "drill the backup with this key instead of the newest")
	cmd.Flags().StringVar(&keep, "keep", "", "keep the sandbox that long to look inside, such as 2h")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one report a line on stdout, and nothing else there")
	cmd.Flags().StringVar(&server, "server", "", "have a Lifeboat service drill, such as http://127.0.0.1:8080")
	return cmd
}

type drillOptions struct {
	targets []string
	backup  string
	keep    time.Duration
	json    bool
}

func (sh *shell) drill(ctx context.Context, o drillOptions) error {
	cfg, err := sh.load()
	if err != nil {
		return err
	}
	if len(o.targets) == 0 {
		o.targets = targetNames(cfg)
	}
	o.targets = unique(o.targets)
	if o.backup != "" && len(o.targets) != 1 {
		return usage(errors.New("--backup wants exactly one target, whose backup it is"))
	}
	show := sh.newProgress(o.json, min(len(o.targets), cfg.Server.Concurrency))
	defer show.Close()
	a, err := sh.open(ctx, wireOptions{progress: show.Show})
	if err != nil {
		return err
	}
	defer a.close()

	var batch []jobs.Job
	for _, name := range o.targets {
		j, err := a.job(name)
		if err != nil {
			return err
		}
		j.Backup, j.Keep = o.backup, o.keep
		batch = append(batch, j)
	}
	if err := a.knows(ctx, o.backup, batch); err != nil {
		return err
	}
	flush, err := sh.alerting(a)
	if err != nil {
		return err
	}
	defer flush(ctx)
	reports, err := sh.runDrills(ctx, a, batch, o.json)
	show.Close()
	return sh.conclude(ctx, reports, err, o.json)
}

// drillRemotely has a service drill and waits for it.
func (sh *shell) drillRemotely(ctx context.Context, address string, o drillOptions) error {
	if o.keep > 0 {
		return usage(errors.New("--keep is for drills of this machine: the sandbox of a service is on its own host"))
	}
	r, err := dialRemote(address)
	if err != nil {
		return usage(err)
	}
	if len(o.targets) == 0 {
		if o.targets, err = r.targets(ctx); err != nil {
			return refusedWith(err)
		}
	}
	o.targets = unique(o.targets)
	if o.backup != "" && len(o.targets) != 1 {
		return usage(errors.New("--backup wants exactly one target, whose backup it is"))
	}
	queued := make(map[string]string) // id of the drill by target
	var errs []error
	for _, name := range o.targets {
		id, err := r.start(ctx, name, o.backup)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue // the others are drilled all the same
		}
		queued[name] = id
	}
	if len(queued) == 0 {
		return refusedWith(errors.Join(errs...))
	}
	var reports []verify.Report
	for _, name := range o.targets {
		id, ok := queued[name]
		if !ok {
			continue
		}
		rep, err := r.follow(ctx, id, func(words string) { fmt.Fprintf(sh.stderr, "%s: %s\n", name, words) })
		if interrupted(ctx) {
			return stopped(": the drills go on at the server; cancel them on its page or through its API")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		reports = append(reports, rep)
		if o.json {
			errs = append(errs, json.NewEncoder(sh.stdout).Encode(rep))
		}
	}
	return sh.conclude(ctx, reports, errors.Join(errs...), o.json)
}

// conclude prints reports, unless they were printed one by one, and ends the command with
// the code they deserve.
func (sh *shell) conclude(ctx context.Context, reports []verify.Report, err error, printed bool) error {
	if !printed {
		sh.printReports(reports)
	}
	if interrupted(ctx) {
		return err
	}
	if code := exitCode(reports); code != exitGood || err == nil {
		if err != nil {
			fmt.Fprintln(sh.stderr, "lifeboat:", err)
		}
		return exitWith(code)
	}
	return unable(err)
}

// knows refuses a key that no object has: a slip of the pen says nothing about any
// backup and belongs in no record. What else is wrong with it the drill will tell.
func (a *app) knows(ctx context.Context, key string, batch []jobs.Job) error {
	if key == "" {
		return nil
	}
	_, err := storage.Pick(ctx, batch[0].Source, key)
	if errors.Is(err, storage.ErrNotFound) {
		return usage(fmt.Errorf("source %s holds no backup %q; --backup wants its whole key, as reports and the storage show it",
			batch[0].Target.Source, key))
	}
	return nil
}

// runDrills drills the batch, as many at once as the configuration allows, and
// returns the reports in the order of the batch. With asJSON each is printed when it
// is ready. When a person stops it the error has the exit code of that.
func (sh *shell) runDrills(ctx context.Context, a *app, batch []jobs.Job, asJSON bool) ([]verify.Report, error) {
	reports := make([]*verify.Report, len(batch))
	var mu sync.Mutex
	err := jobs.Each(a.cfg.Server.Concurrency, batch, func(i int, j jobs.Job) error {
		if interrupted(ctx) {
			return nil // not begun
		}
		rep, err := a.pipeline.Drill(ctx, j, a.then)
		var running *history.RunningError
		if errors.As(err, &running) {
			return running
		}
		if rep.Drill == "" {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		reports[i] = &rep
		if asJSON {
			err = errors.Join(err, json.NewEncoder(sh.stdout).Encode(rep))
		}
		return err
	})
	var done []verify.Report
	for _, r := range reports {
		if r != nil {
			done = append(done, *r)
		}
	}
	if interrupted(ctx) {
		return done, stopped(undrilled(done, len(batch)))
	}
	return done, err
}

// undrilled says how much of a batch was not drilled to its end.
func undrilled(done []verify.Report, batch int) string {
	for _, r := range done {
		if !has(r, verify.Interrupted) {
			batch--
		}
	}
	if batch == 0 {
		return ""
	}
	return ": " + units.Counted(int64(batch), "target") + " not drilled to the end"
}

// printReports prints one drill in full, or several as full findings and a table.
func (sh *shell) printReports(reports []verify.Report) {
	o := sh.textOptions()
	for _, r := range reports {
		if len(reports) == 1 || !r.Verdict.Good() {
			fmt.Fprintln(sh.stdout, text.Report(r, o))
		}
	}
	if len(reports) > 1 {
		fmt.Fprint(sh.stdout, text.Table(reports, o))
	}
}

func (sh *shell) textOptions() text.Options {
	width, _ := terminal(sh.stdout)
	return text.Options{Color: sh.color(sh.stdout), Width: width, Now: sh.now()}
}

func targetNames(cfg *configs.Config) []string {
	return slices.Sorted(maps.Keys(cfg.Targets))
}

// unique leaves out names that were given before.
func unique(names []string) []string {
	var once []string
	for _, n := range names {
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return strings.Join(q, ", ")
}
