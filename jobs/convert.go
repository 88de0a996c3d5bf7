package jobs

import (
	"lifeboat/engine"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

func artifactReport(a storage.Artifact) *verify.Artifact {
	return &verify.Artifact{
		Source: a.Source, Key: a.Key, Kind: string(a.Kind), Objects: len(a.Parts), Bytes: a.Bytes(),
		MadeAt: a.MadeAt, MadeAtFrom: a.MadeAtFrom, Version: a.Version(),
	}
}

func manifestReport(m engine.Manifest) *verify.Manifest {
	rep := &verify.Manifest{
		Engine: m.Engine, Format: m.Format, ServerVersion: m.ServerVersion, ToolVersion: m.ToolVersion,
		Compression: m.Compression, Database: m.Database,
		Extensions: m.Extensions, Roles: m.Roles, Objects: len(m.Objects),
	}
	if !m.MadeAt.IsZero() {
		at := m.MadeAt
		rep.MadeAt = &at
	}
	return rep
}

func sandboxReport(d sandbox.Description) *verify.Sandbox {
	return &verify.Sandbox{Runner: d.Runner, ID: d.ID, Image: d.Image}
}

// classNames are the public words for classes of restore errors.
var classNames = map[engine.ErrorClass]string{
	engine.Unclassified: "unclassified", engine.DataLost: "data_lost", engine.ExtensionAbsent: "extension_absent",
	engine.RoleAbsent: "role_absent", engine.Harmless: "harmless",
}

func restoreReport(r engine.Restored) *verify.Restore {
	rep := &verify.Restore{Tool: r.Tool, Exit: r.Exit, RolesCreated: r.RolesCreated}
	for class, n := range r.ErrorCount {
		if rep.Errors == nil {
			rep.Errors = map[string]int{}
		}
		rep.Errors[classNames[class]] = n
	}
	return rep
}

// tablesReport pairs restored rows with the dump's own count.
func tablesReport(measured []engine.Measured, census engine.Census) []verify.Table {
	counted := make(map[engine.Table]engine.Count, len(census.Tables))
	for _, c := range census.Tables {
		counted[c.Table] = c
	}
	tables := make([]verify.Table, 0, len(measured))
	for _, m := range measured {
		if m.Err != nil {
			continue
		}
		t := verify.Table{Table: m.Table, Rows: m.Rows}
		if c, ok := counted[m.Table]; ok {
			if c.Tree {
				t.Rows = m.Tree
			}
			t.DumpRows = &c.Rows
		}
		tables = append(tables, t)
	}
	return tables
}

func rowsOf(c engine.Census) int64 {
	var n int64
	for _, t := range c.Tables {
		n += t.Rows
	}
	return n
}

func rowsIn(measured []engine.Measured) int64 {
	var n int64
	for _, m := range measured {
		n += m.Rows
	}
	return n
}
