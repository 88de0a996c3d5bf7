package historytest

import (
	"errors"
	"reflect"
	"testing"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var standingPromises = []promise{
	{"a target stands as its last drills left it", stands},
	{"a drill that could not tell moves no verdict", erroredMovesNothing},
	{"a drill of an older backup says nothing about the newest", olderBackup},
	{"a clock that was ahead does not hide what comes after", putBack},
	{"a bad backup drilled by its name is no proof", sameBackup},
	{"a second look at a bad backup is no proof", secondLook},
	{"a standing says what runs and how many wait", standingCounts},
	{"an unknown target has no standing", unknownTarget},
	{"an update stores its effects or nothing", update},
	{"updates at once do not lose each other's", updateRace},
}

func stands(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	if st := standing(t, s, "orders"); st.Last.ID != "" || !st.VerdictAt.IsZero() || st.LastGood != nil || st.NewestBackup != "" {
		t.Errorf("before its first drill it stands %+v", st)
	}
	good := drilled(t, s, Drill("d1", "orders", 0), verify.Warned)
	proof := &notify.Proof{Drill: "d1", Key: good.Artifact.Key, MadeAt: good.Artifact.MadeAt, At: good.Finished}
	st := standing(t, s, "orders")
	if !reflect.DeepEqual(st.Last, entry(t, s, "d1")) || !st.VerdictAt.Equal(good.Finished) || !reflect.DeepEqual(st.LastGood, proof) {
		t.Errorf("after a good drill it stands %+v, want the proof %+v", st, proof)
	}
	if st.NewestBackup != good.Artifact.Key || !st.NewestBackupAt.Equal(good.Artifact.MadeAt) {
		t.Errorf("its newest backup is %q of %s, want %q of %s", st.NewestBackup, st.NewestBackupAt, good.Artifact.Key, good.Artifact.MadeAt)
	}
	bad := drilled(t, s, Drill("d2", "orders", 60), verify.Failed)
	st = standing(t, s, "orders")
	if !reflect.DeepEqual(st.Last, entry(t, s, "d2")) || !st.VerdictAt.Equal(bad.Finished) || !reflect.DeepEqual(st.LastGood, proof) {
		t.Errorf("after a bad drill it stands %+v, want the proof %+v", st, proof)
	}
	if f := fleet(t, s, history.FleetQuery{}); len(f.Standings) != 1 || !reflect.DeepEqual(f.Standings[0], st) {
		t.Errorf("in the fleet it stands\n%+v\nalone\n%+v", f.Standings, st)
	}
	bare := st
	bare.Last, bare.Running, bare.Queued = history.Entry{}, "", 0
	if f := fleet(t, s, history.FleetQuery{Bare: true}); len(f.Standings) != 1 || !reflect.DeepEqual(f.Standings[0], bare) {
		t.Errorf("bare it stands\n%+v\nwant\n%+v", f.Standings, bare)
	}
}

func erroredMovesNothing(t *testing.T, s history.Store) {
	plan(t, s, "orders", "never")
	good := drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	d := Drill("d2", "orders", 60)
	r := Report(d, verify.Errored)
	r.Artifact = nil
	finish(t, s, begin(t, s, d), r)
	begin(t, s, Drill("d3", "orders", 120))
	reap(t, s, minute(130), nothingFollows)
	st := standing(t, s, "orders")
	if !st.VerdictAt.Equal(good.Finished) || st.LastGood == nil || st.LastGood.Drill != "d1" {
		t.Errorf("it stands %+v, want the verdict and proof of d1", st)
	}
	if st.Last.ID != "d3" || st.Last.State != history.Interrupted || st.Last.Verdict != verify.Errored {
		t.Errorf("its last drill is %+v, want the interrupted one", st.Last)
	}
	if st.NewestBackup != good.Artifact.Key {
		t.Errorf("its newest backup is %q, want the one that was seen last", st.NewestBackup)
	}
	drilled(t, s, Drill("d4", "never", 0), verify.Errored)
	if st := standing(t, s, "never"); !st.VerdictAt.IsZero() || st.LastGood != nil {
		t.Errorf("a target of which no drill could tell stands %+v", st)
	}
}

func olderBackup(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	newest := drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	asked := Drill("d2", "orders", 60)
	asked.Backup = "orders/older.dump"
	r := Report(asked, verify.Passed)
	r.Artifact.Key, r.Artifact.MadeAt = asked.Backup, minute(-9000)
	finish(t, s, begin(t, s, asked), r)
	st := standing(t, s, "orders")
	if st.NewestBackup != newest.Artifact.Key || !st.NewestBackupAt.Equal(newest.Artifact.MadeAt) {
		t.Errorf("its newest backup is %q of %s, want %q", st.NewestBackup, st.NewestBackupAt, newest.Artifact.Key)
	}
	if st.Last.ID != "d1" || st.LastGood == nil || st.LastGood.Drill != "d1" || !st.VerdictAt.Equal(newest.Finished) {
		t.Errorf("its last drill is %s, its proof %+v, its verdict of %s; want those of the newest backup", st.Last.ID, st.LastGood, st.VerdictAt)
	}
}

func sameBackup(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	bad := drilled(t, s, Drill("d1", "orders", 0), verify.Failed)
	again := func(id string, at int, v verify.Verdict) history.Standing {
		t.Helper()
		d := Drill(id, "orders", at)
		d.Backup = bad.Artifact.Key
		r := Report(d, v)
		r.Artifact.Key, r.Artifact.MadeAt = bad.Artifact.Key, bad.Artifact.MadeAt
		finish(t, s, begin(t, s, d), r)
		return standing(t, s, "orders")
	}
	if st := again("d2", 60, verify.Passed); st.Last.ID != "d1" || st.LastGood != nil {
		t.Errorf("its last drill is %s, its proof %+v; want it failed: nobody asked how old the backup is", st.Last.ID, st.LastGood)
	}
	if st := again("d3", 120, verify.Failed); st.Last.ID != "d3" {
		t.Errorf("its last drill is %s, want the one that failed too", st.Last.ID)
	}
	drilled(t, s, Drill("d4", "orders", 180), verify.Passed)
	bad.Artifact = Report(Drill("d4", "orders", 180), verify.Passed).Artifact
	if st := again("d5", 240, verify.Passed); st.Last.ID != "d5" || st.LastGood == nil || st.LastGood.Drill != "d5" {
		t.Errorf("its last drill is %s, its proof %+v; want those of the good backup drilled again", st.Last.ID, st.LastGood)
	}
}

func secondLook(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	bad := Drill("d2", "orders", 60)
	drilled(t, s, bad, verify.Failed)
	second := followUp("d3", Drill("d2", "orders", 120))
	second.Trigger, second.Backup = history.Confirm, "orders/newest.dump"
	r := Report(second, verify.Passed)
	finish(t, s, begin(t, s, second), r)
	st := standing(t, s, "orders")
	if st.LastGood == nil || st.LastGood.Drill != "d1" {
		t.Errorf("its last proof is %+v, want d1: two drills of a backup that disagree prove nothing", st.LastGood)
	}
	if st.Last.ID != "d2" || st.Last.Verdict != verify.Failed || !st.VerdictAt.Equal(r.Finished) {
		t.Errorf("it stands %+v, want it failed: a second look turns nothing green", st)
	}
	third := followUp("d4", Drill("d2", "orders", 180))
	third.Trigger, third.Backup = history.Confirm, "orders/newest.dump"
	finish(t, s, begin(t, s, third), Report(third, verify.Failed))
	if st := standing(t, s, "orders"); st.Last.ID != "d4" {
		t.Errorf("its last drill is %s, want the second look that failed too", st.Last.ID)
	}
	drilled(t, s, Drill("d5", "orders", 240), verify.Passed)
	late := followUp("d6", Drill("d2", "orders", 300))
	late.Trigger, late.Backup = history.Confirm, "orders/newest.dump"
	finish(t, s, begin(t, s, late), Report(late, verify.Failed))
	if st := standing(t, s, "orders"); st.Last.ID != "d5" {
		t.Errorf("its last drill is %s, want d5: a second look that comes after a proof is no news", st.Last.ID)
	}
}

func putBack(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	drilled(t, s, Drill("d1", "orders", 9000), verify.Passed) // by a clock that was far ahead
	last := drilled(t, s, Drill("d2", "orders", 0), verify.Passed)
	st := standing(t, s, "orders")
	if st.Last.ID != "d2" || !st.VerdictAt.Equal(last.Finished) || st.LastGood == nil || st.LastGood.Drill != "d2" {
		t.Errorf("it stands %+v, want the drill that ended last, whatever the clock said before", st)
	}
}

func standingCounts(t *testing.T, s history.Store) {
	plan(t, s, "orders", "customers")
	want := func(running string, queued int) {
		t.Helper()
		if st := standing(t, s, "orders"); st.Running != running || st.Queued != queued {
			t.Errorf("%q runs and %d wait, want %q and %d", st.Running, st.Queued, running, queued)
		}
	}
	want("", 0)
	enqueue(t, s, scheduled("d1", "orders", 0), scheduled("d2", "orders", 1), scheduled("d3", "orders", 2), scheduled("other", "customers", 0))
	want("", 3)
	l := claim(t, s, "d1", minute(0))
	want("d1", 2)
	if _, err := s.Cancel(t.Context(), "d2", "ann", minute(1)); err != nil {
		t.Fatal(err)
	}
	want("d1", 1)
	if err := s.GiveBack(t.Context(), l, "no room", minute(5), minute(1)); err != nil {
		t.Fatal(err)
	}
	want("", 2)
	finish(t, s, claim(t, s, "d3", minute(2)), Report(scheduled("d3", "orders", 2), verify.Passed))
	want("", 1)
	claim(t, s, "d1", minute(5))
	reap(t, s, minute(6), nothingFollows)
	want("", 0)
}

func unknownTarget(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	if _, err := s.Standing(t.Context(), "order"); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("Standing = %v, want ErrNotFound", err)
	}
}

