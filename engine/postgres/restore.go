package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// Restore implements engine.Loader. It has no deadline of its own: a restore may
// rightly take hours, and the drill's deadline is the sandbox's.
func (l *loader) Restore(ctx context.Context, r engine.Received) (engine.Restored, error) {
	m := r.Manifest
	var res engine.Restored
	admin, err := l.admin(ctx)
	if err != nil {
		return res, err
	}
	defer admin.close(ctx)
	if m.Format != formatCluster { // pg_dumpall brings its own
		if res.RolesCreated, err = createRoles(ctx, admin, m.Roles); err != nil {
			return res, err
		}
	}
	target, notes, err := l.createDatabases(ctx, admin, m)
	if err != nil {
		return res, err
	}
	res.Notes, l.target = notes, target
	if err := l.runTool(ctx, r, target, &res); err != nil {
		return res, err
	}
	res.DB, err = l.open(ctx, admin, m, target)
	return res, err
}

// plainName is what needs no quotes, and is no connection string, on any command line.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Shell implements engine.Loader. A database of an unusual name is reached with \c from
// the one every server has.
func (l *loader) Shell() string {
	if l.target == "" {
		return ""
	}
	name := l.target
	if !plainName.MatchString(name) {
		name = "postgres"
	}
	return fmt.Sprintf("%s -h %s -U %s -d %s", l.program("psql"), l.box.Dir(), operator, name)
}

// admin connects to the maintenance database, as Lifeboat's own superuser, which it
// creates.
func (l *loader) admin(ctx context.Context) (*session, error) {
	s, err := l.server.connect(ctx, "postgres", "postgres")
	if err != nil {
		return nil, err
	}
	if _, err := s.run(ctx, "CREATE ROLE "+operator+" SUPERUSER LOGIN"); err != nil {
		s.close(ctx)
		return nil, l.server.accident(ctx, "create role "+operator, err)
	}
	return s, nil
}

// runTool runs pg_restore or psql on the dump and fills in what it said.
func (l *loader) runTool(ctx context.Context, r engine.Received, target string, res *engine.Restored) error {
	args, parallel := l.toolArgs(r.Manifest, target)
	res.Tool = toolName(r.Manifest, l.version, parallel)
	tables := int64(len(r.Census.Tables))
	said := newTranscript(l.server.major, func(done int64) {
		l.options.Progress(engine.Progress{Step: "restore", Done: min(done, tables), Total: tables, Unit: "tables"})
	})
	read := &positions{tell: func(at int64) {
		l.options.Progress(engine.Progress{Step: "restore", Done: min(at, r.Bytes), Total: r.Bytes, Unit: "bytes"})
	}}
	began := time.Now()
	exit, err := l.box.Exec(ctx, sandbox.Cmd{
		Args: args,
		Env: []string{
			"LC_ALL=C", "PGHOST=" + l.box.Dir(), "PGPORT=" + strconv.Itoa(port), "PGUSER=" + operator, "PGCLIENTENCODING=UTF8",
			"PGOPTIONS=-c lc_messages=C -c client_min_messages=warning -c statement_timeout=0 -c lock_timeout=0" +
				" -c idle_in_transaction_session_timeout=0 -c role=none",
		},
		Stdout: read,
		Stderr: said,
	})
	if err != nil {
		return l.server.mishap(ctx, "restore", err)
	}
	l.restoreTime = time.Since(began)
	said.Close()
	if err := l.ownFault(ctx, said); err != nil {
		return err
	}
	res.Exit = exit
	res.Errors, res.ErrorCount = said.verdict(exit)
	return nil
}

// psqlScript runs psql and tells how far it has read.
//
//go:embed psql.sh
var psqlScript string

// toolArgs is the command that restores m into database target; parallel is its
// number of jobs, 0 for a tool that has none.
func (l *loader) toolArgs(m engine.Manifest, target string) (args []string, parallel int) {
	if isScript(m) {
		return []string{"bash", "-c", psqlScript, "psql", l.dumpPath(), l.program("psql"), "-X", "-q", "-b", "-o", "/dev/null",
			"-v", "ON_ERROR_STOP=0", "-d", target, "-f", "-"}, 0
	}
	args = []string{l.program("pg_restore"), "--verbose", "--no-tablespaces", "-d", target}
	if m.Format != formatTar { // pg_restore reads a tar in one go only
		parallel = jobs(l.options.Limits)
		args = append(args, "-j", strconv.Itoa(parallel))
	}
	return append(args, l.dumpPath()), parallel
}

