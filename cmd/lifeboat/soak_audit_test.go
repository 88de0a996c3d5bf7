package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// audit checks everything that a month left behind.
func (s *soak) audit() {
	s.t.Helper()
	l := readLedger(s.t, filepath.Join(filepath.Dir(s.child.config), "lifeboat.db"), s.store)
	l.auditChains(s.t)
	occurrences, late := s.auditSchedules(l)
	s.auditNewBackups(l)
	s.auditVerdicts(l)
	sent := s.auditAlerts()
	s.auditDatabase()
	states := make(map[string]int)
	for _, e := range l.list {
		states[string(e.Trigger)+" "+ending(e)]++
	}
	s.t.Logf("%d drills for %d occurrences, %d late, %d called off for one that waited; %d alerts sent in %d requests; faults: %v; drills: %v",
		len(l.list), occurrences, late, len(l.folded), sent, len(s.slack.Calls()), s.faults, states)
}

// ending is how a drill ended in one word.
func ending(e history.Entry) string {
	if e.State == history.Interrupted {
		return string(e.State)
	}
	return e.Verdict.String()
}

// auditSchedules checks every occurrence of every schedule. Only what was due while no
// Lifeboat ran may be late.
func (s *soak) auditSchedules(l *ledger) (occurrences, late int) {
	s.t.Helper()
	for _, one := range s.series {
		st, err := s.store.Standing(s.t.Context(), one.name)
		if err != nil {
			s.t.Fatal(err)
		}
		plan := one.plan(s.t)
		if plan == nil {
			continue
		}
		n, tardy := l.auditSchedule(s.t, one.name, plan, st.Since, st.Next)
		occurrences, late = occurrences+n, late+len(tardy)
		for _, e := range tardy {
			excused := slices.ContainsFunc(s.gaps, func(g span) bool { return !e.Asked.Before(g.from) && !e.ScheduledFor.After(g.to) })
			if !excused {
				s.t.Errorf("%s: drill %s for %s was queued at %s although a Lifeboat ran", one.name, e.ID,
					e.ScheduledFor.Format(time.RFC3339), e.Asked.Format(time.RFC3339))
			}
		}
		if n < soakDays/7 {
			s.t.Errorf("%s had %d occurrences in a month", one.name, n)
		}
	}
	return occurrences, late
}

// auditNewBackups checks that each new backup was drilled once, but for those that were
// replaced by the next before a Lifeboat could look.
func (s *soak) auditNewBackups(l *ledger) {
	s.t.Helper()
	for _, one := range s.series {
		if one.plan(s.t) != nil {
			continue
		}
		drilled := make(map[string]int)
		for _, e := range l.list {
			if e.Target == one.name && e.Trigger == history.NewBackup {
				key, _, _ := strings.Cut(e.Appeared, " ")
				drilled[key]++
			}
		}
		for i, key := range s.written[one.name] {
			made := s.madeAt(key)
			replaced := i+1 < len(s.written[one.name]) && slices.ContainsFunc(s.gaps, func(g span) bool {
				return g.from.Before(made.Add(2*time.Hour)) && g.to.After(s.madeAt(s.written[one.name][i+1]))
			})
			late := made.Add(3 * time.Hour).After(s.clock.now())
			if n := drilled[key]; n != 1 && !(n == 0 && (replaced || late)) {
				s.t.Errorf("%s: its backup %s was drilled %d times as a new one, want once", one.name, key, n)
			}
		}
	}
}

