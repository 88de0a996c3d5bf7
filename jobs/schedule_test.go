package jobs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// everyHours is a schedule of fixed intervals.
type everyHours int

func (h everyHours) Interval(time.Time) time.Duration { return time.Duration(h) * time.Hour }
func (h everyHours) Next(after time.Time) time.Time {
	return after.Truncate(h.Interval(after)).Add(h.Interval(after))
}

// night closes the hours between ten and four.
type night struct{}

func (night) Closed(at time.Time) (bool, time.Time) {
	day := at.Truncate(24 * time.Hour)
	switch h := at.Hour(); {
	case h < 4:
		return true, day.Add(4 * time.Hour)
	case h >= 22:
		return true, day.Add(28 * time.Hour)
	}
	return false, time.Time{}
}

func TestWhenAScheduledDrillBegins(t *testing.T) {
	plan := history.Plan{Target: "orders", Next: noon}
	late := noon.Add(14 * time.Hour) // two at night
	tests := []struct {
		name    string
		target  Target
		now     time.Time
		trigger history.Trigger
		from    time.Time // NotBefore lies in [from, from+within]
		within  time.Duration
	}{
		{"at its time", Target{}, noon, history.Scheduled, noon, 0},
		{"a little late, still as scheduled", Target{}, noon.Add(lateBy), history.Scheduled, noon, 0},
		{"spread by its jitter", Target{Jitter: 10 * time.Minute}, noon, history.Scheduled, noon, 10 * time.Minute},
		{"missed, caught up at a time of its own", Target{}, late, history.CatchUp, late, catchUpSpread},
		{"not in a maintenance window", Target{Windows: night{}}, late, history.CatchUp, noon.Add(16 * time.Hour), 0},
		{"nor all at once when it ends", Target{Windows: night{}, Jitter: time.Hour}, late, history.CatchUp, noon.Add(16 * time.Hour), time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.target.scheduled(plan, tt.now, nextID)
			if got.Trigger != tt.trigger || !got.ScheduledFor.Equal(noon) {
				t.Errorf("drill is %+v, want a %s of the occurrence at noon", got, tt.trigger)
			}
			if got.NotBefore.Before(tt.from) || got.NotBefore.After(tt.from.Add(tt.within)) {
				t.Errorf("begins not before %s, want within %s of %s", got.NotBefore, tt.within, tt.from)
			}
		})
	}
}

func TestADowntimeIsNotFollowedByAStampede(t *testing.T) {
	const targets, slots = 200, 10
	now := noon.Add(48 * time.Hour)
	var perSlot [slots]int
	for i := range targets {
		p := history.Plan{Target: fmt.Sprintf("target-%d", i), Next: noon}
		d := Target{}.scheduled(p, now, nextID)
		perSlot[d.NotBefore.Sub(now)*slots/catchUpSpread]++
		if again := (Target{}).scheduled(p, now, nextID); again != d {
			t.Fatalf("the same occurrence gives %+v and %+v", d, again)
		}
	}
	for slot, n := range perSlot {
		if n < targets/slots/2 || n > targets/slots*2 {
			t.Errorf("slot %d of %d has %d of %d drills", slot, slots, n, targets)
		}
	}
}

func TestWhenAVerdictIsDue(t *testing.T) {
	hour := time.Hour
	daily := Target{Schedule: everyHours(24)}
	proof := func(at time.Time) *notify.Proof { return &notify.Proof{At: at} }
	appearing := Target{OnNewBackup: true}
	appearing.Job.Target.Objectives = verify.Objectives{RPO: 10 * hour}
	proven := Target{Schedule: everyHours(24), MaxAgeProof: 30 * hour}
	tests := []struct {
		name   string
		target Target
		st     history.Standing
		want   time.Time
		proof  bool
	}{
		{"one and a half intervals after the last verdict", daily, history.Standing{Since: noon.Add(-99 * hour), VerdictAt: noon}, noon.Add(36 * hour), false},
		{"or after it was configured, when there was none", daily, history.Standing{Since: noon}, noon.Add(36 * hour), false},
		{"or after its schedule changed", daily, history.Standing{Since: noon.Add(-99 * hour), Planned: noon, VerdictAt: noon.Add(-50 * hour)}, noon.Add(36 * hour), false},
		{"not while a window keeps drills from beginning", Target{Schedule: everyHours(2), Windows: night{}},
			history.Standing{VerdictAt: noon.Add(9 * hour)}, noon.Add(17 * hour), false},
		{"nor right after one that held the drill back", Target{Schedule: everyHours(4), Windows: night{}},
			history.Standing{VerdictAt: noon.Add(11 * hour)}, noon.Add(18 * hour), false},
		{"as ever where no window is in the way", Target{Schedule: everyHours(2), Windows: night{}}, history.Standing{VerdictAt: noon}, noon.Add(3 * hour), false},
		{"never when only drilled on request", Target{}, history.Standing{Since: noon, VerdictAt: noon}, time.Time{}, false},
		{"within its RPO when drilled as backups appear", appearing, history.Standing{VerdictAt: noon}, noon.Add(15 * hour), false},
		{"once a month and a half when backups may appear at any time", Target{OnNewBackup: true}, history.Standing{VerdictAt: noon}, noon.Add(46*24*hour + 12*hour), false},
		{"or when its proof gets too old", Target{OnNewBackup: true, MaxAgeProof: 90 * 24 * hour}, history.Standing{Since: noon}, noon.Add(90 * 24 * hour), true},
		{"when the last proof gets too old", proven, history.Standing{VerdictAt: noon, LastGood: proof(noon.Add(-9 * hour))}, noon.Add(21 * hour), true},
		{"a verdict that is no proof does not help", proven, history.Standing{Since: noon.Add(-20 * hour), VerdictAt: noon}, noon.Add(10 * hour), true},
		{"even without any schedule", Target{MaxAgeProof: hour}, history.Standing{Since: noon}, noon.Add(hour), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, why, proof := tt.target.due(tt.st)
			if !got.Equal(tt.want) || proof != tt.proof {
				t.Errorf("due at %s, only a proof: %t; want %s, %t", got, proof, tt.want, tt.proof)
			}
			if appears := tt.target.OnNewBackup && !tt.proof; strings.Contains(why, "when a new backup appears") != appears {
				t.Errorf("due because %q; drilled when a new backup appears: %t", why, appears)
			}
			if (why == "") != got.IsZero() {
				t.Errorf("due at %s because %q", got, why)
			}
		})
	}
}
