package history

import (
	"cmp"
	"slices"
	"time"

	"lifeboat/verify"
)

// Past is what later drills compare themselves with, out of a finished report. Stores
// build their baselines with it, so that all of them learn the same.
func Past(r verify.Report) verify.Past {
	p := verify.Past{Drill: r.Drill, Finished: r.Finished, Tables: make(map[string]int64, len(r.Tables))}
	if a := r.Artifact; a != nil {
		p.Key, p.SHA256, p.MadeAt, p.Bytes = a.Key, a.SHA256, a.MadeAt, a.Bytes
	}
	for _, t := range r.Tables {
		p.Tables[t.Table.String()] = t.Rows
	}
	p.Load = RestoreTime(r)
	return p
}

// chartTables is how many tables of a drill charts can choose from.
const chartTables = 100

// Largest are the rows of the tables with most rows, by name: all tables, unless there are very many.
func Largest(tables []verify.Table) map[string]int64 {
	if len(tables) > chartTables {
		tables = slices.Clone(tables)
		slices.SortStableFunc(tables, func(a, b verify.Table) int { return cmp.Compare(b.Rows, a.Rows) })
		tables = tables[:chartTables]
	}
	rows := make(map[string]int64, len(tables))
	for _, t := range tables {
		rows[t.Table.String()] = t.Rows
	}
	return rows
}

// RestoreTime is the time from the first byte fetched to the end of the restore, which
// an RTO is compared with; zero when no restore ended.
func RestoreTime(r verify.Report) time.Duration {
	var began, ended time.Duration
	fetched := false
	for _, phase := range r.Phases {
		start := time.Duration(phase.Start * float64(time.Second))
		switch phase.Name {
		case "fetch":
			began, fetched = start, true
		case "restore", "load": // load: in reports of the first version
			if !fetched {
				began = start
			}
			ended = start + time.Duration(phase.Seconds*float64(time.Second))
		}
	}
	if r.Restore == nil {
		return 0
	}
	return max(0, ended-began)
}

// InterruptedReport is the report of a drill whose process died under it. It says
// nothing about the backup.
func InterruptedReport(e Entry, now time.Time) verify.Report {
	const detail = "Lifeboat was stopped or killed while this drill ran, so there is no answer."
	return verify.Report{
		Schema: verify.Schema, Drill: e.ID, Target: e.Target, Verdict: verify.Errored,
		Results: []verify.Result{{
			Check: "drill", Verdict: verify.Errored, Code: verify.Interrupted, Subject: e.Target, Detail: detail,
			Hint: "Drill again. If it repeats, look at the system's log for why the process ends, often a lack of memory.",
		}},
		Phases: []verify.Phase{}, NotChecked: []string{"everything: the drill was interrupted"},
		Error: detail, Started: e.Started, Finished: now,
	}
}
