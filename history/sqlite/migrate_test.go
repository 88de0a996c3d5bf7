package sqlite

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/verify"
)

// firstForm is the form of records before there was a service.
const firstForm = "../internal/sqlstore/migrations/sqlite/00001_drills.sql"

// firstRecord writes a record as the first version left it, with drills of one target
// a minute apart: a good one, a bad one and one that runs.
func firstRecord(t *testing.T, path string) (good, bad verify.Report) {
	t.Helper()
	form, err := os.ReadFile(firstForm)
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(form), "-- +goose Down")
	edit(t, path, `PRAGMA application_id = 0x4C464254`)
	edit(t, path, up)
	edit(t, path, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1);
		INSERT INTO installation (one, id) VALUES (1, 'the first')`)
	good = historytest.Report(historytest.Drill("d1", "orders", 0), verify.Passed)
	good.Phases = []verify.Phase{{Name: "fetch", Start: 2, Seconds: 10}, {Name: "restore", Start: 12, Seconds: 30.5}}
	bad = historytest.Report(historytest.Drill("d2", "orders", 1), verify.Failed)
	bad.Artifact, bad.Restore = nil, nil
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, r := range []verify.Report{good, bad} {
		whole, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		key, size, made := "", int64(0), any(nil)
		if a := r.Artifact; a != nil {
			key, size, made = a.Key, a.Bytes, a.MadeAt.UnixNano()
		}
		_, err = db.Exec(`INSERT INTO drills VALUES (?, ?, 'host/1', 'finished', ?, ?, ?, ?, ?, 10, ?, ?, ?)`, r.Drill, r.Target,
			r.Verdict.String(), verify.Summary(r), key, size, made, r.Started.UnixNano(), r.Finished.UnixNano(), string(whole))
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.Exec(`INSERT INTO drills (id, target, instance, state, verdict, started) VALUES ('d3', 'orders', 'host/2', 'running', 'unknown', ?)`,
		bad.Finished.UnixNano())
	if err != nil {
		t.Fatal(err)
	}
	return good, bad
}

func TestARecordOfTheFirstVersionIsBroughtAlong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	good, bad := firstRecord(t, path)
	s := open(t, path)
	ctx := t.Context()
	if id, err := s.Installation(ctx); err != nil || id != "the first" {
		t.Errorf("Installation = %q, %v; want the one it had", id, err)
	}
	for _, want := range []verify.Report{good, bad} {
		if got, err := s.Get(ctx, want.Drill); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Get(%s) = %+v, %v\nwant %+v", want.Drill, got, err, want)
		}
	}
	e, err := s.Entry(ctx, "d1")
	if err != nil || e.SHA256 != "ab12" || e.Restore != 40500*time.Millisecond || e.Verdict != verify.Passed || e.Trigger != history.Manual {
		t.Errorf("Entry(d1) = %+v, %v; want its checksum and 40.5 s to restore", e, err)
	}
	if e, err := s.Entry(ctx, "d2"); err != nil || e.Restore != 0 || !e.MadeAt.IsZero() {
		t.Errorf("Entry(d2) = %+v, %v; want neither backup nor restore", e, err)
	}
	st, err := s.Standing(ctx, "orders")
	if err != nil || st.Last.ID != "d2" || !st.VerdictAt.Equal(bad.Finished) || st.Running != "d3" || st.NewestBackup != good.Artifact.Key {
		t.Errorf("Standing = %+v, %v; want the failed drill last and one running", st, err)
	}
	if p := st.LastGood; p == nil || p.Drill != "d1" || !p.At.Equal(good.Finished) || !p.MadeAt.Equal(good.Artifact.MadeAt) {
		t.Errorf("LastGood = %+v, want the good drill", p)
	}
	dead := func(owner string) bool { return owner == "host/2" }
	if got, err := s.Reap(ctx, dead, bad.Finished.Add(time.Hour), nil); err != nil || len(got) != 1 || got[0].ID != "d3" {
		t.Errorf("Reap = %+v, %v; want the drill that ran", got, err)
	}
	if base, err := s.Baseline(ctx, "orders", 5); err != nil || len(base.Drills) != 1 || base.Drills[0].Drill != "d1" {
		t.Errorf("Baseline = %+v, %v; want the good drill", base, err)
	}
}
