package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"lifeboat/configs"
	"lifeboat/internal/units"
)

func (sh *shell) checkConfigCommand() *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration file, and nothing else",
		Long: `Reads the configuration file and reports every mistake in it at once, with line and
column. It asks no storage: lifeboat doctor does that.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if schema {
				out, err := configs.Schema()
				if err != nil {
					return err
				}
				_, err = sh.stdout.Write(out)
				return err
			}
			cfg, err := sh.load()
			if err != nil {
				return err
			}
			// What each kind alone knows, a service would stumble over at its start.
			sources, err := openSources(cfg)
			if err != nil {
				return usage(err)
			}
			if _, err := buildSetup(cfg, sources, sh.now, sh.log()); err != nil {
				return usage(err)
			}
			fmt.Fprintf(sh.stdout, "%s is right: %s, %s.\n", sh.config,
				units.Counted(int64(len(cfg.Sources)), "source"), units.Counted(int64(len(cfg.Targets)), "target"))
			fmt.Fprintln(sh.stdout, "Next: lifeboat doctor tries storage and sandbox, lifeboat drill restores backups.")
			return nil
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the configuration, for editors")
	return cmd
}

// version is set when a release is linked.
var version = ""

func (sh *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(sh.stdout, "lifeboat", versionName())
			return nil
		},
	}
}

// versionName is the linked version, or what the build knows of its origin.
func versionName() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