// isScript reports whether m is restored by psql.
func isScript(m engine.Manifest) bool { return m.Format == formatPlain || m.Format == formatCluster }

// toolName is the tool as reports show it: "pg_restore 16.4 -j 2".
func toolName(m engine.Manifest, version string, parallel int) string {
	name := "pg_restore "
	if isScript(m) {
		name = "psql "
	}
	if name += version; parallel > 0 {
		name += fmt.Sprintf(" -j %d", parallel)
	}
	return name
}

// positions reads the numbers that psqlScript writes, one a line.
type positions struct {
	tell func(int64)
	line []byte
}

// Write implements io.Writer. It never fails.
func (p *positions) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n':
			if n, err := strconv.ParseInt(string(p.line), 10, 64); err == nil {
				p.tell(n)
			}
			p.line = p.line[:0]
		case len(p.line) < 20:
			p.line = append(p.line, c)
		}
	}
	return len(b), nil
}

// ownFault is not nil when the restore failed for want of room or because the server
// died, which says nothing about the backup.
func (l *loader) ownFault(ctx context.Context, said *transcript) error {
	if err := l.box.Err(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("restore: %w", context.Cause(ctx))
	}
	limits := l.options.Limits
	switch {
	case said.noSpace:
		return fmt.Errorf("restore: %w", &sandbox.LimitError{Limit: "disk", Bytes: limits.Disk})
	case said.noMemory:
		return fmt.Errorf("restore: %w", &sandbox.LimitError{Limit: "memory", Bytes: limits.Memory})
	case !said.lostServer:
		return nil
	}
	if err := l.causeOfDeath(ctx); err != nil {
		return err
	}
	return l.reachable(ctx)
}

// reachable is nil unless the whole server is gone, which leaves nobody to log why.
func (l *loader) reachable(ctx context.Context) error {
	s, err := l.server.connect(ctx, "postgres", operator)
	switch {
	case errors.Is(err, engine.ErrServerGone):
		return fmt.Errorf("restore: %w", engine.ErrServerGone)
	case err != nil:
		return nil // a server answered, or whoever asks it next will tell
	}
	s.close(ctx)
	return nil
}

const (
	// obituary is how long a server may take to log why one of its processes died.
	obituary = 3 * time.Second
	lookPace = 50 * time.Millisecond
)

// causeOfDeath looks for it in the server's log: the tool may notice before that is
// written. It is nil when there is none, as when a dump ends sessions by itself.
func (l *loader) causeOfDeath(ctx context.Context) error {
	pace := time.NewTicker(lookPace)
	defer pace.Stop()
	enough := time.NewTimer(obituary)
	defer enough.Stop()
	for {
		log := l.serverLog(ctx)
		if strings.Contains(log, "terminated by signal 9") {
			return fmt.Errorf("restore: %w: %w", engine.ErrServerGone, &sandbox.LimitError{Limit: "memory", Bytes: l.options.Limits.Memory})
		}
		if _, rest, ok := strings.Cut(log, " was terminated by "); ok {
			what, _, _ := strings.Cut(rest, "\n")
			return fmt.Errorf("restore: %w: %s", engine.ErrServerGone, what)
		}
		if strings.Contains(log, "PANIC:") {
			return fmt.Errorf("restore: %w", engine.ErrServerGone)
		}
		select {
		case <-pace.C:
		case <-enough.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("restore: %w", context.Cause(ctx))
		}
	}
}

// serverLog is the server's log, as far as it was kept; empty when it cannot be read.
func (l *loader) serverLog(ctx context.Context) string {
	var b strings.Builder
	_, err := l.box.Exec(ctx, sandbox.Cmd{Args: []string{"head", "-c", "1048576", l.box.Dir() + "/server.log"}, Stdout: &b})
	if err != nil {
		return ""
	}
	return b.String()
}
