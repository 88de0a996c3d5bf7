package main

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", to make backups with

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/verify"
)

// crowd is a large installation: targets with a tiny SQLite backup each, one of a hundred
// cut off, and one target with very many tables.
type crowd struct {
	dir     string
	history string // path, or address of a PostgreSQL server
	sink    string // address that takes alerts
	targets int
	drills  int
}

// Sizes of what is unusual in a crowd.
const (
	brokenOf   = 100  // one target of so many has a bad backup
	wideTables = 5000 // of the target "wide"
	wideDrills = 30
	waiting    = 2000   // drills in the queue, all for another day
	alerts     = 20_000 // in the outbox
	sentAlerts = 2_000  // of them, the others are suppressed
)

const wide = "wide"

func (c crowd) name(i int) string { return fmt.Sprintf("target-%05d", i) }
func (c crowd) broken(i int) bool { return i%brokenOf == 7 }

// config writes the configuration with the schedule of each target.
func (c crowd) config(listen string, schedule func(i int) string) (path string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "sources: {disk: {kind: dir, path: %q}}\n", filepath.Join(c.dir, "backups"))
	fmt.Fprintf(&b, "notifiers: {ops: {kind: webhook, url: %q}}\n", c.sink)
	fmt.Fprintf(&b, "server: {listen: %q, history: %q, operators: [ops]}\ntargets:\n", listen, c.history)
	for i := range c.targets {
		fmt.Fprintf(&b, "  %s: {source: disk, match: \"%s/*.db\", engine: sqlite, %s, objectives: {rpo: 52w, rto: 1h}, notify: [ops]}\n",
			c.name(i), c.name(i), schedule(i))
	}
	fmt.Fprintf(&b, "  %s: {source: disk, match: \"%s/*.db\", engine: sqlite}\n", wide, wide)
	path = filepath.Join(c.dir, "lifeboat.yaml")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// Schedules: all targets spread over the day, or over the hour; half of them where the clock
// changes twice a year.
func daily(i int) string  { return fmt.Sprintf(`schedule: "%d %d * * *", %s`, i%60, i/60%24, zone(i)) }
func hourly(i int) string { return fmt.Sprintf(`schedule: "%d * * * *", %s`, i%60, zone(i)) }

func zone(i int) string { return `jitter: 1m, timezone: ` + []string{"UTC", "Europe/Berlin"}[i%2] }

