package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeboat/history"
)

// watchDispatch lets the service drill what is due for a while, and tells how long after
// its time each drill began.
func (c crowd) watchDispatch(ctx context.Context, s *served, wait time.Duration) ([]row, error) {
	const settle = 70 * time.Second // the first whole minute of the schedule, and the burst of the start
	say("drills that are due, for %s", settle+wait)
	if err := sleep(ctx, settle); err != nil {
		return nil, err
	}
	from := time.Now()
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, wait); err != nil {
		return nil, err
	}
	to := time.Now()
	after, err := s.cpu()
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, 5*time.Second); err != nil { // for what was due at the end
		return nil, err
	}
	lags, late, err := c.lags(ctx, from, to)
	if err != nil {
		return nil, err
	}
	at := func(percent int) time.Duration { return lags[min(len(lags)-1, len(lags)*percent/100)] }
	r := row{fmt.Sprintf("dispatch of %d drills, %.1f a second, due to begun", len(lags), float64(len(lags))/to.Sub(from).Seconds()),
		"p99 below 1 s", fmt.Sprintf("p50 %s, p95 %s, p99 %s, highest %s", millis(at(50)), millis(at(95)), millis(at(99)), millis(at(100))), at(99) < lagBar}
	say("  %s: %s", r.what, r.measured)
	return []row{r,
		{"drills that were due and did not begin", "none", fmt.Sprint(late), late == 0},
		{"processor meanwhile", "", fmt.Sprintf("%.0f %% of a core", 100*(after-before).Seconds()/to.Sub(from).Seconds()), true},
	}, nil
}

// lags are the times from when scheduled drills were due to when they began, sorted, and
// how many due ones did not begin.
func (c crowd) lags(ctx context.Context, from, to time.Time) (lags []time.Duration, late int, err error) {
	st, err := c.open(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer st.Close()
	began, err := st.List(ctx, history.Filter{Limit: 100_000})
	if err != nil {
		return nil, 0, err
	}
	waits, err := st.Waiting(ctx, 100_000)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range slices.Concat(began, waits) {
		due := e.NotBefore
		if e.Trigger != history.Scheduled || due.Before(from) || due.After(to) {
			continue
		}
		if e.Started.IsZero() {
			late++
			continue
		}
		lags = append(lags, e.Started.Sub(due))
	}
	slices.Sort(lags)
	if len(lags) == 0 {
		return nil, 0, errors.New("no drill began")
	}
	return lags, late, st.Close()
}
