package pages_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/webtest"
)

// BenchmarkPages draws pages over 10,000 targets, of which the first 500 have 60 drills each, and
// reports the time that 95 of 100 stay below.
func BenchmarkPages(b *testing.B) {
	store, err := sqlite.Open(context.WithoutCancel(b.Context()), filepath.Join(b.TempDir(), "lifeboat.db"))
	check(b, err)
	b.Cleanup(func() { store.Close() })
	s := &site{store: store, service: crowd(b, store, 10_000)}
	s.serve(b, true)
	for name, path := range map[string]string{
		"fleet": "/", "page-5": "/?page=5", "passed": "/?verdict=passed", "found": "/?q=0042", "target": "/targets/target-00042",
		"drill": "/drills/target-00042-20261125", "queue": "/queue", "alerts": "/alerts", "coverage": "/coverage",
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				began := time.Now()
				r := httptest.NewRequest("GET", path, nil)
				w := httptest.NewRecorder()
				r.Host = "localhost"
				s.guard.Wrap(s.pages).ServeHTTP(w, r)
				took = append(took, time.Since(began))
				if size = w.Body.Len(); w.Code != 200 {
					b.Fatalf("%s answers %d", path, w.Code)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100])/1e6, "p95-ms")
			b.ReportMetric(float64(size)/1024, "kB")
		})
	}
}

// crowd records many targets that are all alike.
func crowd(t testing.TB, store history.Store, n int) *webtest.Service {
	t.Helper()
	s := &webtest.Service{Store: store, Now: func() time.Time { return now }, Lies: web.Coverage{At: now}}
	life := fleet[3]
	life.verdict = func(day int) verify.Verdict {
		return map[bool]verify.Verdict{true: verify.Failed, false: verify.Passed}[day%17 == 3]
	}
	var plans []history.Plan
	named := func(i int) plot { p := life; p.name = fmt.Sprintf("target-%05d", i); return p }
	for i := range n {
		s.List = append(s.List, named(i).target())
		plans = append(plans, history.Plan{Target: named(i).name, Spec: "0 5 * * *", Next: now.Add(time.Hour)})
	}
	check(t, store.Plan(t.Context(), plans, now.AddDate(0, 0, -days)))
	check(t, store.(history.Importer).Import(t.Context(), func(yield func(verify.Report) bool) {
		for i := range n {
			p := named(i)
			first := days - 1
			if i >= 500 {
				first = 0
			}
			for day := first; day >= 0; day-- {
				if !yield(p.report(day)) {
					return
				}
			}
		}
	}))
	return s
}

// BenchmarkWideTarget draws the pages of a target with 5,000 tables in each of 60 drills.
func BenchmarkWideTarget(b *testing.B) {
	store, err := sqlite.Open(context.WithoutCancel(b.Context()), filepath.Join(b.TempDir(), "lifeboat.db"))
	check(b, err)
	b.Cleanup(func() { store.Close() })
	var list []verify.Report
	for day := days - 1; day >= 0; day-- {
		rep := fleet[0].report(day)
		for i := range 5000 {
			n := int64(i)
			rep.Tables = append(rep.Tables, verify.Table{Table: engine.Table{Schema: "archive", Name: fmt.Sprintf("events_%04d", i)}, Rows: n, DumpRows: &n})
		}
		list = append(list, rep)
	}
	check(b, store.Plan(b.Context(), []history.Plan{{Target: "orders", Spec: "x"}}, now))
	check(b, store.Import(b.Context(), func(yield func(verify.Report) bool) {
		for _, r := range list {
			if !yield(r) {
				return
			}
		}
	}))
	s := &site{store: store, service: &webtest.Service{Store: store}}
	s.serve(b, true)
	for name, path := range map[string]string{"target": "/targets/orders", "drill": "/drills/orders-20261125"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", path, nil)
				r.Host = "localhost"
				if s.guard.Wrap(s.pages).ServeHTTP(w, r); w.Code != 200 {
					b.Fatalf("%s answers %d", path, w.Code)
				}
			}
		})
	}
}
