package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/postgres"
	"lifeboat/history/sqlite"
	"lifeboat/internal/testkit/pgserver"
	"lifeboat/notify"
	"lifeboat/verify"
)

func TestSmoke(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
		if err != nil {
			t.Fatal(err)
		}
		smoke(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), pgserver.Start(t).DSN(t))
		if err != nil {
			t.Fatal(err)
		}
		smoke(t, s)
	})
}

func smoke(t *testing.T, s history.Store) {
	ctx := t.Context()
	began := time.Now()
	defer s.Close()
	now := time.Now()
	var plans []history.Plan
	for i := range 100 {
		plans = append(plans, history.Plan{Target: fmt.Sprintf("t%03d", i), Spec: "a", Next: now})
	}
	if err := s.Plan(ctx, plans, now); err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(ctx, now, 1000)
	if err != nil || len(due) != 100 {
		t.Fatal(len(due), err)
	}
	began = time.Now()
	for i, p := range due {
		d := history.Drill{ID: fmt.Sprintf("d%03d", i), Target: p.Target, Trigger: history.Scheduled, Priority: 3, Asked: now, ScheduledFor: now, Attempt: 1}
		if i == 50 {
			d.NotBefore = now.Add(time.Second)
		}
		ok, err := s.Fire(ctx, p, now.Add(time.Hour), &d)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	t.Log("fired", time.Since(began))
	done := make(chan string, 1000)
	began = time.Now()
	stop, err := s.Work(ctx, 4, func(ctx context.Context, id string) time.Duration {
		l, err := s.Claim(ctx, id, "me", time.Minute, time.Now())
		if err != nil {
			t.Error(err)
			return 0
		}
		if _, err := s.Beat(ctx, l, time.Minute, history.Progress{}); err != nil {
			t.Error(err)
		}
		r := verify.Report{Schema: verify.Schema, Drill: l.ID, Target: l.Target, Verdict: verify.Passed, Started: l.Started, Finished: time.Now()}
		err = s.Finish(ctx, l, r, func(st notify.State) history.Effects {
			return history.Effects{State: st, Alerts: []history.Addressed{{Alert: notify.Alert{ID: "a" + l.ID, Problem: "p" + l.Target, At: time.Now(), Report: &r}, To: []string{"x", "y"}}}}
		})
		if err != nil {
			t.Error(err)
		}
		done <- id
		return 0
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		id := <-done
		if id == "d050" {
			t.Log("late one", time.Since(now))
		}
	}
	t.Log("worked", time.Since(began))
	began = time.Now()
	if err := stop(ctx); err != nil {
		t.Fatal(err)
	}
	t.Log("stopped", time.Since(began))
	f, err := s.Fleet(ctx, history.FleetQuery{Limit: 10})
	t.Log(f.Total, f.Verdicts, len(f.Standings), err, f.Standings[0])
	ds, err := s.ClaimDeliveries(ctx, "o", time.Minute, time.Now(), 10)
	if err != nil || len(ds) != 10 {
		t.Fatal(len(ds), err)
	}
	if err := s.Delivered(ctx, ds[0], "th", time.Now()); err != nil {
		t.Fatal(err)
	}
	c, err := s.OutboxCounts(ctx)
	t.Log(c, err)
	l, err := s.List(ctx, history.Filter{Limit: 3, Verdicts: []verify.Verdict{verify.Passed, verify.Failed}})
	t.Log(len(l), err)
	m, err := s.Strips(ctx, []string{"t001", "t002"}, 60)
	t.Log(m, err)
	if _, err := s.Reap(ctx, nil, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
}
