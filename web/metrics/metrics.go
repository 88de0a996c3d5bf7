// Package metrics shows Prometheus how targets, drills and Lifeboat itself are. What the
// record knows is read from it when somebody asks; only what it cannot tell cheaply is
// counted as it happens. It alerts nobody.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web"
)

// Reader is what is read of the database.
type Reader interface {
	Fleet(ctx context.Context, q history.FleetQuery) (history.Fleet, error)
	List(ctx context.Context, f history.Filter) ([]history.Entry, error)
	Waiting(ctx context.Context, limit int) ([]history.Entry, error)
	Count(ctx context.Context, s history.State) (int, error)
	OutboxCounts(ctx context.Context) ([]history.OutboxCount, error)
}

// Config is what metrics are taken from.
type Config struct {
	Service web.Service
	Store   Reader
	Now     func() time.Time
	Log     *slog.Logger
	Version string
	// LastTick is when schedules were last looked at; nil where there is no scheduler.
	LastTick func() time.Time
	// Sandboxes counts those that exist now, by runner; nil where nobody can tell.
	Sandboxes func(ctx context.Context) (map[string]int, error)
}

// Metrics serves them.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	drills   *prometheus.CounterVec
	phases   *prometheus.HistogramVec
	bytes    prometheus.Counter
	rows     prometheus.Counter
}

// New returns metrics on a registry of their own.
func New(c Config) *Metrics {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(), log: c.Log,
		drills: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lifeboat_drills_total", Help: "Drills that this process ended, by verdict and by why they were asked for.",
		}, []string{"verdict", "trigger"}),
		phases: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "lifeboat_drill_phase_duration_seconds", Help: "Time that phases of drills took in this process.",
			Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600},
		}, []string{"phase"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lifeboat_drilled_bytes_total", Help: "Bytes of backups that this process drilled.",
		}),
		rows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lifeboat_restored_rows_total", Help: "Rows that this process restored.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "lifeboat_build_info", Help: "Version of Lifeboat; always 1.",
		ConstLabels: prometheus.Labels{"version": c.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, v := range verdicts { // a series that begins at zero shows its first increase
		if v == verify.Unknown {
			continue
		}
		m.drills.WithLabelValues(v.String(), string(history.Scheduled))
	}
	m.registry.MustRegister(m.drills, m.phases, m.bytes, m.rows, build, newRecord(c),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: printer{m.log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	})
}

// Gatherer is the registry, for tests.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// printer logs what could not be gathered.
type printer struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (p printer) Println(v ...any) {
	for _, one := range v {
		if err, ok := one.(error); ok {
			p.log.Error("metrics not gathered", slog.Any("error", err))
		}
	}
}

// ended counts a drill.
func (m *Metrics) ended(why history.Trigger, r verify.Report) {
	m.drills.WithLabelValues(r.Verdict.String(), string(why)).Inc()
	for _, p := range r.Phases {
		name := p.Name
		if !slices.Contains(verify.Phases, name) {
			name = "other" // a label is no place for free text
		}
		m.phases.WithLabelValues(name).Observe(p.Seconds)
	}
	if r.Artifact != nil {
		m.bytes.Add(float64(max(0, r.Artifact.Bytes)))
	}
	for _, t := range r.Tables {
		m.rows.Add(float64(max(0, t.Rows)))
	}
}

// Watch returns s, counting the drills that end through it.
func (m *Metrics) Watch(s history.Store) history.Store { return &watched{Store: s, metrics: m} }

type watched struct {
	history.Store
	metrics *Metrics
}

// Finish implements history.Queue.
func (w *watched) Finish(ctx context.Context, l history.Lease, r verify.Report, then func(notify.State) history.Effects) error {
	err := w.Store.Finish(ctx, l, r, then)
	if err == nil {
		w.metrics.ended(l.Trigger, r)
	}
	return err
}

// Reap implements history.Queue.
func (w *watched) Reap(ctx context.Context, dead func(string) bool, now time.Time,
	then func(history.Entry, verify.Report, notify.State) history.Effects,
) ([]history.Entry, error) {
	reaped, err := w.Store.Reap(ctx, dead, now, then)
	for _, e := range reaped {
		w.metrics.ended(e.Trigger, verify.Report{Verdict: verify.Errored})
	}
	return reaped, err
}

// errSlow ends a look at a record that hangs.
var errSlow = errors.New("the record did not answer in time for metrics")
