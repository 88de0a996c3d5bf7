package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// Work implements history.Queue.
func (s *Store) Work(ctx context.Context, n int, do func(context.Context, string) time.Duration) (func(context.Context) error, error) {
	stop, err := s.courier.work(ctx, n, do)
	if err != nil {
		return nil, s.explain("take drills from", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, stop)
	return stop, nil
}

// releaseAtOnce bounds one transaction.
const releaseAtOnce = 500

// Release implements history.Queue. It looks for queued drills that are up and that no job
// will bring: they were held back, or their job is gone, or a process that died before it claimed the
// drill had fetched it. A second job does no harm: only one of them can claim the drill.
func (s *Store) Release(ctx context.Context, now time.Time) (int, error) {
	type waiting struct {
		id       string
		priority int
	}
	unbrought := `SELECT d.id, d.priority FROM drills d LEFT JOIN river_job j ON j.id = d.job
		WHERE d.state = 'queued' AND d.up_at <= ? AND (j.id IS NULL OR j.state IN ('completed', 'cancelled', 'discarded')
			OR (j.state = 'running' AND ` + s.stale + `)) ORDER BY d.priority, d.up_at, d.id LIMIT ?`
	for n := 0; ; {
		var batch []waiting
		err := s.look().each(ctx, func(rows *sql.Rows) error {
			var w waiting
			err := rows.Scan(&w.id, &w.priority)
			batch = append(batch, w)
			return err
		}, unbrought, now.UnixNano(), releaseAtOnce)
		if err != nil || len(batch) == 0 {
			return n, s.explain("look for drills that are up in", err)
		}
		err = s.change(ctx, "release drills in", func(t *tx) error {
			for _, w := range batch {
				if err := t.deliver(ctx, w.id, w.priority); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		if n += len(batch); len(batch) < releaseAtOnce {
			return n, nil
		}
	}
}
