package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

func TestADrillIsMadeWhenItsTimeComes(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	target.Schedule, target.Spec = everyHours(24), "daily"
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	w.forward(target.Schedule.Next(w.now()).Sub(w.now()) + time.Second)
	w.backup("orders", 50)
	w.until("drilled by schedule", func() bool { return words(r.ended("orders")) == "schedule passed" })
	e := r.ended("orders")[0]
	if e.ScheduledFor.IsZero() || e.ScheduledFor.After(w.now()) || e.Rows != 50 {
		t.Errorf("entry is %+v, want the occurrence and 50 rows", e)
	}
	if told := w.friend.told(); told != "" {
		t.Errorf("told %s about a good backup", told)
	}
}

func TestABadBackupIsConfirmedOnceAndToldUntilItIsGoodAgain(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 1000)
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	r.ask("orders")
	w.until("confirmed", func() bool { return words(r.ended("orders")) == "manual failed, confirm failed" })
	w.until("told", func() bool { return w.friend.told() == "backup opened, backup confirmed" })
	w.forward(time.Hour)
	w.backup("orders", 2000)
	r.ask("orders")
	w.until("recovered", func() bool { return w.friend.told() == "backup opened, backup confirmed, backup recovered" })
	if got, want := words(r.ended("orders")), "manual failed, confirm failed, manual passed"; got != want {
		t.Errorf("drills ended %s, want %s", got, want)
	}
	first, last := w.friend.got[0], w.friend.got[2]
	if first.Thread != "" || last.Thread != "thread of "+first.Alert.Problem {
		t.Errorf("the recovery joins thread %q, the first alert %q", last.Thread, first.Thread)
	}
	if last.Alert.LastGood == nil && first.Alert.LastGood != nil {
		t.Errorf("proofs are %+v and %+v", first.Alert.LastGood, last.Alert.LastGood)
	}
}

func TestADrillThatCannotTellIsTriedAgainAndThenToldToOperators(t *testing.T) {
	w := newWorld(t)
	w.backup("orders", 50)
	r := w.run(w.setup(w.target("orders", 10)), "one")
	away := w.backups + ".away"
	if err := os.Rename(w.backups, away); err != nil { // the storage does not answer
		t.Fatal(err)
	}
	r.ask("orders")
	for i, want := range []string{"manual errored", "manual errored, retry errored", "manual errored, retry errored, retry errored"} {
		w.until(fmt.Sprintf("at attempt %d", i+1), func() bool { return words(r.ended("orders")) == want })
		if i < 2 && w.friend.told() != "" {
			t.Fatalf("told %s after %d attempts", w.friend.told(), i+1)
		}
		if i < 2 {
			w.forward(retryAfter[i])
		}
	}
	w.until("told", func() bool { return w.friend.told() == "unverified opened" })
	if err := os.Rename(away, w.backups); err != nil {
		t.Fatal(err)
	}
	w.forward(retryAfter[2])
	w.until("proven", func() bool { return w.friend.told() == "unverified opened, unverified recovered" })
	if waiting, err := r.Store.Waiting(t.Context(), 10); err != nil || len(waiting) > 0 {
		t.Errorf("still waiting: %+v, %v", waiting, err)
	}
}

func TestSilenceIsAnAlarm(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	target.MaxAgeProof = 2 * time.Hour
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	r.ask("orders")
	w.until("proven", func() bool { return words(r.ended("orders")) == "manual passed" })
	const step = 9 * time.Minute // longer ones the watchdog takes for a downtime
	for range 3 * time.Hour / step {
		w.forward(step)
		w.until("watched", func() bool {
			awake, err := r.Store.Moment(t.Context(), momentAwake)
			return err == nil && w.now().Sub(awake) < step
		})
	}
	w.until("told", func() bool { return w.friend.told() == "overdue opened" })
	r.ask("orders")
	w.until("over", func() bool { return strings.HasSuffix(w.friend.told(), "overdue recovered") })
	if n := strings.Count(w.friend.told(), "opened"); n != 1 {
		t.Errorf("told %s, want one problem", w.friend.told())
	}
}

