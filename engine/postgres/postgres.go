// Package postgres restores what pg_dump and pg_dumpall write, with the dump's own
// version of PostgreSQL, and asks the restored databases questions.
//
// A dump is hostile code: all of it runs inside the sandbox. Nothing here opens a
// connection to a server that it did not start there itself, and no content of a row
// ever reaches an error, a log line or a message.
package postgres

import (
	"context"
	"strconv"
	"strings"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// Formats of PostgreSQL dumps, as Manifest.Format names them.
const (
	formatCustom    = "pg_dump custom"
	formatTar       = "pg_dump tar"
	formatDirectory = "pg_dump directory"
	formatPlain     = "pg_dump plain"
	formatCluster   = "pg_dumpall"
)

// newestMajor is the version assumed for a dump that does not tell its server's.
const newestMajor = 18

// Engine restores PostgreSQL dumps. It has no state.
type Engine struct{}

// New returns the engine.
func New() *Engine { return &Engine{} }

// Name implements engine.Engine.
func (*Engine) Name() string { return "postgres" }

// Inspect implements engine.Engine.
func (*Engine) Inspect(ctx context.Context, d engine.Dump) (engine.Manifest, error) {
	return inspect(ctx, d)
}

// Needs implements engine.Engine.
func (*Engine) Needs(m engine.Manifest) engine.Needs {
	major := serverMajor(m)
	return engine.Needs{
		Image:   imageFor(major, m.Extensions),
		User:    "postgres",
		Server:  "postgres",
		Version: major,
		Memory:  memoryFor,
		Disk:    func(stored int64) int64 { return diskFor(m, stored) },
	}
}

// Prepare implements engine.Engine.
func (*Engine) Prepare(box sandbox.Sandbox, m engine.Manifest, o engine.Options) engine.Loader {
	return &loader{
		box:      box,
		manifest: m,
		options:  o,
		server:   server{box: box, endpoint: endpointIn(box)},
	}
}

// serverMajor is the major version of the server to restore m on: that of the server
// the dump came from, unless its pg_restore cannot read what a newer pg_dump wrote.
func serverMajor(m engine.Manifest) int {
	from, tool := major(m.ServerVersion), major(m.ToolVersion)
	switch {
	case from == 0 && tool == 0:
		return newestMajor
	case from == 0:
		return tool
	}
	archive := m.Format == formatCustom || m.Format == formatTar || m.Format == formatDirectory
	if archive && archiveLevel(tool) > archiveLevel(from) {
		return tool
	}
	return from
}

// archiveLevel is the minor number of the archive format that pg_dump of a major
// version writes and that its pg_restore can read at most.
func archiveLevel(major int) int {
	switch {
	case major >= 17:
		return 16
	case major == 16:
		return 15
	case major >= 12:
		return 14
	case major >= 10:
		return 13
	}
	return 12
}

// major is the major version in "16.4", "9.6.24" (9) or "18beta1"; 0 when there is none.
func major(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	n, err := strconv.Atoi(version[:end])
	if err != nil {
		return 0
	}
	return n
}
