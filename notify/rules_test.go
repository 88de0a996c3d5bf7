package notify_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifeboat/notify"
	"lifeboat/verify"
)

// drawEvent draws whatever may happen to a target, clocks that jump included.
func drawEvent(t *rapid.T, at time.Time) notify.Event {
	e := notify.Event{Target: "orders", At: at}
	if due := rapid.IntRange(-48, 48).Draw(t, "due"); due != 0 {
		e.VerdictDue = at.Add(time.Duration(due) * time.Hour)
	}
	if rapid.IntRange(0, 3).Draw(t, "time alone") == 0 {
		return e
	}
	v := verify.Verdict(rapid.IntRange(0, 4).Draw(t, "verdict"))
	codes := rapid.SliceOfN(rapid.SampledFrom([]string{"rows_missing a", "rows_missing b", "backup_stale age", "storage_unreachable"}), 0, 3).Draw(t, "codes")
	e.Report = report(v, codes...)
	e.Confirms = rapid.Bool().Draw(t, "confirms")
	return e
}

// watch is what the rules are held against: what a person who reads every alert knows.
type watch struct {
	ids  map[string]bool
	open map[notify.Kind]string // problem
	over map[string]bool
	seen map[string]bool
}

func (w *watch) take(t *rapid.T, e notify.Event, a notify.Alert) {
	if a.Problem == "" {
		t.Fatalf("%s %s is told without a problem", a.Kind, a.Reason)
	}
	switch open := w.open[a.Kind]; {
	case a.Reason == notify.Opened:
		if open != "" || w.seen[a.Problem] {
			t.Fatalf("%s opened as %s while %q is open", a.Kind, a.Problem, open)
		}
		w.open[a.Kind], w.seen[a.Problem] = a.Problem, true
	case a.Problem != open:
		t.Fatalf("%s %s is told of %s, open is %q", a.Kind, a.Reason, a.Problem, open)
	case a.Reason == notify.Recovered:
		if w.over[a.Problem] {
			t.Fatalf("%s recovered twice", a.Problem)
		}
		w.over[a.Problem] = true
		delete(w.open, a.Kind)
		good := e.Report != nil && e.Report.Verdict.Good() && !e.Confirms
		if a.Kind == notify.BadBackup && !good {
			t.Fatal("a bad backup recovered without a good drill of its own")
		}
	}
}

func TestDecisionsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := watch{ids: map[string]bool{}, open: map[notify.Kind]string{}, over: map[string]bool{}, seen: map[string]bool{}}
		state, at := notify.State{}, noon
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.IntRange(-30, 60).Draw(t, "minutes")) * 20 * time.Minute)
			e := drawEvent(t, at)
			next, decisions := notify.Decide(state, e, policy)
			again, same := notify.Decide(state, e, policy)
			if diff := cmp.Diff(decisions, same) + cmp.Diff(next, again); diff != "" {
				t.Fatalf("decided again, it differs:\n%s", diff)
			}
			for _, d := range decisions {
				if w.ids[d.Alert.ID] {
					t.Fatalf("the id %s comes twice", d.Alert.ID)
				}
				w.ids[d.Alert.ID] = true
				if d.Suppressed == "" {
					w.take(t, e, d.Alert)
				}
				if d.Alert.Title == "" || d.Alert.Audience == "" || d.Alert.Since.After(e.At) {
					t.Fatalf("an alert is not whole: %+v", d.Alert)
				}
			}
			if got, want := slices.Sorted(maps.Keys(next.Problems)), slices.Sorted(maps.Keys(w.open)); !slices.Equal(got, want) {
				t.Fatalf("the state has %s open, what was told says %s", got, want)
			}
			if e.Report != nil && e.Report.Verdict == verify.Failed && !e.Confirms && w.open[notify.BadBackup] == "" {
				t.Fatal("a failed drill left no open problem")
			}
			state = next
		}
	})
}