func TestADowntimeIsCaughtUpOncePerTargetAndAlarmsNobody(t *testing.T) {
	w := newWorld(t)
	const many = 5
	var targets []Target
	for i := range many {
		target := w.target(fmt.Sprintf("db%d", i), 10)
		target.Schedule, target.Spec = everyHours(24), "daily"
		targets = append(targets, target)
		w.backup(target.Job.Target.Name, 50)
	}
	r := w.run(w.setup(targets...), "one")
	w.until("awake", func() bool {
		awake, err := r.Store.Moment(t.Context(), momentAwake)
		return err == nil && !awake.IsZero()
	})
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.forward(5 * 24 * time.Hour)
	r = w.run(w.setup(targets...), "two")
	w.until("queued", func() bool {
		waiting, err := r.Store.Waiting(t.Context(), 100)
		return err == nil && len(waiting)+len(r.ended("")) == many
	})
	w.forward(catchUpSpread)
	w.until("caught up", func() bool { return len(r.ended("")) == many })
	for _, e := range r.ended("") {
		if e.Trigger != history.CatchUp {
			t.Errorf("%s was drilled by %s, want a catch-up", e.Target, e.Trigger)
		}
	}
	if told := w.friend.told(); told != "" {
		t.Errorf("told %s", told)
	}
}

