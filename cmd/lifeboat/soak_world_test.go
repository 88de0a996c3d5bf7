package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit/s3server"
	"lifeboat/jobs/cron"
)

// Days of a soak, and when what is wrong with some targets begins and ends.
const (
	soakDays              = 30
	day                   = 24 * time.Hour
	badFrom, badUntil     = 5, 10 // truncated backups
	quietFrom, quietUntil = 8, 14 // no backups
)

// series is one target of a soak.
type series struct {
	name, group, source string
	schedule            string
	more                string // of its configuration
}

// groups are the targets of a soak: 200 in all.
var groups = []struct {
	name, source string
	count        int
	schedule     func(r *rand.Rand) string
	more         string
}{
	{"daily", "disk", 60, at("* * *"), ""},
	{"other", "disk", 60, at("*/2 * *"), ""},
	{"offsite", "bucket", 30, at("*/2 * *"), ""},
	{"third", "disk", 20, fixed("@every 72h"), ""},
	{"weekly", "disk", 10, func(r *rand.Rand) string { return at(fmt.Sprintf("* * %d", r.IntN(7)))(r) }, ""},
	{"fresh", "disk", 8, fixed("on-new-backup"), ", poll: 1h, objectives: {rpo: 26h}"},          // two get no backups for some days
	{"proof", "disk", 2, fixed("on-new-backup"), ", poll: 1h, objectives: {max_age_proof: 2d}"}, // with a backup each fourth day
	{"never", "nowhere", 2, fixed("30 6 * * *"), ""},                                            // the folder does not exist: tried again from morning to night
	{"bad", "disk", 4, at("* * *"), ""},                                                         // truncated for some days
	{"gone", "mount", 2, at("* * *"), ""},                                                       // the folder is away for some days
	{"shop", "disk", 2, fixed("@every 168h"), ", ignore: [{code: role_absent, reason: made elsewhere}]"},
}

// at is a time of the day, at a full ten minutes, on the days that the rest names.
func at(days string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return fmt.Sprintf("%d %d %s", 10*r.IntN(6), r.IntN(24), days) }
}

func fixed(schedule string) func(*rand.Rand) string {
	return func(*rand.Rand) string { return schedule }
}

// plan is when it is due, nil when a new backup decides.
func (s series) plan(t testing.TB) schedule {
	t.Helper()
	if s.schedule == "on-new-backup" {
		return nil
	}
	plan, err := cron.Parse(s.schedule, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// makeSeries draws the targets.
func makeSeries(r *rand.Rand) []series {
	var list []series
	for _, g := range groups {
		for i := range g.count {
			list = append(list, series{fmt.Sprintf("%s-%02d", g.name, i), g.name, g.source, g.schedule(r), g.more})
		}
	}
	return list
}

// supply is where the backups of a soak lie, and how they get there.
type supply struct {
	t       *testing.T
	begin   time.Time
	series  []series
	s3      *s3server.Server
	bucket  string
	folders map[string]string // of the sources on disk, where they are now
	content [][]byte          // of the database, by day
	written map[string][]string
}

func newSupply(t *testing.T, begin time.Time, list []series) *supply {
	t.Helper()
	w := &supply{t: t, begin: begin, series: list, s3: s3server.Start(t), folders: map[string]string{}, written: map[string][]string{}}
	w.bucket = w.s3.Bucket(t)
	for _, source := range []string{"disk", "mount"} {
		w.folders[source] = filepath.Join(t.TempDir(), source)
	}
	for d := range soakDays + 4 {
		w.content = append(w.content, smallDatabase(t, 20+d))
	}
	w.backup(0)
	return w
}

// move takes a folder away, or brings it back.
func (w *supply) move(source string) {
	w.t.Helper()
	from := w.folders[source]
	to, away := strings.CutSuffix(from, ".away")
	if !away {
		to = from + ".away"
	}
	if err := os.Rename(from, to); err != nil {
		w.t.Fatal(err)
	}
	w.folders[source] = to
}

// backup makes the backups of a day. Those older than three days are removed.
func (w *supply) backup(d int) {
	w.t.Helper()
	for _, s := range w.series {
		content := w.content[d]
		switch {
		case s.group == "never", s.group == "shop" && d > 0, s.group == "proof" && d%4 > 0:
			continue
		case s.group == "fresh" && strings.HasSuffix(s.name, "-00") && d >= quietFrom && d < quietUntil,
			s.group == "fresh" && strings.HasSuffix(s.name, "-01") && d >= quietFrom && d < quietUntil:
			continue
		case s.group == "shop":
			content = shopDump
		case s.group == "bad" && d >= badFrom && d < badUntil:
			content = content[:len(content)/2]
		}
		key := w.key(s.name, d)
		w.written[s.name] = append(w.written[s.name], key)
		if s.source == "bucket" {
			w.s3.Put(w.t, w.bucket, key, content)
			continue
		}
		path := filepath.Join(w.folders[s.source], key)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path+".tmp", content, 0o600)
		}
		if err == nil {
			err = os.Rename(path+".tmp", path)
		}
		if old := filepath.Join(w.folders[s.source], w.key(s.name, d-4)); err == nil && s.group != "shop" {
			if err = os.Remove(old); errors.Is(err, os.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// key of a target's backup of a day.
func (w *supply) key(name string, d int) string {
	return name + "/db-" + w.begin.Add(time.Duration(d)*day).UTC().Format("20060102T150405Z") + ".db"
}

// config is the configuration of a soak.
func (w *supply) config(listen, bucketHost, slackAPI string) string {
	text := &strings.Builder{}
	source := s3Source(w.s3, w.bucket)
	source = strings.Replace(source, w.s3.Host, bucketHost, 1)
	fmt.Fprintf(text, "sources:\n  disk: {kind: dir, path: %q}\n  mount: {kind: dir, path: %q}\n  nowhere: {kind: dir, path: %q}\n  bucket:\n    kind: s3\n    timeout: 3s\n%s",
		w.folders["disk"], w.folders["mount"], filepath.Join(w.t.TempDir(), "nowhere"), indent(source))
	fmt.Fprintf(text, "notifiers:\n  team: {kind: slack, token: %s, channel: \"#backups\", api: %q}\n  ops: {kind: slack, token: %s, channel: \"#lifeboat\", api: %q}\n",
		soakToken, slackAPI, soakToken, slackAPI)
	fmt.Fprintf(text, "server: {listen: %q, concurrency: 4, drain: 30s, operators: [ops], alerts: {repeat: 24h, unverified_after: 3}}\ntargets:\n", listen)
	runner := map[string]string{"shop": ", runner: docker"}
	for _, s := range w.series {
		fmt.Fprintf(text, "  %s: {source: %s, match: \"%s/db-{time:20060102T150405Z}.db\", schedule: %q, notify: [team], sandbox: {disk: 512MiB, memory: 512MiB, timeout: 10m%s}%s}\n",
			s.name, s.source, s.name, s.schedule, runner[s.group], s.more)
	}
	return text.String()
}

// soakToken is the bot token of the fake Slack.
const soakToken = "xoxb-soak"

// smallDatabase is an SQLite database with rows.
func smallDatabase(t testing.TB, rows int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	sql := fmt.Sprintf(`create table items (id integer primary key, name text);
		with recursive n(i) as (select 1 union all select i+1 from n where i < %d) insert into items select i, 'item ' || i from n;`, rows)
	tool(t, []byte(sql), "sqlite3", "-batch", path)
	made, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
