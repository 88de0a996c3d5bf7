// Package sandbox is the contract of a throwaway, air-gapped place to restore
// into. It never restores into anything that Lifeboat did not create in the same
// run, and never leaves anything behind.
package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Errors of runners and sandboxes, all of them accidents on our side.
var (
	// ErrUnavailable means no sandbox can be had: no Docker daemon, no server
	// binaries, an operating system that cannot isolate.
	ErrUnavailable = errors.New("no sandbox can be started")
	// ErrImageAbsent means the image a dump needs is neither at hand nor to be pulled.
	// It comes wrapped in an *ImageError that names the image.
	ErrImageAbsent = errors.New("image is absent")
	// ErrOutOfRoom means the sandbox was stopped at one of its limits. It comes
	// wrapped in a *LimitError that names the limit.
	ErrOutOfRoom = errors.New("sandbox ran out of room")
	// ErrDeadline means the sandbox's own deadline passed.
	ErrDeadline = errors.New("sandbox reached its deadline")
	// ErrGone means the sandbox vanished under us: removed, or its daemon died.
	ErrGone = errors.New("sandbox is gone")
)

// Runner starts sandboxes of one kind.
type Runner interface {
	// Name is "docker", "process" or "in-process".
	Name() string
	// Start creates a sandbox and returns when commands can be run in it. When it
	// fails nothing is left behind. Cancelling ctx afterwards does not stop the
	// sandbox; Close does.
	Start(ctx context.Context, s Spec) (Sandbox, error)
	// Room reports what this runner's host has in all and free now.
	Room(ctx context.Context) (Room, error)
	// Sweep removes what earlier runs of the same installation left behind: every
	// sandbox whose deadline is before now, and, unless it was started to be kept,
	// every one whose instance is no longer alive. It returns the drills swept.
	Sweep(ctx context.Context, q SweepQuery) (drills []string, err error)
}

// SweepQuery says whose sandboxes to remove.
type SweepQuery struct {
	Installation string
	Now          time.Time
	// Alive reports whether the Lifeboat process that calls itself instance still runs.
	Alive func(instance string) bool
}

// Owner labels a sandbox, so that it can be found again after a crash.
type Owner struct {
	Installation string // one Lifeboat with its history
	Instance     string // one process of it
	Drill        string
	Target       string
}

// Limits bound a sandbox. Every one must be set.
type Limits struct {
	CPUs   float64
	Memory int64 // bytes
	Disk   int64 // bytes, dump and database together
	Pids   int64
}

// Spec asks for a sandbox.
type Spec struct {
	Owner    Owner
	Limits   Limits
	Deadline time.Time // the sandbox dies by itself then
	Keep     bool      // outlives its instance until the deadline
	Image    string    // for docker, "postgres:16"
	User     string    // unprivileged user commands run as; it must exist in the image or on the host
	// Server names the programs a process runner must find on the host
	// ("postgres"), with the major version wanted; empty for engines that need none.
	Server  string
	Version int
}

// Cmd is one command run inside a sandbox.
type Cmd struct {
	Args   []string // Args[0] is looked up on PATH
	Env    []string // added to the sandbox's own, "NAME=value"
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Endpoint is where a server inside a sandbox listens.
type Endpoint struct {
	Port   int    // on 127.0.0.1, used where Loopback is true
	Socket string // path of the unix socket inside the sandbox, used elsewhere
}

// Sandbox is a throwaway place. Methods may be called concurrently. Once the
// sandbox stopped by itself, all of them return the reason Err gives.
type Sandbox interface {
	// Describe says what this sandbox is made of.
	Describe() Description
	// Dir is a directory inside, empty at first, writable by the sandbox's user
	// and lying on the disk whose use is limited.
	Dir() string
	// Exec runs a command as the sandbox's user and returns its exit code. An
	// error means it could not be run or watched to its end. When ctx ends the
	// command may go on inside until Close. An error from Stdin is returned; the
	// command sees neither it nor the end of ctx as a clean end of its input.
	Exec(ctx context.Context, c Cmd) (exit int, err error)
	// Dial connects to a server inside. Closing the connection frees all it used.
	Dial(ctx context.Context, e Endpoint) (net.Conn, error)
	// Isolation probes from inside what can be reached and held. It is run anew
	// at each call.
	Isolation(ctx context.Context) (Isolation, error)
	// Usage is what the sandbox used so far.
	Usage(ctx context.Context) (Usage, error)
	// Stopped is closed when the sandbox stopped by itself: a limit, its deadline,
	// or because it vanished. Err then gives the reason.
	Stopped() <-chan struct{}
	Err() error
	// EndBy brings the deadline of a sandbox that is kept forward to t, for good: it holds
	// even when this process is gone by then. A later t than the deadline changes nothing.
	// It may be called once.
	EndBy(ctx context.Context, t time.Time) error
	// Close removes the sandbox and everything in it. It may be called twice.
	Close(ctx context.Context) error
}

// Description says what a sandbox is made of.
type Description struct {
	Runner   string
	ID       string // container id, or directory
	Image    string // with its digest where known; without images the server found on the host, or empty
	Loopback bool   // a server inside listens on 127.0.0.1 rather than on a unix socket only
	Enter    string // a command a person can type to look inside; empty when there is none
	Run      string // what a person types before a command to run it inside; empty where none runs
}

// Local is implemented by sandboxes that are a directory of this very machine, for
// engines that run inside Lifeboat itself.
type Local interface {
	// Path is Dir as a path of this machine.
	Path() string
}

// Isolation is what a probe inside a sandbox found.
type Isolation struct {
	Isolated bool
	Probes   []Probe
}

// Probe is one thing tried from inside.
type Probe struct {
	Name   string `json:"name"`   // "reach out", "network interfaces", "host mounts", "capabilities"
	OK     bool   `json:"ok"`     // true when the sandbox held
	Detail string `json:"detail"` // what was seen
}

// Usage is what a sandbox used.
type Usage struct {
	PeakMemory int64 // bytes
	PeakDisk   int64 // bytes
	CPU        time.Duration
}

// Room is what a host has.
type Room struct {
	CPUs               float64
	Memory, FreeMemory int64 // bytes
	Disk, FreeDisk     int64 // bytes; 0 when it cannot be known
	Detail             string
}

// LimitError says which limit stopped a sandbox. It wraps ErrOutOfRoom.
type LimitError struct {
	Limit string // "memory", "disk" or "pids"
	Bytes int64  // the limit; for pids a number of processes
	Used  int64  // what was seen, when known
}

// ImageError names the image that could not be had. It wraps ErrImageAbsent.
type ImageError struct {
	Image string
	Err   error // what the registry or daemon said
}
