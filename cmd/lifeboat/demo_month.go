package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"lifeboat/engine"
	"lifeboat/verify"
)

// demoDays is how many days of made-up history the demo's dashboard opens with.
const demoDays = 30

// demoStory is one target's month: what its backups hold, and the days on which
// something was wrong with them, counted back from today.
type demoStory struct {
	target, engine, format, version, name string
	tables                                []demoTable
	perRow                                int64 // bytes of the backup for each row
	restore                               time.Duration
	bad                                   map[int]verify.Result // by days ago
}

// demoTable is a table that grows by so many rows a day.
type demoTable struct {
	schema, name string
	rows, daily  int64
}

var (
	demoNotes = []demoTable{{"", "authors", 40, 0}, {"", "notes", 9000, 100}}
	demoShop  = []demoTable{{"shop", "customers", 1700, 10}, {"shop", "orders", 17000, 100}, {"shop", "order_lines", 34000, 200}, {"shop", "products", 200, 0}}
)

// demoStories end where the demo's real backups begin.
func demoStories() []demoStory {
	stale := verify.Result{Check: "artifact", Verdict: verify.Failed, Code: verify.BackupStale, Observed: "5d old", Expected: "at most 1d2h old",
		Detail: "The newest backup is older than its objective allows.", Hint: "Look why the backup job stopped."}
	slow := verify.Result{Check: "rto", Verdict: verify.Warned, Code: verify.RTOExceeded, Observed: "1m12s", Expected: "at most 1m",
		Detail: "The restore took longer than its objective allows.", Hint: "Give the sandbox more processors, or restore in more jobs."}
	gone := verify.Result{Check: "drill", Verdict: verify.Errored, Code: verify.SandboxUnavailable,
		Detail: "No sandbox could be started: the Docker daemon did not answer.", Hint: "Run lifeboat doctor: it starts one and says what is missing."}
	cut := verify.Result{Check: "artifact", Verdict: verify.Failed, Code: verify.ArchiveTruncated,
		Detail: "The backup ends too early.", Hint: "Make a new backup now. Then see why the dump or its upload was cut off."}
	sqlite := func(target string, bad map[int]verify.Result) demoStory {
		return demoStory{target, "sqlite", "SQLite database", "3.45", target + "/notes-%s.db.zst", demoNotes, 17, 40 * time.Millisecond, bad}
	}
	postgres := func(target string, bad map[int]verify.Result) demoStory {
		return demoStory{target, "postgres", "pg_dump custom", "15.18", target + "/shop-%s.dump", demoShop, 5, 3 * time.Second, bad}
	}
	return []demoStory{
		sqlite("notes", nil),
		sqlite("notes-truncated", map[int]verify.Result{1: cut, 12: cut}),
		sqlite("notes-stale", map[int]verify.Result{1: stale, 2: stale, 3: stale, 4: stale}),
		sqlite("notes-error-page", map[int]verify.Result{17: gone}),
		postgres("shop", map[int]verify.Result{6: slow, 17: gone, 21: slow}),
		postgres("shop-emptied", map[int]verify.Result{17: gone}),
		postgres("shop-truncated", map[int]verify.Result{9: cut, 17: gone}),
	}
}

// demoMonth makes up the drills of a month up to yesterday, oldest first.
func demoMonth(now time.Time) iter.Seq[verify.Report] {
	return func(yield func(verify.Report) bool) {
		for ago := demoDays; ago >= 1; ago-- {
			for i, s := range demoStories() {
				at := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -ago).Add(5*time.Hour + time.Duration(i)*7*time.Minute)
				if !yield(s.report(ago, at)) {
					return
				}
			}
		}
	}
}