func TestANewBackupIsDrilledOnce(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	target.OnNewBackup, target.Poll = true, time.Hour
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	w.until("the first drilled", func() bool { return words(r.ended("orders")) == "new-backup passed" })
	w.forward(time.Minute)
	key := w.backup("orders", 60)
	if n := r.Appeared("disk", key); n != 1 {
		t.Errorf("Appeared = %d targets, want 1", n)
	}
	if n := r.Appeared("elsewhere", key) + r.Appeared("disk", "x"+key); n != 0 {
		t.Errorf("news about other objects concern %d targets", n)
	}
	w.until("the second drilled without waiting for the poll", func() bool {
		return words(r.ended("orders")) == "new-backup passed, new-backup passed"
	})
	w.forward(3 * time.Hour)
	r.Appeared("disk", key)
	w.until("looked again", func() bool { return len(r.look) == 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := w.run(w.setup(target), "two")
	again.Appeared("disk", key)
	w.until("looked after a restart", func() bool { return len(again.look) == 0 })
	if got := words(again.ended("orders")); got != "new-backup passed, new-backup passed" {
		t.Errorf("drilled %s", got)
	}
}

func TestASourceThatHangsKeepsNoNewBackupOfOthersWaiting(t *testing.T) {
	w := newWorld(t)
	w.backup("orders", 50)
	good := w.target("orders", 10)
	good.OnNewBackup, good.Poll = true, time.Hour
	targets := []Target{good}
	hung := &hungSource{Source: good.Source, asked: make(chan string, 100)}
	for i := range 20 {
		target := w.target(fmt.Sprintf("hung%d", i), 10)
		target.OnNewBackup, target.Poll, target.Source, target.Job.Target.Source = true, time.Hour, hung, "hung"
		targets = append(targets, target)
	}
	r := w.run(w.setup(targets...), "one")
	<-hung.asked
	w.until("the one that can be seen is drilled", func() bool { return words(r.ended("orders")) == "new-backup passed" })
}

func TestACancelledDrillTellsNobodyAndIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	w.backup("orders", 50)
	r := w.run(w.setup(target), "one")
	later := history.Drill{ID: "later", Target: "orders", Trigger: history.Manual, Priority: 1, Asked: w.now(), NotBefore: w.now().Add(time.Hour), Attempt: 1}
	if _, _, err := r.Store.Enqueue(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if state, err := r.Store.Cancel(t.Context(), "later", "somebody", w.now()); err != nil || state != history.Queued {
		t.Fatalf("Cancel = %s, %v", state, err)
	}
	w.forward(2 * time.Hour)
	r.ask("orders")
	w.until("drilled", func() bool { return len(r.ended("orders")) > 0 })
	if got := words(r.ended("orders")); got != "manual passed" {
		t.Errorf("drilled %s, want the one that was not cancelled", got)
	}
}

func TestAStopHandsRunningDrillsOverAndTheNextStartTakesThem(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	w.backup("orders", 50)
	slow := &slowSource{Source: target.Source, began: make(chan struct{}, 8)}
	target.Source = slow
	setup := w.setup(target)
	r := w.run(setup, "one")
	r.Drain = 50 * time.Millisecond
	id := r.ask("orders")
	<-slow.began
	if err := r.stop(); err != nil {
		t.Logf("stop: %v", err)
	}
	store := w.open()
	e, err := store.Entry(t.Context(), id)
	if err := errors.Join(err, store.Close()); err != nil || e.State != history.Queued || !strings.Contains(e.Why, "handed over") {
		t.Fatalf("after the stop the drill is %+v, %v; want it queued again", e, err)
	}
	slow.fast.Store(true)
	next := w.run(setup, "two")
	w.until("drilled", func() bool { return words(next.ended("orders")) == "manual passed" })
	if told := w.friend.told(); told != "" {
		t.Errorf("told %s", told)
	}
}

func TestAReloadIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 10)
	w.backup("orders", 50)
	w.backup("notes", 50)
	r := w.run(w.setup(target), "one")
	more := w.setup(target, w.target("notes", 10))
	more.Concurrency = 3
	if err := r.Use(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	r.ask("notes")
	w.until("the new target drilled", func() bool { return words(r.ended("notes")) == "manual passed" })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Use(gone, w.setup()); err == nil {
		t.Error("a setup was put in force although the history did not take its schedules")
	}
	if _, there := r.Setup().Targets["orders"]; !there {
		t.Error("a setup that was refused is in force")
	}
}

func TestAlertsThatAreRefusedGoToTheFallbackAndAreTold(t *testing.T) {
	w := newWorld(t)
	target := w.target("orders", 1000)
	w.backup("orders", 50)
	deaf := &friend{fail: []error{
		&notify.RetryError{After: time.Minute, Err: errors.New("busy")},
		fmt.Errorf("connection reset: %w", notify.ErrUnanswered),
		fmt.Errorf("%w: no such channel", notify.ErrRefused),
		fmt.Errorf("%w: no such channel", notify.ErrRefused),
	}}
	target.Owners = []string{"deaf"}
	setup := w.setup(target)
	setup.Notifiers["deaf"] = deaf
	setup.Fallback = map[string]string{"deaf": "friend"}
	r := w.run(setup, "one")
	r.ask("orders")
	var pending history.Delivery
	w.until("postponed", func() bool {
		list, err := r.Store.Deliveries(t.Context(), history.DeliveryFilter{State: history.Pending, Limit: 10})
		for _, d := range list {
			if d.Attempts == 1 && d.Why != "" {
				pending = d
			}
		}
		return err == nil && pending.ID != 0
	})
	if wait := pending.NotBefore.Sub(w.now()); wait < 30*time.Second {
		t.Errorf("tried again after %s, want the minute that was asked for", wait)
	}
	w.until("given up", func() bool {
		w.forward(time.Minute)
		return strings.Count(w.friend.told(), "service opened") >= 1 && strings.Contains(w.friend.told(), "backup opened")
	})
	if len(deaf.got) != 0 {
		t.Errorf("the deaf one heard %d alerts", len(deaf.got))
	}
	found := false
	for _, c := range r.Conditions(t.Context()) {
		found = found || c.Code == AlertsUndelivered
	}
	if !found {
		t.Error("no condition of the service tells of the alert that was given up")
	}
}

func TestAConditionIsNotSaidToHaveJustBegun(t *testing.T) {
	w := newWorld(t)
	store, now := w.open(), w.now()
	s := &Service{
		Pipeline: &Pipeline{NoServers: errors.New("no Docker answers")}, Store: store, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now },
	}
	began := now.Add(-3 * time.Hour)
	s.troubles.note("schedule", errors.New("no answer"), began)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	since := make(map[string]time.Time)
	for _, c := range s.Conditions(t.Context()) {
		since[c.Code] = c.Since
	}
	want := map[string]time.Time{DatabaseUnreachable: began, LoopFailing: began, SandboxMissing: {}}
	if !maps.EqualFunc(since, want, time.Time.Equal) {
		t.Errorf("conditions since %v, want %v", since, want)
	}
}

