package jobs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"lifeboat/history"
	"lifeboat/internal/units"
)

// Condition is something wrong with the service itself.
type Condition struct {
	Code   string // stable, for machines
	Detail string
	Hint   string
	Since  time.Time // zero where nobody knows
	Fatal  bool      // it cannot do its work
}

// Codes of conditions.
const (
	DatabaseUnreachable = "database_unreachable"
	LoopStalled         = "scheduler_stalled"
	LoopFailing         = "service_failing"
	AlertsUndelivered   = "alerts_undelivered"
	SandboxMissing      = "sandbox_unavailable"
	ConfigInvalid       = "config_invalid"
)

// Bounds of what counts as well.
const (
	stallAfter   = 2 * time.Minute  // a loop that did not turn for that long
	pendingAfter = 10 * time.Minute // an alert that waits for that long
	pingTimeout  = 5 * time.Second
)

// troubles are what cannot do its work, by name, each since when and why.
type troubles struct {
	mu   sync.Mutex
	list map[string]trouble
}

type trouble struct {
	since time.Time
	err   error
}

// note keeps how the last work of one ended. It returns since when that one was in trouble, and
// whether that it is, or is not any more, is news.
func (t *troubles) note(name string, err error, now time.Time) (since time.Time, news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, bad := t.list[name]
	if err == nil {
		delete(t.list, name)
		return old.since, bad
	}
	if !bad {
		old.since = now
	}
	if t.list == nil {
		t.list = make(map[string]trouble)
	}
	t.list[name] = trouble{old.since, err}
	return old.since, !bad
}

func (t *troubles) all() map[string]trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.list)
}

// pulse remembers when each loop last came round, in the service's own time.
type pulse struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (p *pulse) turned(loop string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = make(map[string]time.Time)
	}
	p.last[loop] = now
}

func (p *pulse) all() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.last)
}

// LastTick is when the schedule was last looked at, zero before the first time.
func (s *Service) LastTick() time.Time { return s.pulse.all()["schedule"] }

// ReloadFailed notes that a new configuration could not be put in force, nil that one was.
func (s *Service) ReloadFailed(err error) { s.troubles.note(ConfigInvalid, err, s.Now()) }

// Conditions are what is wrong with the service now, the fatal ones first.
func (s *Service) Conditions(ctx context.Context) []Condition {
	now := s.Now()
	var list []Condition
	list = append(list, s.databaseCondition(ctx)...)
	for _, loop := range []string{"schedule", "watch", "deliver"} {
		if last := s.pulse.all()[loop]; !last.IsZero() && now.Sub(last) > stallAfter {
			list = append(list, Condition{Code: LoopStalled, Fatal: true, Since: last,
				Detail: fmt.Sprintf("The loop %s did not come round for %s.", loop, units.Duration(now.Sub(last))),
				Hint:   "Look in the log for what it waits for, and restart Lifeboat."})
		}
	}
	troubles := s.troubles.all()
	for _, loop := range slices.Sorted(maps.Keys(troubles)) {
		one := troubles[loop]
		c := Condition{Code: LoopFailing, Since: one.since,
			Detail: fmt.Sprintf("The loop %s cannot do its work: %v.", loop, one.err),
			Hint:   "The log has the same words since it began."}
		if loop == ConfigInvalid {
			c.Code, c.Detail = ConfigInvalid, fmt.Sprintf("The configuration file could not be put in force: %v.", one.err)
			c.Hint = "Run lifeboat check-config, mend the file, and reload. Until then the configuration before it stays in force."
		}
		list = append(list, c)
	}
	if servers, why := s.Pipeline.servers(); why != nil && len(servers) == 0 {
		list = append(list, Condition{Code: SandboxMissing,
			Detail: fmt.Sprintf("No sandbox with a server can be started: %v.", why),
			Hint:   "Run lifeboat doctor. SQLite backups are drilled all the same."})
	}
	silent := s.Pipeline.runners.silent.all()
	for _, runner := range slices.Sorted(maps.Keys(silent)) {
		list = append(list, Condition{Code: SandboxMissing, Since: silent[runner].since,
			Detail: fmt.Sprintf("The runner %s cannot look after its sandboxes: %v.", runner, silent[runner].err),
			Hint:   "Does it answer? Run lifeboat doctor. Drills in other sandboxes go on."})
	}
	list = append(list, s.deliveryConditions(ctx, now)...)
	slices.SortStableFunc(list, func(a, b Condition) int {
		switch {
		case a.Fatal == b.Fatal:
			return 0
		case a.Fatal:
			return -1
		}
		return 1
	})
	return list
}

// databaseCondition asks the database itself. Since when it is silent is told by the loop that
// asks it most often.
func (s *Service) databaseCondition(ctx context.Context) []Condition {
	ctx, cancel := context.WithTimeoutCause(ctx, pingTimeout, fmt.Errorf("no answer within %s", pingTimeout))
	defer cancel()
	if err := s.Store.Ping(ctx); err != nil {
		return []Condition{{Code: DatabaseUnreachable, Fatal: true, Since: s.troubles.all()["schedule"].since,
			Detail: fmt.Sprintf("Lifeboat's own database does not answer: %v.", err),
			Hint:   "Nothing is drilled and nobody is told until it does. Look at its disk, or at the PostgreSQL server."}}
	}
	return nil
}

// deliveryConditions name the notifiers that do not get their alerts through.
func (s *Service) deliveryConditions(ctx context.Context, now time.Time) []Condition {
	counts, err := s.Store.OutboxCounts(ctx)
	if err != nil {
		return nil // the database's own condition says so
	}
	var list []Condition
	for _, c := range counts {
		if c.State == history.Pending && now.Sub(c.Oldest) > pendingAfter {
			list = append(list, Condition{Code: AlertsUndelivered, Since: c.Oldest,
				Detail: fmt.Sprintf("%s for the notifier %s could not be delivered yet, the oldest for %s.",
					units.Counted(int64(c.Count), "alert"), c.Notifier, units.Duration(now.Sub(c.Oldest))),
				Hint: "The page Alerts shows what the receiver says. Try it with lifeboat doctor --notify."})
		}
	}
	given, err := s.Store.Deliveries(ctx, history.DeliveryFilter{State: history.GivenUp, Limit: 1})
	if err != nil || len(given) == 0 || now.Sub(given[0].Ended) > giveUpAfter {
		return list
	}
	return append(list, Condition{Code: AlertsUndelivered, Since: given[0].Ended,
		Detail: fmt.Sprintf("An alert for the notifier %s was given up: %s.", given[0].Notifier, given[0].Why),
		Hint:   "The page Alerts shows to whom it went instead. Mend the notifier and try it with lifeboat doctor --notify."})
}
