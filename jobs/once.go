package jobs

import (
	"context"
	"time"
)

// Once is what follows from drills that a person makes without the service: alerts as
// ever, and no further drills, because nobody may be there to make them.
func (s *Setup) Once(now func() time.Time) Consequences {
	return s.after(now, func(time.Time) string { return "" }, false)
}

// Flush sends what waits in the outbox, once, for a process that does not stay.
func (s *Service) Flush(ctx context.Context, setup *Setup) error {
	s.setup.Store(setup)
	return s.deliver(ctx)
}