// backups makes the folders with a backup each. All good ones are one file: only their names
// and the first read of them would differ.
func (c crowd) backups(ctx context.Context) error {
	good := filepath.Join(c.dir, "shop.db")
	if err := makeShop(ctx, good); err != nil {
		return fmt.Errorf("make a backup: %w", err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		return err
	}
	cut := filepath.Join(c.dir, "cut.db")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		return err
	}
	link := func(name, to string) error {
		dir := filepath.Join(c.dir, "backups", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return os.Link(to, filepath.Join(dir, "shop.db"))
	}
	for i := range c.targets {
		to := good
		if c.broken(i) {
			to = cut
		}
		if err := link(c.name(i), to); err != nil {
			return err
		}
	}
	return link(wide, good)
}

const shopTables = 8

func makeShop(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	for t := range shopTables {
		_, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE TABLE table_%[1]d (id INTEGER PRIMARY KEY, name TEXT);
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
			INSERT INTO table_%[1]d SELECT i, 'row ' || i FROM n`, t))
		if err != nil {
			return err
		}
	}
	return db.Close()
}

// past are the finished drills: of each target equally many, in the order in which they
// would have happened, the last one an hour before now.
func (c crowd) past(now time.Time) iter.Seq[verify.Report] {
	each := c.drills / c.targets
	const gap = 6 * time.Hour
	first := now.Add(-time.Hour - time.Duration(each)*gap)
	return func(yield func(verify.Report) bool) {
		for n := range each {
			for i := range c.targets {
				began := first.Add(time.Duration(n)*gap + gap*time.Duration(i)/time.Duration(c.targets))
				id := fmt.Sprintf("%s-%06x", began.UTC().Format("20060102-150405"), i)
				if !yield(c.report(c.name(i), id, c.verdict(i, n), shopTables, began)) {
					return
				}
			}
		}
		for n := range wideDrills {
			began := now.Add(-time.Duration(wideDrills-n)*24*time.Hour - time.Minute)
			if !yield(c.report(wide, wideDrill(n), verify.Passed, wideTables, began)) {
				return
			}
		}
	}
}

func wideDrill(n int) string { return fmt.Sprintf("20200101-000000-%06x", n) }

func (c crowd) verdict(i, n int) verify.Verdict {
	switch h := (uint32(i)*2654435761 + uint32(n)*40503) >> 16 % 1000; {
	case c.broken(i) && n >= c.drills/c.targets-3, h < 4:
		return verify.Failed
	case h < 14:
		return verify.Errored
	case h < 34:
		return verify.Warned
	}
	return verify.Passed
}

// report has what a drill of a small backup leaves on record.
func (c crowd) report(target, id string, v verify.Verdict, tables int, began time.Time) verify.Report {
	made := began.Add(-time.Hour)
	r := verify.Report{
		Schema: verify.Schema, Drill: id, Target: target, Verdict: v,
		Artifact: &verify.Artifact{Source: "disk", Key: target + "/shop.db", Kind: "object", Objects: 1, Bytes: 36864, SHA256: fmt.Sprintf("%064x", began.UnixNano()),
			MadeAt: made, MadeAtFrom: "upload"},
		Candidates: []verify.Candidate{{Key: target + "/shop.db", MadeAt: made, Bytes: 36864}},
		Manifest:   &verify.Manifest{Engine: "sqlite", Format: "sqlite database", ServerVersion: "3.40.1", Compression: "none", Objects: tables, Bytes: 36864},
		Results: []verify.Result{
			{Check: "artifact", Verdict: verify.Passed, Subject: "age", Observed: "1 h old", Expected: "at most 364 d"},
			{Check: "checksum", Verdict: verify.Passed, Detail: "Every byte was read; there is no stored checksum to compare its SHA-256 with."},
			{Check: "restore", Verdict: verify.Passed, Subject: "sqlite 3.54.1", Observed: "exit 0", Detail: "The restore tool reported no error."},
			{Check: "rto", Verdict: verify.Passed, Observed: "3ms", Expected: "at most 1h"},
			{Check: "inventory", Verdict: verify.Passed, Observed: "8 objects", Expected: "8 objects", Detail: "Every object that the dump lists was restored."},
			{Check: "integrity", Verdict: verify.Passed, Observed: "8 tables with integrity_check", Detail: "No damage was found."},
			{Check: "sequences", Verdict: verify.Passed, Detail: "No sequence is behind its column."},
			worst(v),
		},
		Phases: []verify.Phase{{Name: "locate", Seconds: 0.2}, {Name: "inspect", Start: 0.2, Seconds: 0.1}, {Name: "start", Start: 0.3, Seconds: 0.1},
			{Name: "fetch", Start: 0.4, Seconds: 2, Bytes: 36864, Rows: 160}, {Name: "restore", Start: 1, Seconds: 8}, {Name: "count", Start: 9, Seconds: 1, Rows: 160},
			{Name: "check", Start: 10, Seconds: 2}, {Name: "discard", Start: 12, Seconds: 0.1}},
		Restore: &verify.Restore{Tool: "sqlite 3.54.1"},
		Sandbox: &verify.Sandbox{Runner: "in-process", Isolated: true, PeakDisk: 40960}, NotChecked: []string{},
		Started: began, Finished: began.Add(12100 * time.Millisecond),
	}
	for i := range tables {
		rows := int64(20 + i)
		r.Tables = append(r.Tables, verify.Table{Table: engine.Table{Name: fmt.Sprintf("table_%d", i)}, Rows: rows, DumpRows: &rows})
	}
	return r
}

// worst is the result that decides on a verdict.
func worst(v verify.Verdict) verify.Result {
	res := verify.Result{Check: "census", Verdict: v, Subject: "table_3", Observed: "20 rows", Expected: "20 rows"}
	switch v {
	case verify.Failed:
		res.Code, res.Observed, res.Detail = verify.RowsMissing, "10 rows", "Rows of the dump are missing after the restore."
	case verify.Errored:
		res.Check, res.Code, res.Subject, res.Detail = "locate", verify.StorageUnreachable, "disk", "The storage did not answer."
	case verify.Warned:
		res.Check, res.Code, res.Observed = "rto", verify.RTOExceeded, "62 min"
	}
	return res
}

// queued are drills that wait for another day.
func (c crowd) queued(i int, now time.Time) history.Drill {
	at := now.Add(24 * time.Hour).Truncate(time.Hour)
	return history.Drill{ID: fmt.Sprintf("20990101-000000-%06x", i), Target: c.name(i), Trigger: history.Scheduled, Priority: history.PriorityScheduled,
		Asked: now, By: "schedule", ScheduledFor: at, NotBefore: at, Attempt: 1}
}
