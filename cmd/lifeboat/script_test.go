package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine runs the stories of the command line.
func TestCommandLine(t *testing.T) {
	needDocker(t, 15)
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}