func TestTheDigestComesOnceAWeek(t *testing.T) {
	w := newWorld(t)
	w.backup("orders", 50)
	w.backup("forgotten", 50)
	setup := w.setup(w.target("orders", 10), w.target("notes", 10))
	setup.Digest = everyHours(24 * 7)
	r := w.run(setup, "one")
	r.ask("orders")
	w.until("drilled and looked around", func() bool {
		cover, err := r.Coverage(t.Context())
		return err == nil && !cover.At.IsZero() && len(r.ended("orders")) == 1
	})
	if cover, err := r.Coverage(t.Context()); err != nil || len(cover.Sources) != 1 || cover.Sources[0].Backups != 2 || cover.Sources[0].Covered != 1 {
		t.Errorf("Coverage = %+v, %v; want one of two backups covered", cover, err)
	}
	w.forward(2 * 24 * time.Hour)
	w.until("not yet told", func() bool { at, err := r.Store.Moment(t.Context(), momentDigest); return err == nil && !at.IsZero() })
	if told := w.friend.told(); told != "" {
		t.Fatalf("told %s before a week was over", told)
	}
	w.forward(7 * 24 * time.Hour)
	w.until("told", func() bool { return w.friend.told() == "digest notice" })
	sum := w.friend.got[0].Alert.Digest
	if len(sum.Proven) != 1 || len(sum.Unproven) != 1 || len(sum.Uncovered) != 1 || !strings.Contains(sum.Uncovered[0], "forgotten") {
		t.Errorf("digest is %+v", sum)
	}
}

