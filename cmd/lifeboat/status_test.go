package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/internal/alive"
	"lifeboat/verify"
)

func TestStatusIsNotGoodBecauseADrillRuns(t *testing.T) {
	config := writeConfig(t, t.TempDir(), "match: orders.db")
	store := record(t, config)
	beacon, err := alive.New(filepath.Join(filepath.Dir(config), "lifeboat.db.alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer beacon.Close()
	begin := func(id string) history.Lease {
		t.Helper()
		d := history.Drill{ID: id, Target: "t", Trigger: history.Manual, By: "anna", Asked: time.Now(), Attempt: 1}
		l, err := store.Begin(t.Context(), d, beacon.Instance(), time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := begin("first")
	code, out, _ := lifeboat(t, "status", "--config", config)
	if code != exitErrored || !strings.Contains(out, "t was never drilled") || !strings.Contains(out, "t is being drilled now, as first") {
		t.Errorf("during its first drill, status ends with %d and says\n%s", code, out)
	}
	bad := verify.Report{
		Schema: verify.Schema, Drill: "first", Target: "t", Verdict: verify.Failed, Started: first.Started, Finished: time.Now(),
		Results: []verify.Result{{Check: "artifact", Verdict: verify.Failed, Code: verify.NotABackup}},
	}
	if err := store.Finish(t.Context(), first, bad, nil); err != nil {
		t.Fatal(err)
	}
	begin("second")
	code, out, _ = lifeboat(t, "status", "--config", config)
	if code != exitFailed || !strings.Contains(out, "FAILED") || !strings.Contains(out, "now, as second") {
		t.Errorf("during a drill after one that failed, status ends with %d and says\n%s", code, out)
	}
}
