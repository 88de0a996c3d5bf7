package postgres

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"lifeboat/sandbox"
)

// bootTimeout bounds initdb and the start of the server, which take about a second.
const bootTimeout = 3 * time.Minute

var errBootTimeout = errors.New("server in the sandbox did not start in time")

// bootScript prints "bin=DIR" and "version=N" and returns when the server is ready.
//
//go:embed boot.sh
var bootScript string

// Boot implements engine.Loader.
func (l *loader) Boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTimeout, errBootTimeout)
	defer cancel()
	want := serverMajor(l.manifest)
	conf := settings(l.box, l.options.Limits, l.manifest, want)
	var out, complaints tail
	args := []string{"bash", "-c", bootScript, "boot", l.box.Dir(), strconv.Itoa(want)}
	exit, err := l.box.Exec(ctx, sandbox.Cmd{
		Args:   append(args, preloads(l.manifest.Extensions)...),
		Env:    []string{"LC_ALL=C"},
		Stdin:  strings.NewReader(conf),
		Stdout: &out,
		Stderr: &complaints,
	})
	if err != nil {
		return l.server.mishap(ctx, "start server", err)
	}
	if exit != 0 {
		err := fmt.Errorf("exit %d: %s", exit, complaints.String())
		return l.server.mishap(ctx, "start server", err)
	}
	return l.found(out.String())
}

// found reads what the boot script says it started.
func (l *loader) found(out string) error {
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "bin":
			l.bin = value
		case "version":
			l.version = value
			l.server.major = major(value)
		}
	}
	if l.bin == "" || l.server.major == 0 {
		return fmt.Errorf("start server: its version is unknown: %q", out)
	}
	return nil
}

// program is the path of one of the server's programs inside the sandbox.
func (l *loader) program(name string) string { return path.Join(l.bin, name) }

// tail keeps the last bytes written to it, as much as an error message can carry.
type tail struct{ buf bytes.Buffer }

// tailSize is enough for the last lines of a log.
const tailSize = 4096

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(t.buf.String()) }
