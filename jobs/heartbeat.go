package jobs

import (
	"context"
	"fmt"
	"time"
)

// heartbeatTimeout bounds telling an outside watcher, its own repetitions included.
const heartbeatTimeout = 40 * time.Second

// beatTarget tells a target's outside watcher that a drill ended in a verdict. The
// drill does not wait for it.
func (s *Service) beatTarget(ctx context.Context, t Target) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), heartbeatTimeout,
		fmt.Errorf("no answer within %s", heartbeatTimeout))
	s.beats.Go(func() {
		defer cancel()
		if err := t.Heartbeat(ctx); err != nil {
			s.Log.WarnContext(ctx, "heartbeat not sent", "target", t.Job.Target.Name, "error", err)
		}
	})
}

// beatService tells the service's outside watcher that it works, and stays silent when
// it does not: silence is the alarm.
func (s *Service) beatService(ctx context.Context) error {
	beat := s.setup.Load().Heartbeat
	if beat == nil {
		return nil
	}
	for _, c := range s.Conditions(ctx) {
		if c.Fatal {
			return nil
		}
	}
	if err := beat(ctx); err != nil {
		return fmt.Errorf("send the heartbeat of the service: %w", err)
	}
	return nil
}
