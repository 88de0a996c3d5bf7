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
	plans := make(map[string]schedule)
	for _, one := range s.series {
		plans[one.name] = one.plan(s.t)
	}
	l.auditChains(s.t, plans)
	occurrences, late := s.auditSchedules(l)
	s.auditNewBackups(l)
	s.auditVerdicts(l)
	deliveries := s.deliveries()
	sent := s.auditAlerts(deliveries)
	s.auditOverdue(l, deliveries)
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

// deliveries are all of the month.
func (s *soak) deliveries() []history.Delivery {
	s.t.Helper()
	var all []history.Delivery
	for f := (history.DeliveryFilter{Limit: 1000}); ; {
		list, err := s.store.Deliveries(s.t.Context(), f)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, list...)
		if len(list) < f.Limit {
			return all
		}
		f.Before = list[len(list)-1].ID
	}
}

// auditAlerts checks that each alert arrived exactly once, and that what went wrong was
// told: no less, and nothing else.
func (s *soak) auditAlerts(deliveries []history.Delivery) (sent int) {
	s.t.Helper()
	type delivered struct{ channel, alert string }
	want := make(map[delivered]int)
	told := make(map[string]int)
	channels := map[string]string{"team": s.slack.ChannelID("#backups"), "ops": s.slack.ChannelID("#lifeboat")}
	for _, d := range deliveries {
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
		if n := told[fmt.Sprintf("%s %s %s", one.name, notify.BadBackup, notify.Opened)]; n > 0 && one.group != "bad" {
			s.t.Errorf("%s: %d times its backup was called bad, and it never was", one.name, n)
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

// auditOverdue checks that what was called overdue was, and that nothing was without
// anybody being told in time.
func (s *soak) auditOverdue(l *ledger, deliveries []history.Delivery) {
	s.t.Helper()
	verdicts := make(map[string][]history.Entry)
	for _, e := range l.list {
		if e.State == history.Finished && e.Verdict != verify.Errored {
			verdicts[e.Target] = append(verdicts[e.Target], e)
		}
	}
	alerts := make(map[string][]history.Delivery)
	for _, d := range deliveries {
		alerts[d.Alert.Target] = append(alerts[d.Alert.Target], d)
	}
	late := 0
	for _, one := range s.series {
		if one.group == "never" {
			continue // it has no verdict at all, which its drills tell
		}
		for _, d := range alerts[one.name] {
			if d.Alert.Kind != notify.Overdue || d.Alert.Reason != notify.Opened {
				continue
			}
			late++
			for _, e := range verdicts[one.name] {
				if age := d.Alert.At.Sub(e.Finished); age >= 0 && age < s.allowed(one, e.Finished) {
					s.t.Errorf("%s: it was called overdue at %s, with a verdict %s before:\n%s", one.name,
						d.Alert.At.Format(time.RFC3339), age, l.story(one.name, e.Finished.Add(-day), d.Alert.At))
				}
			}
		}
		for i, e := range verdicts[one.name] {
			until := s.clock.now()
			if i+1 < len(verdicts[one.name]) {
				until = verdicts[one.name][i+1].Finished
			}
			last := s.pardon(e.Finished.Add(s.allowed(one, e.Finished)))
			if !until.After(last) {
				continue
			}
			heard := slices.ContainsFunc(alerts[one.name], func(d history.Delivery) bool {
				a := d.Alert
				told := d.State == history.Sent || strings.Contains(d.Why, "told once for all")
				return told && (a.Kind == notify.Overdue || a.Kind == notify.Unverified) && !a.At.Before(e.Finished) && !a.At.After(last)
			})
			if !heard {
				s.t.Errorf("%s: it had no verdict between %s and %s, and nobody was told by %s:\n%s", one.name,
					e.Finished.Format(time.RFC3339), until.Format(time.RFC3339), last.Format(time.RFC3339), l.story(one.name, e.Finished, until))
			}
		}
	}
	s.t.Logf("%d times a target was overdue", late)
}

// allowed is how long a target may go without a verdict after one.
func (s *soak) allowed(one series, at time.Time) time.Duration {
	s.t.Helper()
	switch plan := one.plan(s.t); {
	case one.group == "proof":
		return 2 * day
	case plan == nil:
		return 39 * time.Hour // 1.5 times its RPO
	default:
		return plan.Interval(at) * 3 / 2
	}
}

// pardon is when somebody must have been told that what was due did not come: some time
// after it, or after the downtime it falls into, which is made up for first.
func (s *soak) pardon(due time.Time) time.Time {
	const patience = 2 * time.Hour
	for _, g := range s.gaps {
		if !due.Before(g.from.Add(-patience)) && due.Before(g.to.Add(patience)) {
			due = g.to.Add(patience)
		}
	}
	return due.Add(patience)
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
