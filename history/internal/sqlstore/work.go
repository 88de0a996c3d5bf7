package sqlstore

import (
	"context"
	"time"
)

// Work implements history.Queue. Drills that a process took with it when it died are
// queued again first.
func (s *Store) Work(ctx context.Context, n int, do func(context.Context, string) time.Duration) (func(context.Context) error, error) {
	if err := s.redeliver(ctx, time.Time{}); err != nil {
		return nil, err
	}
	stop, err := s.courier.work(ctx, n, do)
	if err != nil {
		return nil, s.explain("take drills from", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, stop)
	return stop, nil
}
