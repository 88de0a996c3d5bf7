package jobs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

func TestABadBackupThatRetentionRemovesBeforeItsSecondLookIsNoNews(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 1000)
	key := w.backup("orders", 50)
	w.forward(time.Minute)
	w.backup("orders", 60)
	r := w.run(w.setup(target), "one")
	first := history.Drill{ID: "first", Target: "orders", Trigger: history.Manual, Priority: history.PriorityManual, Asked: w.now(), Attempt: 1}
	second := history.Drill{ID: "second", Target: "orders", Trigger: history.Confirm, Priority: history.PriorityFollowUp, Asked: w.now(),
		Backup: key, Follows: "first", Attempt: 1}
	if err := os.Remove(filepath.Join(w.backups, key)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Store.Enqueue(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	w.until("told of the first", func() bool { return w.friend.told() == "backup opened, backup confirmed" })
	if _, _, err := r.Store.Enqueue(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	w.until("looked a second time", func() bool { return len(r.ended("orders")) == 3 })
	if got, want := words(r.ended("orders")), "manual failed, confirm failed, confirm errored"; got != want {
		t.Errorf("drills ended %s, want %s", got, want)
	}
	if waiting, err := r.Store.Waiting(t.Context(), 10); err != nil || len(waiting) > 0 {
		t.Errorf("%+v wait, %v; want no further look at what is gone", waiting, err)
	}
	st, err := r.Store.Standing(t.Context(), "orders")
	if err != nil || st.Alerts.Errored != 0 {
		t.Errorf("alerts stand %+v, %v; want no drill counted that could not tell", st.Alerts, err)
	}
	if told := w.friend.told(); told != "backup opened, backup confirmed" {
		t.Errorf("told %s", told)
	}
}

func TestADrillOfANamedBackupTellsOnlyThatTheNewestIsBad(t *testing.T) {
	w := newWorld(t)
	small := w.backup("orders", 50)
	w.forward(time.Minute)
	newest := w.backup("orders", 60)
	target := w.target("orders", 55)
	r := w.run(w.setup(target), "one")
	r.ask("orders")
	w.until("proven", func() bool { return words(r.ended("orders")) == "manual passed" })
	named := func(id, key string) {
		t.Helper()
		d := history.Drill{ID: id, Target: "orders", Trigger: history.Manual, Priority: history.PriorityManual, Asked: w.now(), Backup: key, Attempt: 1}
		if _, _, err := r.Store.Enqueue(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	named("older", small)
	w.until("the older one failed twice", func() bool { return words(r.ended("orders")) == "manual passed, manual failed, confirm failed" })
	if told := w.friend.told(); told != "" {
		t.Errorf("told %s of a backup that is not the newest", told)
	}
	w.spoil(newest)
	named("newest", newest)
	w.until("told", func() bool { return w.friend.told() == "backup opened, backup confirmed" })
	st, err := r.Store.Standing(t.Context(), "orders")
	if err != nil || st.Last.Verdict != verify.Failed {
		t.Errorf("it stands %+v, %v; want it failed", st.Last, err)
	}
}

func TestTheDeathOfALastAttemptEndsNoProblemAndKnowsThePast(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	target.MaxAgeProof = time.Hour
	w.backup("orders", 50)
	setup := w.setup(target)
	setup.Policy.UnverifiedAfter = 1
	r := w.run(setup, "one")
	r.ask("orders")
	w.until("proven", func() bool { return words(r.ended("orders")) == "manual passed" })
	now := w.now()
	state := notify.State{Problems: map[notify.Kind]notify.Problem{notify.Overdue: {ID: "late", Since: now, SentAt: now, Due: now.Add(time.Hour)}}}
	dead := history.Entry{Drill: history.Drill{ID: "d9", Target: "orders", Trigger: history.TakeOver, Attempt: maxAttempts}}
	later := now.Add(2 * time.Hour)
	effects := r.lost(t.Context(), later)(dead, history.InterruptedReport(dead, later), state)
	if _, open := effects.State.Problems[notify.Overdue]; !open {
		t.Errorf("the death of a drill ended the problem that a verdict is missing: %+v", effects.Alerts)
	}
	if len(effects.Alerts) != 1 || effects.Alerts[0].Alert.Kind != notify.Unverified || effects.Alerts[0].Alert.LastGood == nil {
		t.Errorf("told %+v, want one that drills cannot tell, with the last proof", effects.Alerts)
	}
	dead.Trigger, dead.Backup = history.Confirm, "orders.db"
	if effects := r.lost(t.Context(), later)(dead, history.InterruptedReport(dead, later), state); len(effects.Alerts) > 0 {
		t.Errorf("told %+v of a second look that died, though the first was told", effects.Alerts)
	}
}

func TestASecondLookThatDisagreesIsNoProof(t *testing.T) {
	st := history.Standing{LastGood: &notify.Proof{Drill: "d0", At: noon}}
	rep := ended(verify.Passed, "")
	if got := told(history.Drill{Trigger: history.Confirm}, st, rep); got.LastGood.Drill != "d0" {
		t.Errorf("the last proof is %+v, want the one before", got.LastGood)
	}
	if got := told(history.Drill{Trigger: history.Scheduled}, st, rep); got.LastGood.Drill != "d1" {
		t.Errorf("the last proof is %+v, want this drill", got.LastGood)
	}
}

func TestABackupThatWasConfirmedToBeBadIsNotConfirmedAgain(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 1000)
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	r.ask("orders")
	w.until("confirmed", func() bool { return w.friend.told() == "backup opened, backup confirmed" })
	r.ask("orders")
	w.until("drilled again", func() bool { return len(r.ended("orders")) == 3 })
	if waiting, err := r.Store.Waiting(t.Context(), 10); err != nil || len(waiting) > 0 {
		t.Errorf("%+v wait, %v; want no second look at what a second look has seen", waiting, err)
	}
	w.forward(time.Minute)
	w.backup("orders", 60)
	r.ask("orders")
	w.until("the next backup confirmed", func() bool {
		return words(r.ended("orders")) == "manual failed, confirm failed, manual failed, manual failed, confirm failed"
	})
}
