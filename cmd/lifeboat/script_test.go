package main

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine runs the stories of the command line. $LISTEN is an address of this machine
// that is free, and up waits until somebody answers at an address.
func TestCommandLine(t *testing.T) {
	needDocker(t, 15)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("LISTEN", l.Addr().String())
			return l.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"up": up},
	})
}

func up(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(serveTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(args[0]) // it is another process: there is nothing to be told by
		if err == nil {
			_ = res.Body.Close()
			return
		}
	}
	ts.Fatalf("nobody answers at %s", args[0])
}