func TestADigestHidesNothingBehindWhatCouldNotBeTold(t *testing.T) {
	w := newWorld(t)
	store, now := w.open(), w.now()
	defer store.Close()
	s := &Service{Store: store, Now: w.now}
	if err := store.Plan(t.Context(), []history.Plan{{Target: "orders"}}, now); err != nil {
		t.Fatal(err)
	}
	d := history.Drill{ID: "d1", Target: "orders", Trigger: history.Scheduled, Asked: now, Attempt: 1}
	l, err := store.Begin(t.Context(), d, "one", time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	mute := verify.Report{Schema: verify.Schema, Drill: "d1", Target: "orders", Verdict: verify.Errored, Started: now, Finished: now}
	bad := notify.Problem{ID: "bad", Since: now, SentAt: now, Verdict: verify.Failed, Code: verify.RowsMissing, Subject: "public.orders"}
	err = store.Finish(t.Context(), l, mute, func(notify.State) history.Effects {
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{notify.BadBackup: bad}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Keep(t.Context(), keptCoverage, `{"Sources": [{"Source": "nas", "Error": "no such folder"},
		{"Source": "offsite", "Uncovered": [{"Example": "tmp/test.sql"}]}]}`); err != nil {
		t.Fatal(err)
	}
	sum, err := s.summary(t.Context(), now.Add(-time.Hour), now)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Unproven) != 1 || sum.Unproven[0].Verdict != verify.Failed || !strings.Contains(sum.Unproven[0].Why, "rows_missing public.orders") {
		t.Errorf("the digest says %+v of a bad backup that the last drill could not look at", sum.Unproven)
	}
	err = store.Update(t.Context(), "orders", func(st history.Standing) (history.Effects, bool) {
		bad.Doubted = true
		return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{notify.BadBackup: bad}}}, true
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.summary(t.Context(), now.Add(-time.Hour), now)
	if err != nil || len(again.Unproven) != 1 || !strings.Contains(again.Unproven[0].Why, "two drills of its newest backup disagree") {
		t.Errorf("the digest says %+v, %v of a backup that two drills disagree about", again.Unproven, err)
	}
	if want := []string{"nas: not known, it could not be listed", "offsite: tmp/test.sql"}; !slices.Equal(sum.Uncovered, want) {
		t.Errorf("covered by no target: %q, want %q", sum.Uncovered, want)
	}
}

func TestHeartbeatsAreSentForVerdictsOnly(t *testing.T) {
	w := newWorld(t)
	beats := make(chan string, 100)
	target := w.target("orders", 10)
	target.Heartbeat = func(context.Context) error { beats <- "orders"; return nil }
	setup := w.setup(target)
	service := make(chan struct{}, 1000)
	setup.Heartbeat = func(context.Context) error { service <- struct{}{}; return nil }
	r := w.run(setup, "one")
	<-service
	w.backup("orders", 50)
	r.ask("orders")
	<-beats
	if err := os.RemoveAll(w.backups); err != nil {
		t.Fatal(err)
	}
	r.ask("orders")
	w.until("errored", func() bool { return strings.HasSuffix(words(r.ended("orders")), "errored") })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(beats); n != 0 {
		t.Errorf("%d heartbeats for a drill that could not tell", n)
	}
}

func TestWhoIsLeftOverdueOfManyIsToldOf(t *testing.T) {
	w := newWorld(t)
	store := w.open()
	defer store.Close()
	s := &Service{Store: store, Now: w.now, Log: slog.New(slog.DiscardHandler)}
	setup, names := w.setup(), []string{"a", "b", "c", "d", "e", "f"}
	var plans []history.Plan
	for _, name := range names {
		target := w.target(name, 10)
		target.MaxAgeProof = time.Hour
		setup.Targets[name] = target
		plans = append(plans, history.Plan{Target: name})
	}
	s.setup.Store(setup)
	if err := store.Plan(t.Context(), plans, w.now()); err != nil {
		t.Fatal(err)
	}
	w.forward(2 * time.Hour)
	watch := func() (told []string) {
		t.Helper()
		if err := s.watch(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := store.Deliveries(t.Context(), history.DeliveryFilter{State: history.Pending, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			told = append(told, d.Alert.Target)
		}
		slices.Sort(told)
		return told
	}
	if got := watch(); !slices.Equal(got, []string{"", "a", "b", "c", "d", "e"}) {
		t.Fatalf("told of %q, want five, and one alert for all", got)
	}
	if got := watch(); len(got) != 6 {
		t.Fatalf("told of %q while as many are overdue", got)
	}
	now := w.now()
	d := history.Drill{ID: "d1", Target: "a", Trigger: history.Manual, Asked: now, Attempt: 1}
	l, err := store.Begin(t.Context(), d, "one", time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	good := verify.Report{Schema: verify.Schema, Drill: "d1", Target: "a", Verdict: verify.Passed, Started: now, Finished: now}
	if err := store.Finish(t.Context(), l, good, func(notify.State) history.Effects { return history.Effects{} }); err != nil {
		t.Fatal(err)
	}
	if got := watch(); !slices.Contains(got, "f") {
		t.Errorf("told of %q; nobody knows of f, which is one of five that are left", got)
	}
}

func TestAnOutageIsNotToldOfEachTarget(t *testing.T) {
	const many = 12
	w := newWorld(t)
	var targets []Target
	for i := range many {
		targets = append(targets, w.target(fmt.Sprintf("db%d", i), 10))
	}
	setup := w.setup(targets...)
	setup.Policy.UnverifiedAfter, setup.Concurrency = 1, 1
	r := w.run(setup, "one")
	if err := os.RemoveAll(w.backups); err != nil { // the storage does not answer
		t.Fatal(err)
	}
	for _, target := range targets {
		r.ask(target.Job.Target.Name)
	}
	w.until("all drilled", func() bool { return len(r.ended("")) == many })
	w.until("told", func() bool { return strings.Count(w.friend.told(), "service opened") == 1 })
	if n := strings.Count(w.friend.told(), "unverified opened"); n != 5 {
		t.Errorf("%d targets were told of one by one, want 5:\n%s", n, w.friend.told())
	}
	suppressed, err := r.Store.Deliveries(t.Context(), history.DeliveryFilter{State: history.Suppressed, Limit: 100})
	if err != nil || len(suppressed) != many-5 {
		t.Errorf("%d alerts are kept as suppressed, %v; want %d", len(suppressed), err, many-5)
	}
}
