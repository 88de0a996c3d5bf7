package pages_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/sandbox"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/webtest"
)

// now is the moment at which all pages of these tests are rendered.
var now = time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)

const (
	days  = 60
	lease = 24 * time.Hour // of drills that stay as they are while a test runs
)

// plot is the life of one target, from which its history is made.
type plot struct {
	name    string
	bytes   int64
	restore time.Duration
	rto     time.Duration
	growth  float64 // of everything, over the whole history
	tables  []string
	verdict func(daysAgo int) verify.Verdict
	finding verify.Result // of drills that are not passed
	until   int           // the last drill is so many days old
}

var fleet = []plot{
	{name: "orders", bytes: 14 << 30, restore: 9 * time.Minute, rto: 45 * time.Minute, growth: 0.4,
		tables: []string{"orders", "order_lines", "payments", "customers", "addresses", "audit_log", "coupons"}, verdict: at(verify.Warned, 23)},
	{name: "billing", bytes: 5 << 30, restore: 4 * time.Minute, rto: 30 * time.Minute, growth: 0.1,
		tables: []string{"invoices", "invoice_lines", "ledger", "accounts"}, verdict: at(verify.Failed, 0, 1, 2),
		finding: verify.Result{Check: "census", Code: verify.RowsMissing, Subject: "public.invoices", Observed: "2,760,917 rows", Expected: "3,000,997 rows",
			Detail: "The restored table holds 240,080 rows fewer than the dump has for it.",
			Hint:   "Look at the restore errors below, and at triggers, rules or row filters that drop rows. Make a new backup and drill it."}},
	{name: "customers", bytes: 900 << 20, restore: 70 * time.Second, rto: 15 * time.Minute, tables: []string{"customers", "consents", "devices"},
		verdict: at(verify.Errored, 0, 1, 2, 31),
		finding: verify.Result{Check: "locate", Code: verify.StorageUnreachable, Subject: "offsite", Detail: "The storage did not answer within 30 s, three times.",
			Hint: "Run lifeboat doctor: it tests endpoint, bucket and keys."}},
	{name: "inventory", bytes: 2 << 30, restore: 2 * time.Minute, rto: 20 * time.Minute, growth: 0.05, tables: []string{"items", "stock", "movements"},
		verdict: at(verify.Failed, 38),
		finding: verify.Result{Check: "artifact", Code: verify.BackupShrunk, Subject: "size", Observed: "212 MiB", Expected: "about 2.01 GiB",
			Detail: "The backup is less than half as large as usual.", Hint: "Compare the tables with the last good drill."}},
	{name: "catalog", bytes: 31 << 30, restore: 27 * time.Minute, rto: 30 * time.Minute, growth: 0.35, tables: []string{"products", "prices", "translations", "media"},
		verdict: at(verify.Warned, 0, 3, 4),
		finding: verify.Result{Check: "rto", Code: verify.RTOExceeded, Observed: "31m12s", Expected: "at most 30m00s",
			Detail: "Fetching and restoring took longer than the RTO.", Hint: "See which phase took the time: more cores, a parallel format, or nearer storage."}},
	{name: "search", bytes: 7 << 30, restore: 5 * time.Minute, rto: time.Hour, tables: []string{"documents", "terms"}, verdict: at(verify.Passed)},
	{name: "crm", bytes: 3 << 30, restore: 3 * time.Minute, rto: 30 * time.Minute, tables: []string{"contacts", "deals", "notes"}, verdict: at(verify.Passed)},
	{name: "payroll", bytes: 180 << 20, restore: 20 * time.Second, rto: 10 * time.Minute, tables: []string{"employees", "payslips"}, until: 4, verdict: at(verify.Passed)},
	{name: "analytics", bytes: 88 << 30, restore: 95 * time.Minute, rto: 4 * time.Hour, growth: 0.8, tables: []string{"events", "sessions", "pages"}, verdict: at(verify.Passed)},
	{name: "auth", bytes: 400 << 20, restore: 31 * time.Second, rto: 10 * time.Minute, tables: []string{"users", "keys", "grants"}, verdict: at(verify.Warned, 12, 13, 14, 15),
		finding: verify.Result{Check: "drift", Code: verify.RowsDropped, Subject: "public.grants", Observed: "210 rows", Expected: "about 980 rows"}},
	{name: "wiki", bytes: 60 << 20, restore: 6 * time.Second, tables: []string{"articles", "revisions"}, verdict: at(verify.Passed)},
	{name: "legacy-erp"},
}

