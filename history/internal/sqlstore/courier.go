package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// Settings of River.
const (
	fetchEvery   = 200 * time.Millisecond // SQLite tells nobody of a new job
	fetchPause   = 20 * time.Millisecond  // between two fetches while there is more to do
	rescueAfter  = 24 * time.Hour         // the backstop only: see Release
	keepJobs     = time.Hour              // once they ended; the drill's row stays
	mostAttempts = 10_000                 // of a job; drills are bounded elsewhere
)

// courier delivers drills. It hides which transactions River takes.
type courier interface {
	migrate(ctx context.Context) error
	// insert hands a job to River in one of its transactions and returns its number.
	insert(ctx context.Context, riverTx any, drill string, priority int) (int64, error)
	work(ctx context.Context, n int, do func(context.Context, string) time.Duration) (func(context.Context) error, error)
}

// job names the drill to run; everything else is in the drill's row.
type job struct {
	Drill string `json:"drill"`
}

// Kind implements river.JobArgs.
func (job) Kind() string { return "drill" }

type worker struct {
	river.WorkerDefaults[job]
	do func(ctx context.Context, drill string) time.Duration
}

// Work implements river.Worker. A drill that is to come back is snoozed, which costs no attempt.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	if again := w.do(ctx, j.Args.Drill); again > 0 {
		return river.JobSnooze(again)
	}
	return nil
}

type riverCourier[T any] struct {
	driver riverdriver.Driver[T]
	poll   bool // the database cannot tell of new jobs
	client *river.Client[T]
}

func newCourier[T any](driver riverdriver.Driver[T], poll bool) (*riverCourier[T], error) {
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler)})
	return &riverCourier[T]{driver, poll, client}, err
}

func (c *riverCourier[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(c.driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func (c *riverCourier[T]) insert(ctx context.Context, riverTx any, drill string, priority int) (int64, error) {
	own, ok := riverTx.(T)
	if !ok {
		return 0, errors.New("a transaction of another database")
	}
	priority = min(max(priority, 1), 4) // all that River has
	res, err := c.client.InsertTx(ctx, own, job{drill}, &river.InsertOpts{Priority: priority, MaxAttempts: mostAttempts})
	if err != nil {
		return 0, err
	}
	return res.Job.ID, nil
}

func (c *riverCourier[T]) work(ctx context.Context, n int, do func(context.Context, string) time.Duration) (func(context.Context) error, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{do: do})
	client, err := river.NewClient(c.driver, &river.Config{
		ID: rand.Text(), Logger: slog.New(slog.DiscardHandler), Workers: workers,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: n}},
		FetchPollInterval: fetchEvery, FetchCooldown: fetchPause, PollOnly: c.poll, JobTimeout: -1, RescueStuckJobsAfter: rescueAfter,
		MaxAttempts: mostAttempts, CompletedJobRetentionPeriod: keepJobs, CancelledJobRetentionPeriod: keepJobs,
	})
	if err != nil {
		return nil, err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	var once sync.Once
	return func(ctx context.Context) error {
		var err error
		once.Do(func() {
			if client.Stop(ctx) != nil { // ctx is over
				err = client.StopAndCancel(context.WithoutCancel(ctx))
			}
		})
		<-client.Stopped() // for a second call that came meanwhile
		return err
	}, nil
}

// deliver has a drill delivered.
func (t *tx) deliver(ctx context.Context, drill string, priority int) error {
	var number int64
	err := t.with(func(riverTx any) (err error) {
		number, err = t.courier.insert(ctx, riverTx, drill, priority)
		return err
	})
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE drills SET job = ? WHERE id = ?`, number, drill)
	return err
}
