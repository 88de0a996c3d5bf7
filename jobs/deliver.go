package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
)

// Bounds of deliveries. All of a batch may be for one notifier that hangs: they have to
// be tried before their lease runs out, or another process sends them as well.
const (
	deliverBatch  = 5
	sendTimeout   = 10 * time.Second // of one attempt
	deliverLease  = time.Minute      // longer than a batch of attempts
	giveUpAfter   = 24 * time.Hour   // since the alert was made
	giveUpTries   = 10               // and not before: it may be old because no Lifeboat ran
	maxRetryPause = 15 * time.Minute
)

// sendLease is how long an alert stays with a process that shows no sign of life.
func (s *Service) sendLease() time.Duration { return cmp.Or(s.SendLease, deliverLease) }

// sendLimit is the time for one attempt: a batch of them is over before the lease is.
func (s *Service) sendLimit() time.Duration { return min(sendTimeout, s.sendLease()/(deliverBatch+1)) }

// deliver sends the alerts that are due. What cannot be delivered stays in the outbox
// and is tried again; an error of this function is one of the history alone.
func (s *Service) deliver(ctx context.Context) error {
	setup, now := s.setup.Load(), s.Now()
	due, err := s.Store.ClaimDeliveries(ctx, s.Pipeline.Instance, s.sendLease(), now, deliverBatch)
	if err != nil {
		return fmt.Errorf("look for alerts to send: %w", err)
	}
	errs := make([]error, len(due))
	var wg sync.WaitGroup
	for _, group := range byNotifier(due) {
		wg.Go(func() { // one after the other: a notifier that is slow or busy holds up no other
			answers := true
			for _, i := range group {
				if !answers {
					errs[i] = s.hold(ctx, due[i])
					continue
				}
				answers, errs[i] = s.send(ctx, setup, due[i])
			}
		})
	}
	wg.Wait()
	errs = slices.DeleteFunc(errs, func(err error) bool { // another process took it: it is in good hands
		return errors.Is(err, history.ErrLeaseLost)
	})
	return errors.Join(errs...)
}

// byNotifier groups the places of deliveries.
func byNotifier(due []history.Delivery) map[string][]int {
	groups := make(map[string][]int)
	for i, d := range due {
		groups[d.Notifier] = append(groups[d.Notifier], i)
	}
	return groups
}

// hold postpones a delivery without an attempt: the alert before it cost its notifier's whole
// time, and those of other notifiers wait for this turn to end.
func (s *Service) hold(ctx context.Context, d history.Delivery) error {
	ctx, done := recording(ctx)
	defer done()
	now := s.Now()
	return s.Store.Postpone(ctx, d, "not tried yet: the notifier did not answer the alert before it", now.Add(retryPause(d, nil)), now, false)
}

// recording is a context for writing down what came of an attempt, which outlives ctx.
func recording(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), recordTimeout, fmt.Errorf("history took longer than %s", recordTimeout))
}

// send tries one delivery and records what came of it. It reports whether the notifier
// answered in time.
func (s *Service) send(ctx context.Context, setup *Setup, d history.Delivery) (answers bool, _ error) {
	n, configured := setup.Notifiers[d.Notifier]
	if !configured {
		return true, s.giveUp(ctx, setup, d, fmt.Errorf("%w: there is no notifier of this name in the configuration any more", notify.ErrRefused))
	}
	limit := s.sendLimit()
	trying, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w within %s", notify.ErrUnanswered, limit))
	thread, err := n.Send(trying, notify.Message{Alert: d.Alert, Thread: d.Thread, Again: d.Again})
	cause := context.Cause(trying)
	cancel()
	writing, done := recording(ctx)
	defer done()
	now := s.Now()
	if err == nil {
		return true, s.Store.Delivered(writing, d, thread, now)
	}
	if cause != nil { // ours or the deadline's: whether it arrived is not known
		err = errors.Join(cause, err, notify.ErrUnanswered)
	}
	s.Log.WarnContext(ctx, "alert not delivered", "alert", d.Alert.ID, "notifier", d.Notifier, "attempt", d.Attempts, "error", err)
	if errors.Is(err, notify.ErrRefused) || now.Sub(d.Created) > giveUpAfter && d.Attempts+1 >= giveUpTries {
		return cause == nil, s.giveUp(writing, setup, d, err)
	}
	again := d.Again || errors.Is(err, notify.ErrUnanswered) // once it may have arrived, only an answer tells
	return cause == nil, s.Store.Postpone(writing, d, err.Error(), now.Add(retryPause(d, err)), now, again)
}

// retryPause doubles from five seconds, and is never shorter than the receiver asked for.
func retryPause(d history.Delivery, err error) time.Duration {
	pause := min(maxRetryPause, 5*time.Second<<min(max(d.Attempts-1, 0), 10))
	var busy *notify.RetryError
	if errors.As(err, &busy) {
		pause = max(pause, min(busy.After, time.Hour))
	}
	return pause
}

// giveUp is loud: the alert goes to the notifier's fallback, and those who run Lifeboat
// are told by all other ways there are.
func (s *Service) giveUp(ctx context.Context, setup *Setup, d history.Delivery, why error) error {
	now := s.Now()
	s.Log.ErrorContext(ctx, "alert given up", "alert", d.Alert.ID, "notifier", d.Notifier, "error", why)
	var instead []history.Addressed
	if next := setup.Fallback[d.Notifier]; next != "" {
		instead = append(instead, history.Addressed{Alert: d.Alert, To: []string{next}})
	}
	if d.Alert.Kind != notify.Service { // news about news that does not arrive would go round in circles
		others := slices.DeleteFunc(slices.Clone(setup.Operators), func(n string) bool { return n == d.Notifier })
		told := history.Addressed{Alert: notify.NewUndeliverable(d.Alert, d.Notifier, why.Error(), now), To: others}
		if len(others) == 0 {
			told.Suppressed = "no other notifier is configured for those who run Lifeboat"
		}
		instead = append(instead, told)
	}
	return s.Store.GiveUp(ctx, d, why.Error(), now, instead)
}