// at is a life that passes except on some days.
func at(v verify.Verdict, daysAgo ...int) func(int) verify.Verdict {
	return func(day int) verify.Verdict {
		if slices.Contains(daysAgo, day) {
			return v
		}
		return verify.Passed
	}
}

// seed fills an empty store with two months of a company's drills.
func seed(t testing.TB, store history.Store) *webtest.Service {
	t.Helper()
	s := &webtest.Service{Store: store, Now: func() time.Time { return now }, Backups: make(map[string][]verify.Candidate)}
	var plans []history.Plan
	for _, p := range fleet {
		s.List = append(s.List, p.target())
		plans = append(plans, history.Plan{Target: p.name, Spec: "0 5 * * *", Next: now.Truncate(24 * time.Hour).Add(28 * time.Hour)})
		s.Backups[p.name] = p.backups()
	}
	check(t, store.Plan(t.Context(), plans, now.AddDate(0, 0, -days)))
	importer, ok := store.(history.Importer)
	if !ok {
		t.Fatal("the store takes no reports of an earlier one")
	}
	check(t, importer.Import(t.Context(), func(yield func(verify.Report) bool) {
		for _, p := range fleet {
			for day := days - 1; day >= p.until && p.verdict != nil; day-- {
				if !yield(p.report(day)) {
					return
				}
			}
		}
	}))
	open(t, store, "billing", notify.BadBackup, now.AddDate(0, 0, -2).Add(-4*time.Hour))
	open(t, store, "customers", notify.Unverified, now.Add(-28*time.Hour))
	open(t, store, "payroll", notify.Overdue, now.Add(-52*time.Hour))
	deliver(t, store)
	running(t, store, "search", "drill-running-0001")
	queued(t, store)
	s.Lies = web.Coverage{At: now.Add(-5 * time.Hour), Sources: []web.SourceCoverage{
		{Source: "offsite", Backups: 1480, Covered: 1391, Uncovered: []web.Uncovered{
			{Prefix: "postgres/shipping/", Backups: 60, Bytes: 66 << 30, Newest: now.Add(-6 * time.Hour),
				Example: "postgres/shipping/shipping-20261125T033000Z.dump.zst", Pattern: "postgres/shipping/shipping-{time:20060102T150405Z}.dump.zst"},
			{Prefix: "tmp/", Backups: 29, Bytes: 3 << 20, Newest: now.AddDate(0, -7, 0), Example: "tmp/test.sql"},
		}},
		{Source: "nas", Error: "no such folder"},
	}}
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p plot) target() web.Target {
	return web.Target{
		Name: p.name, Source: "offsite", Match: "postgres/" + p.name + "/*.dump.zst.age", Schedule: "0 5 * * *", Timezone: "Europe/Berlin",
		RPO: 26 * time.Hour, RTO: p.rto, MaxAgeProof: 48 * time.Hour, Owners: []string{"shop-team"}, Operators: []string{"platform"},
		Config: "source: offsite\nmatch: postgres/" + p.name + "/" + p.name + "-{time:20060102T150405Z}.dump.zst.age\n" +
			"decrypt:\n  age:\n    identity: \"***\"\nschedule: 0 5 * * *\ntimezone: Europe/Berlin\nobjectives:\n  rpo: 26h\n  rto: 45m\n  max_age_proof: 2d\n",
		Peculiar: []string{"On 2027-03-28 the clock goes from 02:00 to 03:00; the run at 05:00 is not touched."},
		Upcoming: func(after time.Time, n int) []time.Time {
			var list []time.Time
			for i := range n {
				list = append(list, after.Truncate(24*time.Hour).Add(28*time.Hour).AddDate(0, 0, i))
			}
			return list
		},
	}
}

func (p plot) key(made time.Time) string {
	return "postgres/" + p.name + "/" + p.name + "-" + made.Format("20060102T150405Z") + ".dump.zst.age"
}