func update(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	drilled(t, s, Drill("d1", "orders", 0), verify.Passed)
	next := Drill("d2", "orders", 1)
	change := func(ok bool) error {
		return s.Update(t.Context(), "orders", func(st history.Standing) (history.Effects, bool) {
			if st.Target != "orders" || st.Last.ID != "d1" || st.LastGood == nil {
				t.Errorf("the update saw %+v", st)
			}
			e := loud(told(3), "a1")
			e.Drills = []history.Drill{next}
			return e, ok
		})
	}
	if err := change(false); err != nil {
		t.Fatal(err)
	}
	wantNoAlert(t, s, "a1")
	if st := standing(t, s, "orders"); !reflect.DeepEqual(st.Alerts, notify.State{}) || st.Queued != 0 {
		t.Errorf("an update that changes nothing left %+v", st)
	}
	if err := change(true); err != nil {
		t.Fatal(err)
	}
	if st := standing(t, s, "orders"); !reflect.DeepEqual(st.Alerts, told(3)) || st.Queued != 1 || st.Last.ID != "d1" {
		t.Errorf("an update left %+v", st)
	}
	if _, err := s.Alert(t.Context(), "a1"); err != nil {
		t.Errorf("Alert = %v", err)
	}
}

func updateRace(t *testing.T, s history.Store) {
	plan(t, s, "orders")
	const many, each = 4, 10
	errs := race(many+1, func(i int) error {
		if i == many { // a drill that ends at the same time
			d := Drill("d1", "orders", 0)
			l, err := s.Begin(t.Context(), d, "host/1", lease, noon)
			if err != nil {
				return err
			}
			return s.Finish(t.Context(), l, Report(d, verify.Passed), func(st notify.State) history.Effects {
				st.Numbered++
				return history.Effects{State: st}
			})
		}
		for range each {
			err := s.Update(t.Context(), "orders", func(st history.Standing) (history.Effects, bool) {
				st.Alerts.Numbered++
				return history.Effects{State: st.Alerts}, true
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if st := standing(t, s, "orders"); st.Alerts.Numbered != many*each+1 || st.Last.ID != "d1" {
		t.Errorf("%d changes are left, and the last drill is %q; want %d and d1", st.Alerts.Numbered, st.Last.ID, many*each+1)
	}
}
