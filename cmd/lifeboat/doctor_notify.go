package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"lifeboat/configs"
	"lifeboat/internal/units"
	"lifeboat/notify"
)

// tryNotifiers sends a test alert through every notifier. It needs neither storage nor
// history: alerts have to arrive on the day when those do not answer.
func (sh *shell) tryNotifiers(ctx context.Context) error {
	cfg, err := sh.load()
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(cfg.Notifiers))
	if len(names) == 0 {
		return usage(errors.New("the configuration has no notifiers: nobody would be told of anything"))
	}
	answers := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names { // all at once: one that hangs holds up no other
		wg.Go(func() { answers[i] = sh.sendTest(ctx, name, cfg.Notifiers[name]) })
	}
	wg.Wait()
	if interrupted(ctx) {
		return stopped("")
	}
	p := &patient{sh: sh}
	fmt.Fprintln(sh.stdout, "Notifiers")
	for i, name := range names {
		p.say(name, "took a test alert", answers[i])
	}
	if p.ill > 0 {
		fmt.Fprintf(sh.stdout, "%s to mend, or alerts will not arrive.\n", units.Counted(int64(p.ill), "notifier"))
		return exitWith(exitErrored)
	}
	fmt.Fprintln(sh.stdout, "All were taken. Look whether they arrived where people read them.")
	return nil
}

// sendTest sends one test alert.
func (sh *shell) sendTest(ctx context.Context, name string, c configs.Notifier) error {
	n, err := openNotifier(name, c, sh.now, sh.log())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, testTimeout, fmt.Errorf("no answer within %s", testTimeout))
	defer cancel()
	_, err = n.Send(ctx, notify.Message{Alert: notify.NewTest(name, sh.now())})
	return err
}