// report is the drill of one day. The same day always has the same numbers.
func (s demoStory) report(ago int, at time.Time) verify.Report {
	dice := rand.New(rand.NewPCG(uint64(ago), uint64(len(s.target))))
	about := func(d time.Duration) float64 {
		return time.Duration(float64(d) * (0.95 + 0.1*dice.Float64())).Round(time.Millisecond).Seconds()
	}
	made := at.Add(-2 * time.Hour)
	key := fmt.Sprintf(s.name, made.Format(demoTime))
	sum := sha256.Sum256([]byte(key))
	rep := verify.Report{
		Schema: verify.Schema, Drill: at.Format("20060102-150405") + "-" + hex.EncodeToString(sum[:3]), Target: s.target,
		Artifact: &verify.Artifact{Source: "demo", Key: key, Kind: "object", Objects: 1, SHA256: hex.EncodeToString(sum[:]),
			MadeAt: made, MadeAtFrom: "name"},
		Manifest:   &verify.Manifest{Engine: s.engine, Format: s.format, ServerVersion: s.version},
		NotChecked: []string{"everything: this drill is made up, so that the demo's pages have a past to show"},
		Started:    at,
	}
	if s.bad[ago].Code == verify.RTOExceeded {
		s.restore = 72 * time.Second
	}
	fetch, load, count := about(s.restore/20), about(s.restore), about(s.restore/20)
	rep.Phases = []verify.Phase{
		{Name: "locate", Seconds: 0.08}, {Name: "inspect", Start: 0.08, Seconds: 0.04}, {Name: "start", Start: 0.12, Seconds: 0.7},
		{Name: "fetch", Start: 0.82, Seconds: fetch}, {Name: "restore", Start: 0.82 + fetch, Seconds: load},
		{Name: "count", Start: 0.82 + fetch + load, Seconds: count}, {Name: "check", Start: 0.82 + fetch + load + count, Seconds: 0.02},
	}
	for _, t := range s.tables {
		rows := t.rows + t.daily*int64(demoDays-ago)
		rep.Tables = append(rep.Tables, verify.Table{Table: engine.Table{Schema: t.schema, Name: t.name}, Rows: rows, DumpRows: &rows})
		rep.Artifact.Bytes += rows * s.perRow
	}
	rep.Results = []verify.Result{
		{Check: "census", Verdict: verify.Passed, Observed: fmt.Sprintf("%d tables", len(s.tables)), Detail: "Every table has the rows that the dump holds."},
		{Check: "integrity", Verdict: verify.Passed, Detail: "No damage was found."},
	}
	rep.Restore = &verify.Restore{Tool: "pg_restore " + s.version}
	rep.Sandbox = &verify.Sandbox{Runner: "docker", Image: "postgres:15", Isolated: true, PeakMemory: 210 << 20, PeakDisk: 6 * rep.Artifact.Bytes}
	if s.engine == "sqlite" {
		rep.Restore.Tool = "sqlite " + s.version
		rep.Sandbox = &verify.Sandbox{Runner: "in-process", Isolated: true, PeakMemory: 24 << 20, PeakDisk: 2 * rep.Artifact.Bytes}
	}
	if bad, ok := s.bad[ago]; ok {
		spoil(&rep, bad)
	}
	rep.Verdict = verify.Worst(rep.Results)
	last := rep.Phases[len(rep.Phases)-1]
	rep.Finished = at.Add(time.Duration((last.Start + last.Seconds) * float64(time.Second))).Truncate(time.Millisecond)
	return rep
}

// spoil puts a bad result into a report, and takes out what was not reached with it.
func spoil(rep *verify.Report, bad verify.Result) {
	rep.Results = append([]verify.Result{bad}, rep.Results...)
	if bad.Code == verify.RTOExceeded || bad.Code == verify.BackupStale {
		return
	}
	rep.Results = rep.Results[:1]
	rep.Tables, rep.Phases, rep.Restore = nil, rep.Phases[:3], nil
	if bad.Verdict == verify.Errored {
		rep.Error, rep.Artifact.SHA256, rep.Sandbox = bad.Detail, "", nil
	}
}
