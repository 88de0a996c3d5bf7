package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"lifeboat/web"
)

// conditionsAge is how old what is wrong with the service may be when it is shown: every page
// shows it, and to find it out takes a write to the database.
const conditionsAge = time.Second

// conditionsTimeout bounds one look.
const conditionsTimeout = 10 * time.Second

// errSlowConditions ends a look that takes too long.
var errSlowConditions = errors.New("the service did not tell in time how it is")

// lastConditions remembers what a look found. Those who ask meanwhile wait for it.
type lastConditions struct {
	mu   sync.Mutex
	at   time.Time
	list []web.Condition
}

// get returns what was found a moment ago, or looks again. A look is not called off with the
// request that caused it: others get what it finds.
func (l *lastConditions) get(ctx context.Context, look func(context.Context) []web.Condition) []web.Condition {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.at.IsZero() && time.Since(l.at) < conditionsAge {
		return l.list
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), conditionsTimeout, errSlowConditions)
	defer cancel()
	l.list = look(ctx)
	l.at = time.Now()
	return l.list
}

// forget has the next who asks look again.
func (l *lastConditions) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = time.Time{}
}
