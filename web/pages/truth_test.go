package pages_test

import (
	"strings"
	"testing"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// record puts a finished drill on record.
func record(t testing.TB, store history.Store, r verify.Report) {
	t.Helper()
	importer, ok := store.(history.Importer)
	if !ok {
		t.Fatal("the store takes no reports of an earlier one")
	}
	check(t, importer.Import(t.Context(), func(yield func(verify.Report) bool) { yield(r) }))
}

func TestASandboxThatWasNeverProbedIsNotCalledLeaky(t *testing.T) {
	s := newSite(t, true)
	record(t, s.store, verify.Report{
		Schema: verify.Schema, Drill: "cut-short", Target: "search", Verdict: verify.Failed, Started: now, Finished: now,
		Results: []verify.Result{{Check: "artifact", Verdict: verify.Failed, Code: verify.ArchiveTruncated, Detail: "The dump ends too early."}},
		Sandbox: &verify.Sandbox{Runner: "docker", Image: "postgres:16"},
	})
	_, body := s.get(t, "/drills/cut-short")
	if strings.Contains(body, "not isolated") || !strings.Contains(body, "isolation not probed") {
		t.Error("the page of a drill that ended before its sandbox was probed does not say so")
	}
}

func TestAMissingProofIsNotCalledAMissingVerdict(t *testing.T) {
	s := newSite(t, true)
	check(t, s.store.Update(t.Context(), "crm", func(st history.Standing) (history.Effects, bool) {
		late := notify.Problem{ID: "late", Since: now, SentAt: now, Verdict: verify.Errored, Proof: true}
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{notify.Overdue: late}}}, true
	}))
	for _, path := range []string{"/?q=crm", "/targets/crm"} {
		_, body := s.get(t, path)
		if strings.Contains(body, "No verdict came in time") || !strings.Contains(body, "No proof came in time") {
			t.Errorf("%s says that no verdict came, where only a proof is missing", path)
		}
	}
}

func TestASearchDoesNotCountWhatItDoesNotShow(t *testing.T) {
	s := newSite(t, true)
	for query, want := range map[string]string{"": "3", "?q=billing": "1"} {
		_, body := s.get(t, "/"+query)
		if want = `Needs a person <span class="n">` + want + "<"; !strings.Contains(body, want) {
			t.Errorf("/%s does not show %s", query, want)
		}
	}
}

func TestACancelledDrillSaysByWhom(t *testing.T) {
	s := newSite(t, true)
	_, err := s.store.Cancel(t.Context(), "drill-queued-0001", "ada", now)
	check(t, err)
	if _, body := s.get(t, "/drills/drill-queued-0001"); !strings.Contains(body, "called off before it began, by ada.") {
		t.Error("the page of a drill that was called off does not say by whom")
	}
}

func TestWhatWasToldOfManyIsNotSaidToBeToldOfEach(t *testing.T) {
	s := newSite(t, true)
	check(t, s.store.Update(t.Context(), "crm", func(st history.Standing) (history.Effects, bool) {
		quiet := notify.Problem{ID: "quiet", Since: now, SentAt: now, Verdict: verify.Errored, Code: verify.StorageUnreachable, Quiet: true}
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{notify.Unverified: quiet}}}, true
	}))
	for _, path := range []string{"/alerts", "/targets/crm"} {
		_, body := s.get(t, path)
		_, at, _ := strings.Cut(body, "The storage did not answer")
		if at, _, _ = strings.Cut(at, "</li>"); strings.Contains(at, "last alert") || !strings.Contains(at, "told once for many targets") {
			t.Errorf("%s says of a target in an outage: %s", path, at)
		}
	}
}

func TestTablesThatWereNotCountedAreNotCalledEqual(t *testing.T) {
	s := newSite(t, true)
	three := int64(3)
	for id, tt := range map[string]struct {
		dumped []*int64
		want   string
	}{
		"none-counted": {[]*int64{nil, nil}, "not known. 2 tables could not be counted in the dump."},
		"some-counted": {[]*int64{&three, nil}, "No table that was counted in the dump differs from it. 1 table could not be counted in the dump."},
		"all-counted":  {[]*int64{&three, &three}, "No table differs from the dump.</p>"},
	} {
		r := verify.Report{Schema: verify.Schema, Drill: id, Target: "search", Verdict: verify.Passed, Started: now, Finished: now}
		for i, n := range tt.dumped {
			r.Tables = append(r.Tables, verify.Table{Table: engine.Table{Schema: "public", Name: string(rune('a' + i))}, Rows: 3, DumpRows: n})
		}
		record(t, s.store, r)
		if _, body := s.get(t, "/drills/"+id); !strings.Contains(body, tt.want) {
			t.Errorf("the page of %s does not say %q", id, tt.want)
		}
	}
}

func TestATargetThatIsDrilledAsBackupsAppearHasARunToWaitFor(t *testing.T) {
	s := newSite(t, true)
	s.service.List[0].Schedule, s.service.List[0].Upcoming = "on-new-backup", nil
	check(t, s.store.Plan(t.Context(), []history.Plan{{Target: s.service.List[0].Name, Spec: "on-new-backup"}}, now))
	_, body := s.get(t, "/targets/"+s.service.List[0].Name)
	if strings.Contains(body, "None are planned.") || !strings.Contains(body, "When a new backup appears.") {
		t.Error("its page does not say when it is drilled next")
	}
}

func TestTheVerdictOfADrillSaysItsReasonOnce(t *testing.T) {
	s := newSite(t, true)
	record(t, s.store, verify.Report{
		Schema: verify.Schema, Drill: "cut-short", Target: "search", Verdict: verify.Failed, Started: now, Finished: now,
		Results: []verify.Result{{Check: "artifact", Verdict: verify.Failed, Code: verify.ArchiveTruncated,
			Detail: "The dump ends too early: after 10 bytes.", Hint: "Make a new backup now."}},
	})
	_, body := s.get(t, "/drills/cut-short")
	verdict, _, _ := strings.Cut(body, "What to do:")
	if n := strings.Count(verdict, "The dump ends too early: after 10 bytes."); n != 1 {
		t.Errorf("the verdict says %d times why, want once", n)
	}
}

func TestWhatToDoBelongsToTheReasonThatIsSaid(t *testing.T) {
	s := newSite(t, true)
	record(t, s.store, verify.Report{
		Schema: verify.Schema, Drill: "small", Target: "search", Verdict: verify.Failed, Started: now, Finished: now,
		Results: []verify.Result{
			{Check: "artifact", Verdict: verify.Failed, Code: verify.BackupShrunk, Subject: "size", Observed: "97 B", Expected: "about 192 KiB", Hint: "Compare the tables."},
			{Check: "artifact", Verdict: verify.Failed, Code: verify.NotABackup, Detail: "It looks like a web page.", Hint: "Look at the job."},
		},
	})
	_, body := s.get(t, "/drills/small")
	verdict, _, _ := strings.Cut(body, "</dl>")
	if !strings.Contains(verdict, "It looks like a web page.") || !strings.Contains(verdict, "Look at the job.") || strings.Contains(verdict, "Compare the tables.") {
		t.Error("the verdict does not tell one reason and what to do about it")
	}
}