// madeAt is when a backup was made.
func (s *soak) madeAt(key string) time.Time {
	s.t.Helper()
	made, err := time.Parse("db-20060102T150405Z.db", filepath.Base(key))
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// auditVerdicts checks that no good backup was called bad, and no bad one good.
func (s *soak) auditVerdicts(l *ledger) {
	s.t.Helper()
	for _, e := range l.list {
		group, _, _ := strings.Cut(e.Target, "-")
		bad := false
		for d := badFrom; d < badUntil; d++ {
			bad = bad || group == "bad" && e.Key == s.key(e.Target, d)
		}
		switch {
		case e.State != history.Finished || e.Verdict == verify.Errored && !bad:
		case bad && e.Verdict != verify.Failed, !bad && e.Verdict != verify.Passed:
			s.t.Errorf("drill %s of %s with %s: %s, %s", e.ID, e.Target, e.Key, e.Verdict, e.Summary)
		case group == "never":
			s.t.Errorf("drill %s of %s passed, and there is no backup", e.ID, e.Target)
		}
	}
}

// auditAlerts checks that each alert arrived exactly once, and that what went wrong was
// told: no less, and nothing else.
func (s *soak) auditAlerts() (sent int) {
	s.t.Helper()
	type delivered struct{ channel, alert string }
	want := make(map[delivered]int)
	told := make(map[string]int)
	channels := map[string]string{"team": s.slack.ChannelID("#backups"), "ops": s.slack.ChannelID("#lifeboat")}
	for f := (history.DeliveryFilter{Limit: 1000}); ; {
		list, err := s.store.Deliveries(s.t.Context(), f)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, d := range list {
			switch d.State {
			case history.Sent:
				want[delivered{channels[d.Notifier], d.Alert.ID}] = 1
				told[fmt.Sprintf("%s %s %s", d.Alert.Target, d.Alert.Kind, d.Alert.Reason)]++
				sent++
			case history.Suppressed:
			default:
				s.t.Errorf("alert %s to %s is %s after %d attempts: %s", d.Alert.ID, d.Notifier, d.State, d.Attempts, d.Why)
			}
		}
		if len(list) < f.Limit {
			break
		}
		f.Before = list[len(list)-1].ID
	}
	got := make(map[delivered]int)
	for _, m := range s.slack.Messages() {
		got[delivered{m.Channel, m.AlertID()}]++
	}
	for d, n := range got {
		if want[d] != n {
			s.t.Errorf("alert %s arrived %d times in %s, want %d", d.alert, n, d.channel, want[d])
		}
		delete(want, d)
	}
	for d := range want {
		s.t.Errorf("alert %s never arrived in %s", d.alert, d.channel)
	}
	s.auditTold(told)
	return sent
}

// auditTold checks what was told about which target.
func (s *soak) auditTold(told map[string]int) {
	s.t.Helper()
	for _, one := range s.series {
		var want []string
		stopped := one.name == "fresh-00" || one.name == "fresh-01"
		switch one.group {
		case "bad":
			want = []string{"backup opened", "backup confirmed", "backup recovered"}
		case "gone", "shop":
			want = []string{"unverified opened", "unverified recovered"}
		case "never":
			want = []string{"unverified opened", "unverified repeated"}
		case "proof":
			want = []string{"overdue opened", "overdue recovered"}
		case "fresh":
			if stopped {
				want = []string{"overdue opened", "overdue recovered"}
			}
		}
		for _, what := range want {
			if told[one.name+" "+what] == 0 {
				s.t.Errorf("%s: nobody was told of %s", one.name, what)
			}
		}
		for _, kind := range []notify.Kind{notify.BadBackup, notify.Overdue} {
			expected := kind == notify.BadBackup && one.group == "bad" || kind == notify.Overdue && (one.group == "proof" || stopped)
			if n := told[fmt.Sprintf("%s %s %s", one.name, kind, notify.Opened)]; n > 0 && !expected {
				s.t.Errorf("%s: %d false alarms of the kind %s", one.name, n, kind)
			}
		}
		for _, kind := range []notify.Kind{notify.BadBackup, notify.Overdue, notify.Unverified} {
			opened, over := told[fmt.Sprintf("%s %s %s", one.name, kind, notify.Opened)], told[fmt.Sprintf("%s %s %s", one.name, kind, notify.Recovered)]
			if one.group != "never" && one.group != "proof" && opened != over {
				s.t.Errorf("%s: %s opened %d times and recovered %d times", one.name, kind, opened, over)
			}
		}
	}
	if n := told[" digest notice"]; n < 3 {
		s.t.Errorf("%d digests were sent in a month, want one a week", n)
	}
}

// auditDatabase asks SQLite whether the file is sound.
func (s *soak) auditDatabase() {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(s.child.config), "lifeboat.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	var sound string
	if err := db.QueryRowContext(s.t.Context(), "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
		s.t.Errorf("the database is %q, %v", sound, err)
	}
}

// auditLeaks checks that nothing is left, and that the last process did not grow.
func (s *soak) auditLeaks(last map[string]float64) {
	s.t.Helper()
	id, err := s.store.Installation(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	filter := "label=lifeboat.installation=" + id
	found := string(tool(s.t, nil, "docker", "ps", "-aq", "--filter", filter)) + string(tool(s.t, nil, "docker", "volume", "ls", "-q", "--filter", filter))
	if found != "" {
		s.t.Errorf("containers or volumes are left: %s", found)
	}
	if files := append(leftovers(s.t, s.child.tmp), leftovers(s.t, filepath.Join(filepath.Dir(s.child.config), "lifeboat.db.alive"))...); len(files) > 0 {
		s.t.Errorf("files are left: %v", files)
	}
	room := map[string]float64{"go_goroutines": 15, "process_open_fds": 15, "process_resident_memory_bytes": 48 << 20}
	for _, gauge := range gauges {
		if last[gauge] > s.sampled[gauge]+room[gauge] {
			s.t.Errorf("%s was %.0f five days before the end and is %.0f", gauge, s.sampled[gauge], last[gauge])
		}
	}
	s.t.Logf("the last process: %v, five days before the end %v", last, s.sampled)
}