func (p plot) backups() []verify.Candidate {
	list := []verify.Candidate{{Key: p.key(now.Add(-time.Minute)), MadeAt: now.Add(-time.Minute), Bytes: 41 << 20, Reason: "still growing"}}
	for day := range 14 {
		made := now.Truncate(24*time.Hour).AddDate(0, 0, -day).Add(3 * time.Hour)
		list = append(list, verify.Candidate{Key: p.key(made), MadeAt: made, Bytes: p.bytes})
	}
	return list
}

// report is that of the drill so many days ago.
func (p plot) report(day int) verify.Report {
	r := rand.New(rand.NewPCG(uint64(len(p.name)), uint64(day)))
	began := now.Truncate(24*time.Hour).AddDate(0, 0, -day).Add(4 * time.Hour)
	made := began.Add(-time.Hour)
	grown := 1 - p.growth*float64(day)/days
	jitter := 0.97 + 0.06*r.Float64()
	v := p.verdict(day)
	load := time.Duration(float64(p.restore) * grown * (0.93 + 0.14*r.Float64()))
	if v == verify.Warned && p.finding.Code == verify.RTOExceeded {
		load = p.rto + 72*time.Second
	}
	rep := verify.Report{
		Schema: verify.Schema, Drill: fmt.Sprintf("%s-%s", p.name, began.Format("20060102")), Target: p.name, Verdict: v,
		Started: began, NotChecked: []string{"large objects: their content is not compared", "the roles app_ro and app_rw: a dump of one database does not hold them"},
	}
	rep.Candidates = []verify.Candidate{
		{Key: p.key(began.Add(-time.Minute)), MadeAt: began.Add(-time.Minute), Bytes: 41 << 20, Reason: "still growing"},
		{Key: p.key(made), MadeAt: made, Bytes: int64(float64(p.bytes) * grown * jitter)},
	}
	if v == verify.Errored {
		rep.Candidates, rep.Finished = nil, began.Add(96*time.Second)
		rep.Results = []verify.Result{p.result(v)}
		rep.Error = "list offsite: the storage did not answer within 30 s"
		rep.Phases = []verify.Phase{{Name: "locate", Seconds: 96}}
		rep.NotChecked = []string{"everything: the storage did not answer"}
		return rep
	}
	p.restored(&rep, r, grown, load)
	return rep
}

