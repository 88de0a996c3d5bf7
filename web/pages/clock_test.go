package pages

import (
	"testing"
	"time"
)

func TestAgesAndLimitsAreNotOffByMuch(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	for d, want := range map[time.Duration]string{
		59*time.Second + 900*time.Millisecond: "59 s", time.Minute: "1 min", hour - time.Second: "59 min", hour: "1 h", 90 * time.Minute: "1 h 30 min",
		23*hour + 54*time.Minute: "24 h", 47*hour + 29*time.Minute: "47 h", 2*day - time.Second: "2 days", 3*day - hour: "2 days 23 h",
		3 * day: "3 days", 60 * day: "60 days",
	} {
		if got := coarse(d); got != want {
			t.Errorf("%s is an age of %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		45 * time.Minute: "45 min", 65 * time.Minute: "1 h 5 min", 26 * hour: "26 h", 26*hour + 30*time.Minute: "26 h 30 min",
		60 * hour: "2 days 12 h", 7 * day: "7 days", 90 * time.Second: "1 min 30 s", 1500 * time.Millisecond: "1.5 s",
	} {
		if got := exact(d); got != want {
			t.Errorf("%s is a limit of %q, want %q", d, got, want)
		}
	}
}
