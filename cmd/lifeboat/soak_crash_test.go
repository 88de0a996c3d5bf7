package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/notify/notifytest/fakeslack"
	"lifeboat/verify"
)

// crashed is a service with one target, whose dump takes a while to restore, and one drill
// in its queue.
type crashed struct {
	*installed
	t     *testing.T
	store *sqlite.Store
	slack *fakeslack.Server
}

// asked is the drill in the queue.
const asked = "asked"

func newCrashed(t *testing.T, dump []byte, drain string) *crashed {
	t.Helper()
	c := &crashed{installed: newInstalled(t, leaseVariable+"=2s", paceVariable+"=50ms"), t: t}
	c.slack = fakeslack.New(soakToken, "#backups")
	t.Cleanup(c.slack.Close)
	config := fmt.Sprintf(`sources: {s: {kind: dir, path: %q}}
notifiers: {team: {kind: slack, token: %s, channel: "#backups", api: %q}}
server: {listen: %q, drain: %s, alerts: {digest: "off"}}
targets: {t: {source: s, match: db.sql, notify: [team], sandbox: {timeout: 5m}}}
`, backups{"db.sql": dump}.write(t), soakToken, c.slack.API(), c.listen, drain)
	if err := os.WriteFile(c.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(filepath.Dir(c.config), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	c.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Now()
	if _, _, err := store.Enqueue(t.Context(), history.Drill{ID: asked, Target: "t", Trigger: history.Manual,
		Priority: history.PriorityManual, Asked: now, Attempt: 1}); err != nil {
		t.Fatal(err)
	}
	return c
}

// entry is a drill as it is on record.
func (c *crashed) entry(id string) history.Entry {
	c.t.Helper()
	e, err := c.store.Entry(context.WithoutCancel(c.t.Context()), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// reached waits until a drill is in a phase, or beyond it.
func (c *crashed) reached(id, phase string) {
	c.t.Helper()
	c.until(c.t, "in the phase "+phase, func() bool {
		e := c.entry(id)
		return slices.ContainsFunc(e.Progress.Phases, func(p history.PhaseProgress) bool { return p.Name == phase })
	})
}

// over checks that the drills are over, and that nothing is left of them.
func (c *crashed) over(want ...string) {
	c.t.Helper()
	list, err := c.store.List(c.t.Context(), history.Filter{Limit: 10})
	if err != nil {
		c.t.Fatal(err)
	}
	var got []string
	for _, e := range slices.Backward(list) {
		got = append(got, fmt.Sprintf("%s %s %s", e.Trigger, e.State, e.Verdict))
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("drills are %q, want %q\n%s", got, want, c.tail())
	}
	if found := left(c.t, c.config); found != "" {
		c.t.Errorf("left behind: %s", found)
	}
	if files := leftovers(c.t, c.tmp); len(files) > 0 {
		c.t.Errorf("left behind: %v", files)
	}
	if messages := c.slack.Messages(); len(messages) > 1 {
		c.t.Errorf("%d alerts were sent, want one at most: %v", len(messages), messages)
	}
}

// TestAServiceKilledInAnyPhaseTakesItsDrillOverOnceItIsBack kills it the hard way, and
// starts it again.
func TestAServiceKilledInAnyPhaseTakesItsDrillOverOnceItIsBack(t *testing.T) {
	needDocker(t, 15)
	dump := slowDump(t, "2")
	for _, phase := range []string{verify.PhaseInspect, verify.PhaseStart, verify.PhaseBoot, verify.PhaseFetch, verify.PhaseRestore} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			c := newCrashed(t, dump, "30s")
			first := c.start(t)
			c.reached(asked, phase)
			first.kill(t)
			if e := c.entry(asked); e.State != history.Running {
				t.Fatalf("it was %s before the kill", e.State)
			}
			second := c.start(t)
			c.until(t, "taken over and ended", func() bool {
				list, err := c.store.List(t.Context(), history.Filter{States: []history.State{history.Finished}, Limit: 1})
				return err == nil && len(list) == 1
			})
			if code := second.stop(t); code != exitGood {
				t.Errorf("a stop ended with %d:\n%s", code, second.tail())
			}
			c.over("manual interrupted errored", "take-over finished passed")
		})
	}
}

// TestAServiceThatIsStoppedHandsItsDrillToTheNextOne sends SIGTERM in the middle of a
// restore that lasts longer than server.drain.
func TestAServiceThatIsStoppedHandsItsDrillToTheNextOne(t *testing.T) {
	needDocker(t, 15)
	c := newCrashed(t, slowDump(t, "5"), "1s")
	first := c.start(t)
	c.reached(asked, verify.PhaseRestore)
	began := time.Now()
	if code := first.stop(t); code != exitGood {
		t.Errorf("a stop ended with %d:\n%s", code, first.tail())
	}
	if took := time.Since(began); took > 30*time.Second { // a second to drain, and a container to remove
		t.Errorf("the stop took %s", took)
	}
	if e := c.entry(asked); e.State != history.Queued || !strings.Contains(e.Why, "handed over") {
		t.Errorf("after the stop the drill is %s, %q; want it queued again and why", e.State, e.Why)
	}
	if found := left(t, c.config); found != "" {
		t.Errorf("left behind after the stop: %s", found)
	}
	second := c.start(t)
	c.until(t, "drilled by the second process", func() bool { return c.entry(asked).State == history.Finished })
	second.stop(t)
	c.over("manual finished passed")
}