// restored fills in what a drill that came through found.
func (p plot) restored(rep *verify.Report, r *rand.Rand, grown float64, load time.Duration) {
	taken := rep.Candidates[1]
	fetch := load.Seconds() * 0.55
	rep.Artifact = &verify.Artifact{
		Source: "offsite", Key: taken.Key, Kind: "object", Objects: 1, Bytes: taken.Bytes, MadeAt: taken.MadeAt, MadeAtFrom: "name",
		SHA256: fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()), Layers: []string{"age", "zstd"},
	}
	rep.Manifest = &verify.Manifest{
		Engine: "postgres", Format: "pg_dump custom", ServerVersion: "16.4", ToolVersion: "pg_dump 16.4", Database: p.name,
		MadeAt: &taken.MadeAt, Objects: 40 + len(p.tables)*6, Bytes: taken.Bytes * 3,
	}
	rows := int64(0)
	for i, name := range p.tables {
		n := int64(float64(3_000_000/(i*i+1)+997) * grown)
		dumped := n
		if rep.Verdict == verify.Failed && i == 0 {
			n = n * 92 / 100
		}
		rows += n
		rep.Tables = append(rep.Tables, verify.Table{Table: engine.Table{Schema: "public", Name: name}, Rows: n, DumpRows: &dumped})
	}
	if p.name == "analytics" {
		for i := range 300 {
			n := int64(10_000 + i)
			rep.Tables = append(rep.Tables, verify.Table{Table: engine.Table{Schema: "archive", Name: fmt.Sprintf("events_%04d", i)}, Rows: n, DumpRows: &n})
		}
	}
	rep.Phases = []verify.Phase{
		{Name: "locate", Start: 0, Seconds: 1.2}, {Name: "inspect", Start: 1.2, Seconds: 0.4}, {Name: "admit", Start: 1.6, Seconds: 0.01},
		{Name: "start", Start: 1.6, Seconds: 2.1}, {Name: "fetch", Start: 2.2, Seconds: fetch, Bytes: taken.Bytes},
		{Name: "restore", Start: 1.6, Seconds: load.Seconds(), Rows: rows}, {Name: "check", Start: 1.6 + load.Seconds(), Seconds: 8 + load.Seconds()*0.08},
	}
	rep.Finished = rep.Started.Add(time.Duration(float64(load)*1.08) + 12*time.Second)
	rep.Restore = &verify.Restore{Tool: "pg_restore 16.4", RolesCreated: []string{"app_ro", "app_rw"}}
	rep.Sandbox = &verify.Sandbox{
		Runner: "docker", Image: "postgres:16", Isolated: true, PeakMemory: 1 << 30, PeakDisk: taken.Bytes * 4, CPUSeconds: load.Seconds() * 1.7,
		Probes: []sandbox.Probe{
			{Name: "reach out", OK: true, Detail: "no route to 192.0.2.1 and no name server"},
			{Name: "network interfaces", OK: true, Detail: "lo alone"},
			{Name: "host mounts", OK: true, Detail: "none"},
			{Name: "capabilities", OK: true, Detail: "none"},
		},
	}
	rep.Results = []verify.Result{
		{Check: "artifact", Verdict: verify.Passed, Subject: "age", Observed: "1h00m old", Expected: "at most 26h00m", Detail: "The backup is recent enough."},
		{Check: "checksum", Verdict: verify.Passed, Subject: taken.Key + ".sha256", Observed: "equal"},
		{Check: "restore", Verdict: verify.Passed, Observed: "exit 0, no errors"},
		{Check: "inventory", Verdict: verify.Passed, Observed: fmt.Sprintf("%d of %d objects", rep.Manifest.Objects, rep.Manifest.Objects)},
		{Check: "integrity", Verdict: verify.Passed, Observed: "31 indexes, 18 constraints", Detail: "Every index and constraint is sound."},
		{Check: "sequences", Verdict: verify.Passed, Observed: "12 sequences", Detail: "None is behind its column."},
		{Check: "drift", Verdict: verify.Passed, Observed: fmt.Sprintf("%d tables", len(rep.Tables)), Detail: "No table lost many rows since the last good drill."},
	}
	if rep.Verdict != verify.Passed {
		rep.Results = append(rep.Results, p.result(rep.Verdict))
	} else {
		rep.Results = append(rep.Results, verify.Result{Check: "census", Verdict: verify.Passed, Observed: fmt.Sprintf("%d tables as in the dump", len(rep.Tables))})
	}
}

func (p plot) result(v verify.Verdict) verify.Result {
	r := p.finding
	if r.Check == "" {
		r = verify.Result{Check: "roles", Code: verify.RoleAbsent, Subject: "app_ro", Detail: "The dump names a role that a bare server lacks.",
			Hint: "Keep the roles as well: pg_dumpall --globals-only."}
	}
	r.Verdict = v
	return r
}

// open opens a problem of a target and tells two notifiers.
func open(t testing.TB, store history.Store, target string, kind notify.Kind, since time.Time) {
	t.Helper()
	check(t, store.Update(t.Context(), target, func(s history.Standing) (history.Effects, bool) {
		p := notify.Problem{ID: "problem-" + target, Since: since, SentAt: since, Verdict: s.Last.Verdict}
		to := "platform"
		a := notify.Alert{
			ID: p.ID + "-1", Problem: p.ID, Kind: kind, Reason: notify.Opened, Audience: notify.Operators, Target: target,
			Verdict: s.Last.Verdict, Drill: s.Last.ID, Since: since, At: since,
		}
		switch kind {
		case notify.BadBackup:
			p.Code, p.Subject, to = verify.RowsMissing, "public.invoices", "shop-team"
			a.Title = "The newest backup of " + target + " is bad: rows are missing after the restore of public.invoices."
		case notify.Unverified:
			p.Code = verify.StorageUnreachable
			a.Title = "The last 2 drills of " + target + " could not tell whether its backup is good: the storage did not answer."
		default:
			a.Title = "Nothing proves " + target + ": no verdict came by 2026-11-23 05:30 UTC."
		}
		again := a
		again.ID, again.Reason, again.At = p.ID+"-2", notify.Repeated, since.Add(24*time.Hour)
		alerts := []history.Addressed{{Alert: a, To: []string{to}}, {Alert: again, To: []string{to}}}
		if kind == notify.BadBackup {
			quiet := a
			quiet.ID, quiet.Reason, quiet.At = p.ID+"-3", notify.Confirmed, since.Add(time.Hour)
			alerts = append(alerts, history.Addressed{Alert: quiet, Suppressed: "inside the maintenance window until 04:00"})
		}
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{kind: p}}, Alerts: alerts}, true
	}))
}

