// Command lifeboat proves that backups restore. It alone knows the concrete kinds of
// storage, sandbox, engine and check, prints, and exits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"lifeboat/jobs"
)

// gcPercent collects garbage at half the usual growth: what streams by is buffered in
// memory that is used again, so that collecting costs little and the service stays
// small however large the dump is.
const gcPercent = 50

func main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := interruptible(context.Background())
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible cancels the returned context with jobs.ErrInterrupted at the first signal;
// a second signal kills the process the ordinary way.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			cancel(jobs.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// shell is what every command shares: where it prints and how.
type shell struct {
	stdout, stderr io.Writer
	config         string // path of the configuration
	logLevel       slog.Level
	logFormat      string
	noColor        bool
	now            func() time.Time
	lease, pace    time.Duration // of the service; zero for its own
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	sh := &shell{stdout: stdout, stderr: stderr, now: time.Now}
	return sh.run(ctx, args)
}

func (sh *shell) run(ctx context.Context, args []string) int {
	root := sh.root()
	root.SetArgs(args)
	called, err := root.ExecuteContextC(ctx)
	var exit *exitError
	if err != nil && interrupted(ctx) && !(errors.As(err, &exit) && exit.code == exitInterrupted) {
		err = stopped("") // whatever else failed, failed because of it
	}
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(sh.stderr, "lifeboat:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(sh.stderr, "lifeboat:", err)
	fmt.Fprintf(sh.stderr, "Run %s --help for what is possible.\n", called.CommandPath())
	return exitUsage
}

func (sh *shell) root() *cobra.Command {
	var level string
	root := &cobra.Command{
		Use:   "lifeboat",
		Short: "Proves that your backups restore.",
		Long: `Lifeboat restores your newest backups for real, in a sandbox without any network,
asks the restored databases hard questions, and says passed, warned, failed (the
backup is bad) or errored (it could not tell), with the proof.

` + exitHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       versionName(),
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if sh.logFormat != logText && sh.logFormat != logJSON {
				return fmt.Errorf("--log-format: there is no form %q; there are text and json", sh.logFormat)
			}
			if sh.logLevel.UnmarshalText([]byte(level)) != nil {
				return fmt.Errorf("--log-level: there is no level %q; there are debug, info, warn and error", level)
			}
			return nil
		},
	}
	root.SetVersionTemplate("lifeboat {{.Version}}\n")
	root.SetOut(sh.stdout)
	root.SetErr(sh.stderr)
	flags := root.PersistentFlags()
	flags.StringVarP(&sh.config, "config", "c", "lifeboat.yaml", "configuration file")
	flags.StringVar(&level, "log-level", "warn", "debug, info, warn or error; of serve info if not set")
	flags.StringVar(&sh.logFormat, "log-format", logText, "text, or json: one object a line")
	flags.BoolVar(&sh.noColor, "no-color", false, "no colours, as with NO_COLOR set")
	root.AddCommand(
		sh.demoCommand(), sh.initCommand(), sh.drillCommand(), sh.serveCommand(), sh.tokenCommand(), sh.statusCommand(), sh.historyCommand(),
		sh.showCommand(), sh.checkConfigCommand(), sh.doctorCommand(), sh.versionCommand(),
	)
	return root
}

// one refuses all but a single argument, by its name.
func one(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s wants one %s, and was given %d", c.CommandPath(), name, len(args))
		}
		return nil
	}
}

// Forms of the log.
const (
	logText = "text" // for people
	logJSON = "json" // for programs that collect logs
)

// log writes to stderr, for people unless a program is to read it.
func (sh *shell) log() *slog.Logger {
	if sh.logFormat == logJSON {
		return slog.New(slog.NewJSONHandler(sh.stderr, &slog.HandlerOptions{Level: sh.logLevel}))
	}
	return slog.New(tint.NewTextHandler(sh.stderr, &tint.Options{
		Level: sh.logLevel, TimeFormat: time.TimeOnly, NoColor: !sh.color(sh.stderr),
	}))
}
