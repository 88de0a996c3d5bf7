package verify

import (
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// Schema names the form of a report.
const Schema = "lifeboat.report/v1"

// Report is the complete record of a drill. Alerts, pages and the API render it
// and look nothing up.
type Report struct {
	Schema  string  `json:"schema"`
	Drill   string  `json:"drill"`
	Target  string  `json:"target"`
	Verdict Verdict `json:"verdict"`

	Artifact   *Artifact   `json:"artifact,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"` // considered by locate, newest first
	Manifest   *Manifest   `json:"manifest,omitempty"`
	Results    []Result    `json:"results"`
	Tables     []Table     `json:"tables,omitempty"`
	Phases     []Phase     `json:"phases"`
	Restore    *Restore    `json:"restore,omitempty"`
	Sandbox    *Sandbox    `json:"sandbox,omitempty"`
	NotChecked []string    `json:"not_checked"` // what was not looked at, and why
	Error      string      `json:"error"`       // why the drill is errored, empty otherwise

	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
}

// Artifact is the backup that was drilled.
type Artifact struct {
	Source     string    `json:"source"`
	Key        string    `json:"key"`
	Kind       string    `json:"kind"`
	Objects    int       `json:"objects"`
	Bytes      int64     `json:"bytes"`
	SHA256     string    `json:"sha256,omitempty"` // of the stored bytes, parts in order
	MadeAt     time.Time `json:"made_at"`
	MadeAtFrom string    `json:"made_at_from"`
	Version    string    `json:"version,omitempty"`
	Layers     []string  `json:"layers,omitempty"` // envelope, outermost first: "age", "zstd"
}

// Candidate is one artifact that locate considered.
type Candidate struct {
	Key    string    `json:"key"`
	MadeAt time.Time `json:"made_at"`
	Bytes  int64     `json:"bytes"`
	Reason string    `json:"reason,omitempty"` // why it was not taken; empty for the one that was
}

// Manifest is what the dump said about itself.
type Manifest struct {
	Engine        string     `json:"engine"`
	Format        string     `json:"format"`
	ServerVersion string     `json:"server_version,omitempty"`
	ToolVersion   string     `json:"tool_version,omitempty"`
	Compression   string     `json:"compression,omitempty"`
	Database      string     `json:"database,omitempty"`
	MadeAt        *time.Time `json:"made_at,omitempty"`
	Extensions    []string   `json:"extensions,omitempty"`
	Roles         []string   `json:"roles,omitempty"`
	Objects       int        `json:"objects"`
	Bytes         int64      `json:"bytes,omitempty"` // of the dump, envelope opened
}

// Table is one table with its rows in the dump and after the restore.
type Table struct {
	engine.Table
	Rows     int64  `json:"rows"`
	DumpRows *int64 `json:"dump_rows,omitempty"` // absent when the dump could not be counted
}

// Phase is one timed part of a drill. Phases may overlap.
type Phase struct {
	Name    string  `json:"name"`
	Start   float64 `json:"start"` // seconds after the drill began
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes,omitempty"`
	Rows    int64   `json:"rows,omitempty"`
}

// Restore says how the restore tool did.
type Restore struct {
	Tool         string         `json:"tool"`
	Exit         int            `json:"exit"`
	Errors       map[string]int `json:"errors,omitempty"` // class -> lines
	RolesCreated []string       `json:"roles_created,omitempty"`
}

// Sandbox is the proof of where the restore took place and what it used.
type Sandbox struct {
	Runner     string          `json:"runner"`
	ID         string          `json:"id,omitempty"`
	Image      string          `json:"image,omitempty"`
	Isolated   bool            `json:"isolated"`
	Probes     []sandbox.Probe `json:"probes,omitempty"`
	PeakMemory int64           `json:"peak_memory"`
	PeakDisk   int64           `json:"peak_disk"`
	CPUSeconds float64         `json:"cpu_seconds"`
	KeptUntil  *time.Time      `json:"kept_until,omitempty"`
	Enter      string          `json:"enter,omitempty"` // how to look inside a kept one
}