// deliver sends some alerts, gives up on one and leaves one on its way.
func deliver(t testing.TB, store history.Store) {
	t.Helper()
	for n := 0; ; n++ {
		due, err := store.ClaimDeliveries(t.Context(), "host/1", lease, now.Add(-time.Hour), 1)
		check(t, err)
		switch {
		case len(due) == 0:
			return
		case n == 2:
			check(t, store.GiveUp(t.Context(), due[0], "the receiver answered 403 Forbidden", now.Add(-time.Hour), nil))
		case n == 4:
			check(t, store.Postpone(t.Context(), due[0], "the receiver answered 429 and asked to wait 20 min", now.Add(20*time.Minute), now, false))
		default:
			check(t, store.Delivered(t.Context(), due[0], "thread", now.Add(-time.Hour)))
		}
	}
}

// running begins a drill that stays under way.
func running(t testing.TB, store history.Store, target, id string) history.Lease {
	t.Helper()
	began := now.Add(-4*time.Minute - 10*time.Second)
	l, err := store.Begin(t.Context(), history.Drill{
		ID: id, Target: target, Trigger: history.Scheduled, Priority: history.PriorityScheduled, Asked: began, By: "schedule", Attempt: 1,
	}, "backup-host-1", lease, began)
	check(t, err)
	beat(t, store, l, 61)
	return l
}

// beat stores how far a running drill is.
func beat(t testing.TB, store history.Store, l history.Lease, percent int64) {
	t.Helper()
	began := l.Started
	p := history.Progress{At: now, Phases: []history.PhaseProgress{
		{Name: "locate", Began: began, Ended: began.Add(1200 * time.Millisecond)},
		{Name: "inspect", Began: began.Add(1200 * time.Millisecond), Ended: began.Add(1800 * time.Millisecond)},
		{Name: "start", Began: began.Add(2 * time.Second), Ended: began.Add(4 * time.Second)},
		{Name: "fetch", Began: began.Add(3 * time.Second), Ended: began.Add(2 * time.Minute), Done: 7 << 30, Total: 7 << 30, Unit: "bytes"},
		{Name: "restore", Began: began.Add(2 * time.Second), Done: percent * 32 / 100, Total: 32, Unit: "tables"},
	}, Notes: []history.Note{
		{At: began.Add(time.Second), Text: "took postgres/" + l.Target + "/" + l.Target + "-20261125T033000Z.dump.zst.age, 7.00 GiB"},
		{At: began.Add(2 * time.Second), Text: "image postgres:16, 2 CPUs, 4.00 GiB of memory, 50.0 GiB of disk"},
		{At: began.Add(4 * time.Second), Text: "the sandbox holds: 4 of 4 probes"},
		{At: began.Add(2 * time.Minute), Text: "the dump is whole: 7.00 GiB read"},
	}}
	_, err := store.Beat(t.Context(), l, lease, p)
	check(t, err)
}

// queued makes two drills wait.
func queued(t testing.TB, store history.Store) {
	t.Helper()
	for _, d := range []history.Drill{
		{ID: "drill-queued-0001", Target: "crm", Trigger: history.Scheduled, Priority: history.PriorityScheduled, Asked: now.Add(-12 * time.Minute), By: "schedule", Attempt: 1},
		{ID: "drill-queued-0002", Target: "customers", Trigger: history.Retry, Priority: history.PriorityFollowUp, Asked: now.Add(-20 * time.Minute),
			By: "schedule", Attempt: 2, NotBefore: now.Add(40 * time.Minute), Follows: "customers-20261125"},
	} {
		_, _, err := store.Enqueue(t.Context(), d)
		check(t, err)
	}
	check(t, store.Wait(t.Context(), "drill-queued-0001", "waiting for room: needs 40 GiB of disk, 12 GiB free", now.Add(-11*time.Minute)))
}
