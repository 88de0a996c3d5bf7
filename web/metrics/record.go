package metrics

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web"
)

const (
	fresh     = 5 * time.Second // several who scrape at once share one look at the record
	scrapeMax = 9 * time.Second // Prometheus waits for ten by default
	listed    = 5000            // drills whose reason to wait is looked at
)

// verdicts a target may have, Unknown for one that was never drilled, in alphabetical order.
var verdicts = []verify.Verdict{verify.Errored, verify.Failed, verify.Passed, verify.Unknown, verify.Warned}

// record collects what the database and the service know.
type record struct {
	Config
	mu   sync.Mutex
	seen *look
}

// look is what the record held at a time.
type look struct {
	at        time.Time
	err       error
	fleet     history.Fleet
	targets   map[string]web.Target
	waiting   []history.Entry
	queued    int
	running   int
	outbox    []history.OutboxCount
	wrong     []web.Condition
	sandboxes map[string]int
	boxErr    error
}

func newRecord(c Config) *record { return &record{Config: c} }

// Describe implements prometheus.Collector.
func (r *record) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (r *record) Collect(ch chan<- prometheus.Metric) {
	l := r.take()
	e := emitter{ch}
	e.flag(recordUp, l.err == nil)
	for _, c := range l.wrong {
		e.number(condition, 1, c.Code, strconv.FormatBool(c.Fatal))
	}
	if r.LastTick != nil {
		e.time(lastTick, r.LastTick())
	}
	if r.Sandboxes != nil {
		e.flag(sandboxesKnown, l.boxErr == nil)
		for runner, n := range l.sandboxes {
			e.number(sandboxes, float64(n), runner)
		}
	}
	if l.err != nil {
		return
	}
	for _, s := range l.fleet.Standings {
		e.target(s, l.targets[s.Target])
	}
	for _, v := range verdicts {
		e.number(targets, float64(l.fleet.Verdicts[v]), v.String())
	}
	e.number(problems, float64(l.fleet.Open))
	e.number(running, float64(l.running))
	e.queue(l)
	for _, c := range l.outbox {
		e.number(deliveries, float64(c.Count), c.Notifier, string(c.State))
		if c.State == history.Pending && c.Count > 0 {
			e.time(oldestPending, c.Oldest, c.Notifier)
		}
	}
}

// take looks at the record, unless somebody did just now.
func (r *record) take() *look {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	if r.seen != nil && now.Sub(r.seen.at) < fresh && !now.Before(r.seen.at) {
		return r.seen
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), scrapeMax, errSlow)
	defer cancel()
	l := &look{at: now, wrong: r.Service.Conditions(ctx), targets: make(map[string]web.Target)}
	if l.err = r.read(ctx, l); l.err != nil {
		r.Log.ErrorContext(ctx, "record not read for metrics", slog.Any("error", l.err))
	}
	for _, t := range r.Service.Targets() {
		l.targets[t.Name] = t
	}
	if r.Sandboxes != nil {
		if l.sandboxes, l.boxErr = r.Sandboxes(ctx); l.boxErr != nil {
			r.Log.WarnContext(ctx, "sandboxes not counted", slog.Any("error", l.boxErr))
		}
	}
	r.seen = l
	return l
}

func (r *record) read(ctx context.Context, l *look) (err error) {
	if l.fleet, err = r.Store.Fleet(ctx, history.FleetQuery{}); err != nil {
		return err
	}
	// In the order in which they are written they need not be sorted, which takes a tenth of a scrape.
	slices.SortFunc(l.fleet.Standings, func(a, b history.Standing) int { return strings.Compare(a.Target, b.Target) })
	if l.queued, err = r.Store.Count(ctx, history.Queued); err != nil {
		return err
	}
	if l.running, err = r.Store.Count(ctx, history.Running); err != nil {
		return err
	}
	if l.waiting, err = r.Store.Waiting(ctx, listed); err != nil {
		return err
	}
	l.outbox, err = r.Store.OutboxCounts(ctx)
	return err
}

// emitter writes metrics.
type emitter struct{ ch chan<- prometheus.Metric }

func (e emitter) number(d *prometheus.Desc, v float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "?")
	}
	m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	e.ch <- m
}

// time writes a moment; one that never was is left out.
func (e emitter) time(d *prometheus.Desc, t time.Time, labels ...string) {
	if !t.IsZero() {
		e.number(d, float64(t.UnixMilli())/1000, labels...)
	}
}

func (e emitter) flag(d *prometheus.Desc, on bool, labels ...string) {
	v := 0.0
	if on {
		v = 1
	}
	e.number(d, v, labels...)
}

// seconds writes a length of time; zero means that there is none.
func (e emitter) seconds(d *prometheus.Desc, s time.Duration, labels ...string) {
	if s > 0 {
		e.number(d, s.Seconds(), labels...)
	}
}

// target writes how one target stands.
func (e emitter) target(s history.Standing, t web.Target) {
	name := s.Target
	for _, v := range verdicts {
		e.flag(targetVerdict, s.Last.Verdict == v, name, v.String())
	}
	e.time(lastDrill, s.Last.Finished, name)
	e.time(lastVerdict, s.VerdictAt, name)
	if s.LastGood != nil {
		e.time(lastProof, s.LastGood.At, name)
	}
	e.time(newestBackup, s.NewestBackupAt, name)
	e.time(since, s.Since, name)
	e.time(next, s.Next, name)
	e.seconds(rpo, t.RPO, name)
	e.seconds(rto, t.RTO, name)
	e.seconds(maxAgeProof, t.MaxAgeProof, name)
	if s.Last.ID != "" {
		e.seconds(lastRestore, s.Last.Restore, name)
		e.number(lastRows, float64(s.Last.Rows), name)
		e.number(lastBytes, float64(s.Last.Bytes), name)
	}
	for kind, p := range s.Alerts.Problems {
		e.time(problemSince, p.Since, name, string(kind))
	}
}

// queue writes how many drills wait for what, and since when the longest.
func (e emitter) queue(l *look) {
	type wait struct {
		count  int
		oldest time.Time
	}
	waits := map[string]*wait{"room": {}, "target": {}, "time": {}, "worker": {}}
	for _, d := range l.waiting {
		w := waits[reason(d, l.at)]
		w.count++
		if asked := began(d); w.oldest.IsZero() || asked.Before(w.oldest) {
			w.oldest = asked
		}
	}
	waits["worker"].count += max(0, l.queued-len(l.waiting)) // too many to look at each: they are far behind
	for what, w := range waits {
		e.number(queued, float64(w.count), what)
		if w.count > 0 {
			e.number(oldestWait, max(0, l.at.Sub(w.oldest).Seconds()), what)
		}
	}
}

// reason puts why a drill waits into one of few words.
func reason(d history.Entry, now time.Time) string {
	switch {
	case strings.Contains(d.Why, "of the same target"):
		return "target"
	case strings.HasPrefix(d.Why, "waiting for room"):
		return "room"
	case d.NotBefore.After(now):
		return "time"
	}
	return "worker"
}

// began is when a drill began to wait.
func began(d history.Entry) time.Time {
	if !d.WaitsSince.IsZero() {
		return d.WaitsSince
	}
	if d.NotBefore.After(d.Asked) {
		return d.NotBefore
	}
	return d.Asked
}
