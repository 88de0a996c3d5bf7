package webtest_test

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/verify"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryStateIsInTheHistory(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	webtest.New(t, store, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	fleet, err := store.Fleet(t.Context(), history.FleetQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []verify.Verdict{verify.Unknown, verify.Passed, verify.Warned, verify.Errored, verify.Failed} {
		if fleet.Verdicts[v] == 0 {
			t.Errorf("no target is %s: %v", v, fleet.Verdicts)
		}
	}
	if fleet.Open != 2 {
		t.Errorf("%d targets have an open problem, want 2", fleet.Open)
	}
	for _, state := range []history.State{history.Queued, history.Running, history.Finished, history.Interrupted} {
		if n, err := store.Count(t.Context(), state); n == 0 || err != nil {
			t.Errorf("%d drills are %s, %v", n, state, err)
		}
	}
	counts, err := store.OutboxCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[history.DeliveryState]int)
	for _, c := range counts {
		states[c.State] += c.Count
	}
	for _, s := range []history.DeliveryState{history.Pending, history.Sent, history.GivenUp, history.Suppressed} {
		if states[s] == 0 {
			t.Errorf("no delivery is %s: %v", s, states)
		}
	}
}
