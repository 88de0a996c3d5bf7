package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/metrics"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t testing.TB) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// filled are metrics over a history in which everything happened.
func filled(t *testing.T) (*metrics.Metrics, *webtest.Service, *sqlite.Store) {
	t.Helper()
	store := open(t)
	service := webtest.New(t, store, noon)
	m := metrics.New(metrics.Config{
		Service: service, Store: store, Now: service.Now, Version: "1.2.3",
		LastTick:  func() time.Time { return noon.Add(-time.Second) },
		Sandboxes: func(context.Context) (map[string]int, error) { return map[string]int{"docker": 2}, nil },
	})
	return m, service, store
}

// scrape reads metrics as Prometheus does.
func scrape(t testing.TB, m *metrics.Metrics) string {
	t.Helper()
	srv := httptest.NewServer(m.Handler())
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the scrape answers %d, %v: %s", res.StatusCode, err, b)
	}
	return string(b)
}

// wants reports the lines that a scrape does not hold.
func wants(t *testing.T, body string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(body, "\n"+l+"\n") {
			t.Errorf("the scrape lacks %q", l)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestADrillThatWasHandedOverWaitsForAWorker(t *testing.T) {
	m, _, store := filled(t)
	waiting, err := store.Waiting(t.Context(), 1)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d drills wait, %v", len(waiting), err)
	}
	if err := store.Wait(t.Context(), waiting[0].ID, "handed over by a Lifeboat that was stopped", noon); err != nil {
		t.Fatal(err)
	}
	wants(t, scrape(t, m), `lifeboat_drills_queued{reason="room"} 0`, `lifeboat_drills_queued{reason="worker"} 1`)
}

func TestAScrapeTellsHowEveryTargetStands(t *testing.T) {
	m, _, _ := filled(t)
	wants(t, scrape(t, m),
		`lifeboat_target_verdict{target="orders",verdict="passed"} 1`,
		`lifeboat_target_verdict{target="orders",verdict="failed"} 0`,
		`lifeboat_target_verdict{target="fresh-install",verdict="unknown"} 1`,
		`lifeboat_target_verdict{target="<script>alert(1)</script>",verdict="failed"} 1`,
		`lifeboat_target_rpo_objective_seconds{target="orders"} 93600`,
		`lifeboat_target_rto_objective_seconds{target="orders"} 2700`,
		`lifeboat_target_proof_max_age_objective_seconds{target="orders"} 172800`,
		`lifeboat_target_last_backup_size_bytes{target="orders"} 1.073741824e+09`,
		`lifeboat_target_last_restored_rows{target="orders"} 1000`,
		`lifeboat_targets{verdict="warned"} 1`,
		`lifeboat_targets_with_problem 2`,
		`lifeboat_drills_running 1`,
		`lifeboat_drills_queued{reason="room"} 1`,
		`lifeboat_drills_queued{reason="worker"} 0`,
		`lifeboat_drills_oldest_wait_seconds{reason="room"} 540`,
		`lifeboat_sandboxes{runner="docker"} 2`,
		`lifeboat_condition{code="alerts_undelivered",fatal="false"} 1`,
		`lifeboat_database_up 1`,
	)
}

func TestMomentsAreThoseOfTheRecord(t *testing.T) {
	m, _, _ := filled(t)
	unix := func(at time.Time) string { return strconv.FormatFloat(float64(at.Unix()), 'g', -1, 64) }
	proof, last := noon.AddDate(0, 0, -4).Add(5*time.Minute), noon.AddDate(0, 0, -1).Add(5*time.Minute)
	wants(t, scrape(t, m),
		`lifeboat_target_last_proof_timestamp_seconds{target="billing"} `+unix(proof),
		`lifeboat_target_last_verdict_timestamp_seconds{target="billing"} `+unix(last),
		`lifeboat_target_last_drill_timestamp_seconds{target="billing"} `+unix(last),
		`lifeboat_scheduler_last_tick_timestamp_seconds `+unix(noon.Add(-time.Second)),
	)
}

func TestPrometheusFindsNothingToComplainAbout(t *testing.T) {
	m, _, _ := filled(t)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestADatabaseThatIsAwayIsAMetric(t *testing.T) {
	m, service, store := filled(t)
	service.Wrong = []web.Condition{{Code: "database_unreachable", Detail: "secret detail", Fatal: true}}
	store.Close()
	body := scrape(t, m)
	wants(t, body, `lifeboat_database_up 0`, `lifeboat_condition{code="database_unreachable",fatal="true"} 1`)
	if strings.Contains(body, "lifeboat_target_verdict{") || strings.Contains(body, "secret detail") {
		t.Errorf("the scrape tells what nobody knows: %s", body)
	}
}

func TestRunnersThatCannotBeAskedAreNotZeroSandboxes(t *testing.T) {
	store := open(t)
	service := webtest.New(t, store, noon)
	m := metrics.New(metrics.Config{Service: service, Store: store, Now: service.Now,
		Sandboxes: func(context.Context) (map[string]int, error) { return nil, errors.New("no answer") }})
	body := scrape(t, m)
	wants(t, body, `lifeboat_sandboxes_counted 0`)
	if strings.Contains(body, "lifeboat_sandboxes{") {
		t.Errorf("sandboxes are counted: %s", body)
	}
}

func TestDrillsAreCountedOnceTheyAreOnRecord(t *testing.T) {
	m, _, plain := filled(t)
	store := m.Watch(plain)
	d := history.Drill{ID: "counted", Target: webtest.Never, Trigger: history.Manual, Asked: noon}
	l, err := store.Begin(t.Context(), d, "host/1", time.Hour, noon)
	if err != nil {
		t.Fatal(err)
	}
	r := webtest.Report(d, verify.Passed, noon)
	r.Phases = append(r.Phases, verify.Phase{Name: "made up by somebody"})
	same := func(s notify.State) history.Effects { return history.Effects{State: s} }
	if err := store.Finish(t.Context(), l, r, same); err != nil {
		t.Fatal(err)
	}
	if err := store.Finish(t.Context(), l, r, same); err == nil {
		t.Fatal("a drill ended twice")
	}
	reaped, err := store.Reap(t.Context(), func(string) bool { return true }, noon,
		func(_ history.Entry, _ verify.Report, s notify.State) history.Effects {
			return history.Effects{State: s}
		})
	if err != nil || len(reaped) != 1 {
		t.Fatalf("Reap = %v, %v", reaped, err)
	}
	wants(t, scrape(t, m),
		`lifeboat_drills_total{trigger="manual",verdict="passed"} 1`,
		`lifeboat_drills_total{trigger="manual",verdict="errored"} 1`,
		`lifeboat_drills_total{trigger="schedule",verdict="failed"} 0`,
		`lifeboat_drill_phase_duration_seconds_count{phase="restore"} 1`,
		`lifeboat_drill_phase_duration_seconds_count{phase="other"} 1`,
		`lifeboat_restored_rows_total 1000`,
	)
}

func TestSeveralWhoAskAtOnceShareOneLook(t *testing.T) {
	m, _, store := filled(t)
	scrape(t, m)
	store.Close() // a second look would find no database
	wants(t, scrape(t, m), `lifeboat_database_up 1`)
}

func TestTenThousandTargetsAreScrapedWithinASecond(t *testing.T) {
	store := open(t)
	service := &webtest.Service{Store: store, Now: func() time.Time { return noon }}
	var plans []history.Plan
	for i := range 10_000 {
		name := fmt.Sprintf("target-%05d", i)
		plans = append(plans, history.Plan{Target: name, Spec: "x", Next: noon})
		service.List = append(service.List, web.Target{Name: name, RPO: time.Hour, RTO: time.Hour, MaxAgeProof: time.Hour})
	}
	if err := store.Plan(t.Context(), plans, noon); err != nil {
		t.Fatal(err)
	}
	best := time.Hour // of three: other tests use the machine as well
	for range 3 {
		began := time.Now()
		body := scrape(t, metrics.New(metrics.Config{Service: service, Store: store, Now: service.Now}))
		best = min(best, time.Since(began))
		if n := strings.Count(body, "lifeboat_target_verdict{"); n != 50_000 {
			t.Fatalf("%d series of verdicts, want 50,000", n)
		}
	}
	t.Logf("a scrape took %s", best)
	if best > time.Second*slower {
		t.Errorf("a scrape of 10,000 targets took %s, want less than %s", best, time.Second*slower)
	}
}
