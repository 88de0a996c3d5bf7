//go:build !linux

// Package process restores with the server binaries of this very machine, for
// hosts without Docker and for the demo. It isolates with Linux namespaces and
// serves on Linux only.
package process

import (
	"fmt"
	"log/slog"

	"lifeboat/sandbox"
)

// Config says where sandboxes lie.
type Config struct {
	Dir string
	Log *slog.Logger
}

// Runner is never made on this operating system.
type Runner struct{ sandbox.Runner }

// New returns an error wrapping sandbox.ErrUnavailable.
func New(Config) (*Runner, error) {
	return nil, fmt.Errorf("process sandbox: %w: this operating system has no namespaces; use Docker", sandbox.ErrUnavailable)
}
