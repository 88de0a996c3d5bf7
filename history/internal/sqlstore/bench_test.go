package sqlstore_test

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
)

// months makes n finished drills of many targets, an hour apart, each with a report
// of a usual size.
func months(targets, n int) iter.Seq[verify.Report] {
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	verdicts := []verify.Verdict{verify.Passed, verify.Passed, verify.Passed, verify.Passed, verify.Warned, verify.Passed, verify.Errored}
	return func(yield func(verify.Report) bool) {
		for i := range n {
			target := i % targets
			v := verdicts[(i/targets+target)%len(verdicts)]
			if i%9973 == 0 {
				v = verify.Failed
			}
			began := first.Add(time.Duration(i/targets)*time.Hour + time.Duration(target)*time.Millisecond)
			r := verify.Report{
				Schema: verify.Schema, Drill: fmt.Sprintf("%08x-%05d", i, target), Target: fmt.Sprintf("target-%05d", target), Verdict: v,
				Artifact: &verify.Artifact{Source: "offsite", Key: fmt.Sprintf("pg/target-%05d/%08d.dump", target, i), Bytes: 1 << 30,
					SHA256: fmt.Sprintf("%064x", i), MadeAt: began.Add(-time.Hour)},
				Results: []verify.Result{{Check: "census", Verdict: v, Code: verify.RowsMissing, Subject: "public.orders", Observed: "10 rows",
					Expected: "12 rows", Detail: "Rows are missing."}},
				Phases:     []verify.Phase{{Name: "fetch", Start: 1, Seconds: 20}, {Name: "restore", Start: 20, Seconds: 30}},
				Restore:    &verify.Restore{Tool: "pg_restore 16.4"},
				NotChecked: []string{}, Started: began, Finished: began.Add(time.Minute),
			}
			for j := range 8 {
				t := verify.Table{Rows: int64(1000 * j)}
				t.Schema, t.Name = "public", fmt.Sprintf("table_%d", j)
				r.Tables = append(r.Tables, t)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// BenchmarkPages reads what pages show, of 10,000 targets with 1,000,000 drills; of a
// tenth with -short.
func BenchmarkPages(b *testing.B) {
	targets, drills := 10_000, 1_000_000
	if testing.Short() {
		targets, drills = targets/10, drills/10
	}
	for kind, open := range kinds {
		b.Run(kind, func(b *testing.B) {
			s, err := open(b)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			pages(b, s, targets, drills)
		})
	}
}

func pages(b *testing.B, s store, targets, drills int) {
	ctx := b.Context()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	var plans []history.Plan
	for n := range targets {
		plans = append(plans, history.Plan{Target: fmt.Sprintf("target-%05d", n), Spec: "daily", Next: now.Add(time.Duration(n) * time.Second)})
	}
	began := time.Now()
	if err := s.Plan(ctx, plans, now); err != nil {
		b.Fatal(err)
	}
	b.Logf("planned in %s", time.Since(began))
	began = time.Now()
	if err := s.Plan(ctx, plans, now); err != nil {
		b.Fatal(err)
	}
	b.Logf("planned again in %s", time.Since(began))
	began = time.Now()
	if err := s.Import(ctx, months(targets, drills)); err != nil {
		b.Fatal(err)
	}
	b.Logf("imported in %s", time.Since(began))
	page := func(name string, do func(i int) error) {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	page("fleet", func(i int) error {
		f, err := s.Fleet(ctx, history.FleetQuery{Limit: 50, Offset: 50 * (i % 20)})
		if err != nil {
			return err
		}
		var names []string
		for _, st := range f.Standings {
			names = append(names, st.Target)
		}
		_, err = s.Strips(ctx, names, 60)
		return err
	})
	page("fleet only", func(int) error { _, err := s.Fleet(ctx, history.FleetQuery{Limit: 100}); return err })
	page("fleet search", func(int) error {
		_, err := s.Fleet(ctx, history.FleetQuery{Limit: 100, Search: "0777"})
		return err
	})
	page("fleet all", func(int) error { _, err := s.Fleet(ctx, history.FleetQuery{}); return err })
	page("target", func(i int) error {
		name := fmt.Sprintf("target-%05d", i%targets)
		if _, err := s.Standing(ctx, name); err != nil {
			return err
		}
		if _, err := s.Points(ctx, name, 100); err != nil {
			return err
		}
		_, err := s.List(ctx, history.Filter{Target: name, Limit: 50})
		return err
	})
	page("list", func(int) error { _, err := s.List(ctx, history.Filter{Limit: 100}); return err })
	page("list failed", func(int) error {
		_, err := s.List(ctx, history.Filter{Limit: 100, Verdicts: []verify.Verdict{verify.Failed, verify.Errored}})
		return err
	})
	page("list interrupted", func(int) error {
		_, err := s.List(ctx, history.Filter{Limit: 100, States: []history.State{history.Interrupted}})
		return err
	})
	page("list failed and interrupted", func(int) error {
		_, err := s.List(ctx, history.Filter{Limit: 100, States: []history.State{history.Interrupted}, Verdicts: []verify.Verdict{verify.Passed}})
		return err
	})
	page("get", func(i int) error { _, err := s.Get(ctx, fmt.Sprintf("%08x-", i%drills)); return err })
	page("waiting", func(int) error { _, err := s.Waiting(ctx, 100); return err })
	page("due", func(int) error { _, err := s.Due(ctx, now.Add(time.Minute), 100); return err })
	page("count", func(int) error { _, err := s.Count(ctx, history.Finished); return err })
}
