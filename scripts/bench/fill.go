package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/history/postgres"
	"lifeboat/history/sqlite"
	"lifeboat/notify"
	"lifeboat/verify"
)

// store is a database that takes in finished drills.
type store interface {
	history.Store
	history.Importer
}

func (c crowd) open(ctx context.Context) (store, error) {
	if strings.HasPrefix(c.history, "postgres") {
		return postgres.Open(ctx, c.history)
	}
	return sqlite.Open(ctx, c.history)
}

// fill puts the crowd's past into its database: drills, open problems, alerts, and drills
// that wait.
func (c crowd) fill(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	now := time.Now()
	began := now
	if err := s.Import(ctx, c.past(now)); err != nil {
		return err
	}
	say("  %d drills in %.0f s", c.drills, time.Since(began).Seconds())
	if err := c.problems(ctx, s, now); err != nil {
		return fmt.Errorf("open problems: %w", err)
	}
	if err := c.outbox(ctx, s, now); err != nil {
		return fmt.Errorf("fill the outbox: %w", err)
	}
	for i := c.targets - min(waiting, c.targets); i < c.targets; i++ {
		if _, _, err := s.Enqueue(ctx, c.queued(i, now)); err != nil {
			return fmt.Errorf("fill the queue: %w", err)
		}
	}
	return s.Close()
}

func (c crowd) problems(ctx context.Context, s store, now time.Time) error {
	for i := range c.targets {
		if !c.broken(i) {
			continue
		}
		err := s.Update(ctx, c.name(i), func(history.Standing) (history.Effects, bool) {
			return history.Effects{State: notify.State{Numbered: 1, Problems: map[notify.Kind]notify.Problem{notify.BadBackup: {
				ID: "problem-" + c.name(i), Since: now.Add(-18 * time.Hour), SentAt: now.Add(-time.Hour), Verdict: verify.Failed, Code: string(verify.RowsMissing),
				Subject: "table_3",
			}}}}, true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// outbox addresses alerts and has those that somebody carries delivered.
func (c crowd) outbox(ctx context.Context, s store, now time.Time) error {
	const atOnce = 500
	for from := 0; from < alerts; from += atOnce {
		var batch []history.Addressed
		for i := from; i < from+atOnce; i++ {
			at := now.Add(-time.Duration(alerts-i) * 10 * time.Minute)
			a := history.Addressed{Alert: notify.Alert{
				ID: fmt.Sprintf("past-%d-1", i), Problem: fmt.Sprintf("past-%d", i), Kind: notify.BadBackup, Reason: notify.Opened, Audience: notify.Owners,
				Target: c.name(i % c.targets), Verdict: verify.Failed, Title: "The newest backup of " + c.name(i%c.targets) + " does not restore whole.",
				Code: string(verify.RowsMissing), Subject: "table_3", Expected: "20 rows", Observed: "10 rows",
				Detail: "Rows of the dump are missing after the restore.", Since: at, At: at,
			}}
			if i%(alerts/sentAlerts) == 0 {
				a.To = []string{"ops"}
			} else {
				a.Suppressed = "nobody is to be told"
			}
			batch = append(batch, a)
		}
		if err := s.Send(ctx, batch); err != nil {
			return err
		}
	}
	for {
		due, err := s.ClaimDeliveries(ctx, "bench", time.Minute, now, atOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if err := s.Delivered(ctx, d, "", now); err != nil {
				return err
			}
		}
	}
}
