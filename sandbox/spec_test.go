package sandbox

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

func goodSpec() Spec {
	return Spec{
		Owner:    Owner{Installation: "here", Instance: "one", Drill: "d1", Target: "orders"},
		Limits:   Limits{CPUs: 1, Memory: 1 << 30, Disk: 1 << 30, Pids: 100},
		Deadline: noon.Add(time.Minute),
	}
}

func TestSpecCheckNamesEverythingMissing(t *testing.T) {
	if err := goodSpec().Check(noon); err != nil {
		t.Errorf("a complete spec was refused: %v", err)
	}
	err := Spec{}.Check(noon)
	if err == nil {
		t.Fatal("an empty spec was accepted")
	}
	for _, want := range []string{"CPU", "memory", "disk", "processes", "owner", "deadline"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
	late := goodSpec()
	late.Deadline = noon
	if err := late.Check(noon); !errors.Is(err, ErrDeadline) {
		t.Errorf("deadline now: %v, want ErrDeadline", err)
	}
}

func TestSweepTakesOnlyWhatIsDue(t *testing.T) {
	q := SweepQuery{Installation: "here", Now: noon, Alive: func(i string) bool { return i == "living" }}
	before, after := noon.Add(-time.Second), noon.Add(time.Second)
	for _, c := range []struct {
		name     string
		owner    Owner
		deadline time.Time
		keep     bool
		want     bool
	}{
		{"running", Owner{Installation: "here", Instance: "living"}, after, false, false},
		{"instance died", Owner{Installation: "here", Instance: "dead"}, after, false, true},
		{"instance died, kept", Owner{Installation: "here", Instance: "dead"}, after, true, false},
		{"deadline passed", Owner{Installation: "here", Instance: "living"}, before, false, true},
		{"kept beyond its deadline", Owner{Installation: "here", Instance: "dead"}, before, true, true},
		{"another installation", Owner{Installation: "there", Instance: "dead"}, before, false, false},
	} {
		if got := q.Due(c.owner, c.deadline, c.keep); got != c.want {
			t.Errorf("%s: Due = %v, want %v", c.name, got, c.want)
		}
	}
}
