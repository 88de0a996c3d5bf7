package sqlstore_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/postgres"
	"lifeboat/history/sqlite"
	"lifeboat/internal/testkit/pgserver"
	"lifeboat/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is what both kinds are.
type store interface {
	history.Store
	history.Importer
}

// kinds open a fresh database of each kind.
var kinds = map[string]func(t testing.TB) (store, error){
	"sqlite": func(t testing.TB) (store, error) {
		return sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "history.db"))
	},
	"postgres": func(t testing.TB) (store, error) {
		return postgres.Open(context.Background(), pgserver.Start(t).DSN(t))
	},
}

// onBoth runs a test on databases of each kind.
func onBoth(t *testing.T, test func(t *testing.T, open func() store)) {
	for kind, open := range kinds {
		t.Run(kind, func(t *testing.T) {
			test(t, func() store {
				s, err := open(t)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return s
			})
		})
	}
}

func TestImportedDrillsStandAsIfTheyHadBeenDrilled(t *testing.T) {
	const targets, drills = 7, 400
	onBoth(t, func(t *testing.T, open func() store) {
		ctx := t.Context()
		imported, drilled := open(), open()
		if err := imported.Import(ctx, months(targets, drills)); err != nil {
			t.Fatal(err)
		}
		for r := range months(targets, drills) {
			d := history.Drill{ID: r.Drill, Target: r.Target, Trigger: history.Scheduled, Priority: history.PriorityScheduled, Asked: r.Started, Attempt: 1}
			l, err := drilled.Begin(ctx, d, "", time.Hour, r.Started)
			if err != nil {
				t.Fatal(err)
			}
			if err := drilled.Finish(ctx, l, r, nil); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "Fleet", imported, drilled, func(s store) (any, error) { return s.Fleet(ctx, history.FleetQuery{}) })
		same(t, "List", imported, drilled, func(s store) (any, error) { return s.List(ctx, history.Filter{Limit: 1000}) })
		same(t, "Strips", imported, drilled, func(s store) (any, error) { return s.Strips(ctx, []string{"target-00001"}, 60) })
		same(t, "Points", imported, drilled, func(s store) (any, error) { return s.Points(ctx, "target-00002", 60) })
		same(t, "Get", imported, drilled, func(s store) (any, error) { return s.Get(ctx, "00000010-") })
	})
}

func same(t *testing.T, what string, a, b store, of func(store) (any, error)) {
	t.Helper()
	got, err := of(a)
	if err != nil {
		t.Fatal(err)
	}
	want, err := of(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs:\n%s", what, diff)
	}
}

func TestImportInAnyOrderLeavesTheNewestLast(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() store) {
		reports := slices.Collect(months(3, 60))
		forth, back := open(), open()
		if err := forth.Import(t.Context(), slices.Values(reports)); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(reports)
		if err := back.Import(t.Context(), slices.Values(reports)); err != nil {
			t.Fatal(err)
		}
		same(t, "Fleet", back, forth, func(s store) (any, error) { return s.Fleet(t.Context(), history.FleetQuery{}) })
	})
}

func TestImportRefusesWhatIsOnRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() store) {
		s := open()
		if err := s.Import(t.Context(), months(1, 3)); err != nil {
			t.Fatal(err)
		}
		if err := s.Import(t.Context(), months(1, 4)); err == nil {
			t.Error("drills were imported twice")
		}
		unfinished := []verify.Report{{Schema: verify.Schema, Drill: "d", Target: "orders"}}
		if err := s.Import(t.Context(), slices.Values(unfinished)); err == nil {
			t.Error("a drill without its times was imported")
		}
		if list, err := s.List(t.Context(), history.Filter{Limit: 10}); err != nil || len(list) != 3 {
			t.Errorf("List = %d drills, %v; want the first three", len(list), err)
		}
	})
}
