package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lifeboat/history"
	"lifeboat/verify/text"
)

func (sh *shell) historyCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "history TARGET",
		Short:   "List the drills of a target, newest first",
		Example: "  lifeboat history orders",
		Args:    one("TARGET"),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 1 {
				return usage(fmt.Errorf("--limit: %d drills cannot be listed", limit))
			}
			return sh.withRecord(c.Context(), func(ctx context.Context, a *app) error {
				if _, known := a.cfg.Targets[args[0]]; !known {
					if entries, err := a.store.List(ctx, history.Filter{Target: args[0], Limit: 1}); err != nil || len(entries) == 0 {
						return usage(errors.Join(err, fmt.Errorf("there is no target %q in the configuration or the record; there are %s",
							args[0], quoted(targetNames(a.cfg)))))
					}
				}
				entries, err := a.store.List(ctx, history.Filter{Target: args[0], Limit: limit})
				if err != nil {
					return unable(err)
				}
				if len(entries) == 0 {
					fmt.Fprintf(sh.stdout, "%s was never drilled. Drill it now: lifeboat drill %s\n", args[0], args[0])
					return nil
				}
				fmt.Fprint(sh.stdout, history.Table(entries, sh.textOptions()))
				return nil
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many drills to list")
	return cmd
}

func (sh *shell) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the last drill of every target",
		Long: `Shows the last drill of every target of the configuration that ended, as the
page does, and which targets are being drilled. It drills nothing.

Exit codes:
  0    all last drills passed or warned
  1    one found a failed backup
  2    one could not verify, or a target was never drilled
  3    usage or configuration
  130  interrupted`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.withRecord(c.Context(), sh.status)
		},
	}
}

// status prints the last drill of every target and ends with the code that a drill
// with these verdicts would.
func (sh *shell) status(ctx context.Context, a *app) error {
	var last []history.Entry
	var never, running []string
	for _, name := range targetNames(a.cfg) {
		st, err := a.store.Standing(ctx, name)
		if err != nil && !errors.Is(err, history.ErrNotFound) {
			return unable(err)
		}
		if st.Running != "" {
			running = append(running, fmt.Sprintf("%s is being drilled now, as %s.\n", name, st.Running))
		}
		if st.Last.ID == "" {
			never = append(never, name)
			continue
		}
		last = append(last, st.Last)
	}
	if len(last) > 0 {
		fmt.Fprint(sh.stdout, history.Table(last, sh.textOptions()))
	}
	for _, name := range never {
		fmt.Fprintf(sh.stdout, "%s was never drilled: nothing is known about its backups.\n", name)
	}
	for _, line := range running {
		fmt.Fprint(sh.stdout, line)
	}
	return exitWith(statusCode(last, len(never)))
}

func (sh *shell) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show DRILL",
		Short:   "Show one drill in full",
		Long:    "Shows the report of one drill, named by its id or the beginning of it.",
		Example: "  lifeboat show 20261123-050000-3f9a1c\n  lifeboat show --json 20261123-05 | jq .results",
		Args:    one("DRILL"),
		RunE: func(c *cobra.Command, args []string) error {
			return sh.withRecord(c.Context(), func(ctx context.Context, a *app) error {
				rep, err := a.store.Get(ctx, args[0])
				switch {
				case errors.Is(err, history.ErrNotFound):
					return usage(fmt.Errorf("%w; lifeboat history TARGET lists them", err))
				case errors.Is(err, history.ErrAmbiguous):
					return usage(err)
				case err != nil:
					return unable(err)
				case asJSON:
					return json.NewEncoder(sh.stdout).Encode(rep)
				}
				fmt.Fprintln(sh.stdout, text.Report(rep, sh.textOptions()))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// withRecord opens the record for a command that only reads it.
func (sh *shell) withRecord(ctx context.Context, do func(context.Context, *app) error) error {
	a, err := sh.open(ctx, wireOptions{})
	if err != nil {
		return err
	}
	defer a.close()
	return do(ctx, a)
}
