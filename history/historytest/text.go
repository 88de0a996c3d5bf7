package historytest

import (
	"testing"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

var textPromises = []promise{
	{"whatever bytes a backup holds, its report is stored", hostileReport},
	{"whatever bytes an error holds, it is stored", hostileWords},
}

// hostile is text as it comes out of dumps, servers and file names: not UTF-8, with a
// zero byte, and with what might end a statement.
const hostile = "a\xffb\x00c'; DROP TABLE drills; -- \u2028 \xed\xa0\x80"

func hostileReport(t *testing.T, s history.Store) {
	d := Drill("d1", "orders", 0)
	l := begin(t, s, d)
	p := history.Progress{Notes: []history.Note{{At: noon, Text: hostile}}, Phases: []history.PhaseProgress{{Name: hostile, Began: noon}}}
	if _, err := s.Beat(t.Context(), l, lease, p); err != nil {
		t.Errorf("Beat: %v", err)
	}
	r := Report(d, verify.Failed)
	r.Artifact.Key, r.Artifact.SHA256, r.Error = hostile, hostile, hostile
	r.Results[0].Subject, r.Results[0].Observed = hostile, hostile
	r.Tables[0].Name, r.NotChecked = hostile, []string{hostile}
	a := alert("a1", "p1", "orders")
	a.Title, a.Detail, a.Report = hostile, hostile, &r
	err := s.Finish(t.Context(), l, r, func(notify.State) history.Effects {
		st := notify.State{Problems: map[notify.Kind]notify.Problem{notify.BadBackup: {ID: "p1", Subject: hostile, Backup: hostile}}}
		return history.Effects{State: st, Alerts: []history.Addressed{{Alert: a, To: []string{"ops"}}}}
	})
	if err != nil {
		t.Fatalf("Finish: %v", err)
	}
	if got, err := s.Get(t.Context(), "d1"); err != nil || got.Verdict != verify.Failed || len(got.Results) != 1 {
		t.Errorf("Get = %+v, %v; want the report", got, err)
	}
	if e := wantState(t, s, "d1", history.Finished); e.Summary == "" || e.Key == "" {
		t.Errorf("Entry = %+v, want its summary and key", e)
	}
	if st := standing(t, s, "orders"); st.NewestBackup == "" || st.Alerts.Problems[notify.BadBackup].ID != "p1" {
		t.Errorf("the target stands %+v", st)
	}
	takeOne(t, s, 1, "a1")
}

func hostileWords(t *testing.T, s history.Store) {
	enqueue(t, s, Drill("d1", "orders", 0))
	if err := s.Wait(t.Context(), "d1", hostile, noon); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if e := entry(t, s, "d1"); e.Why == "" {
		t.Error("it does not say why it waits")
	}
	if err := s.GiveBack(t.Context(), claim(t, s, "d1", noon), hostile, minute(1), noon); err != nil {
		t.Errorf("GiveBack: %v", err)
	}
	send(t, s, alert("a1", "p1", "orders"), "ops")
	if err := s.Postpone(t.Context(), takeOne(t, s, 1, "a1"), hostile, minute(2), minute(1), false); err != nil {
		t.Errorf("Postpone: %v", err)
	}
	if err := s.GiveUp(t.Context(), takeOne(t, s, 2, "a1"), hostile, minute(2), nil); err != nil {
		t.Errorf("GiveUp: %v", err)
	}
	if err := s.Send(t.Context(), []history.Addressed{{Alert: alert("a2", "p2", "orders"), Suppressed: hostile}}); err != nil {
		t.Errorf("Send: %v", err)
	}
	if err := s.Keep(t.Context(), "coverage", hostile); err != nil {
		t.Errorf("Keep: %v", err)
	}
	// What a person typed in, or a client sent.
	if _, err := s.Cancel(t.Context(), "d1", hostile, noon); err != nil {
		t.Errorf("Cancel: %v", err)
	}
	for _, search := range []string{hostile, "\x00", "\xff"} {
		if f, err := s.Fleet(t.Context(), history.FleetQuery{Search: search}); err != nil || f.Total != 0 {
			t.Errorf("Fleet(%q) = %d targets, %v; want none", search, f.Total, err)
		}
		if _, err := s.Get(t.Context(), search); err == nil {
			t.Errorf("Get(%q) found a drill", search)
		}
		if list, err := s.List(t.Context(), history.Filter{Target: search, Limit: 1}); err != nil || len(list) != 0 {
			t.Errorf("List of target %q = %v, %v; want none", search, ids(list), err)
		}
	}
}
