package cron

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWindowsCloseTheirTimeAndNoOther(t *testing.T) {
	tests := []struct {
		name  string
		specs string // separated by semicolons
		at    string
		until string // empty: open
	}{
		{"before it begins", "sat-sun 22:00-04:00", "2026-11-21 21:59 +01:00", ""},
		{"when it begins", "sat-sun 22:00-04:00", "2026-11-21 22:00 +01:00", "2026-11-22 04:00 +01:00"},
		{"past midnight of its last day", "sat-sun 22:00-04:00", "2026-11-23 03:59 +01:00", "2026-11-23 04:00 +01:00"},
		{"when it has ended", "sat-sun 22:00-04:00", "2026-11-23 04:00 +01:00", ""},
		{"past midnight of a day it does not name", "sat-sun 22:00-04:00", "2026-11-21 03:00 +01:00", ""},
		{"working hours", "mon-fri 08:00-18:00", "2026-11-20 12:30 +01:00", "2026-11-20 18:00 +01:00"},
		{"working hours on Sunday", "mon-fri 08:00-18:00", "2026-11-22 12:30 +01:00", ""},
		{"every night", "23:00-01:00", "2026-11-22 00:30 +01:00", "2026-11-22 01:00 +01:00"},
		{"whole days", "sat-sun", "2026-11-21 10:00 +01:00", "2026-11-23 00:00 +01:00"},
		{"days around the week's end", "fri-mon 10:00-11:00", "2026-11-23 10:10 +01:00", "2026-11-23 11:00 +01:00"},
		{"days in capitals", "Mon,Wed 10:00-11:00", "2026-11-25 10:10 +01:00", "2026-11-25 11:00 +01:00"},
		{"windows that touch are one", "sat 22:00-24:00; sun 00:00-06:00; sun 05:00-07:30", "2026-11-21 23:00 +01:00", "2026-11-22 07:30 +01:00"},
		{"the clock is put back while it is closed", "sun 01:00-04:00", "2026-10-25 01:30 +02:00", "2026-10-25 04:00 +01:00"},
		{"it ends in the repeated hour, and begins again", "sun 01:00-02:30", "2026-10-25 02:10 +01:00", "2026-10-25 02:30 +01:00"},
		{"it ends in a gap", "sun 01:00-02:30", "2026-03-29 01:30 +01:00", "2026-03-29 03:00 +02:00"},
		{"it ends where a gap begins", "sun 01:00-02:00", "2026-03-29 01:30 +01:00", "2026-03-29 03:00 +02:00"},
		{"it goes on behind a gap", "sun 01:00-03:30", "2026-03-29 01:30 +01:00", "2026-03-29 03:30 +02:00"},
		{"none", "", "2026-03-29 01:30 +01:00", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var specs []string
			if tt.specs != "" {
				specs = strings.Split(tt.specs, "; ")
			}
			w, err := ParseWindows(specs, "Europe/Berlin")
			if err != nil {
				t.Fatal(err)
			}
			closed, until := w.Closed(moment(t, tt.at))
			switch {
			case closed != (tt.until != ""):
				t.Errorf("closed = %v, until %s", closed, until)
			case closed && until.Format(layout) != tt.until:
				t.Errorf("until %s, want %s", until.Format(layout), tt.until)
			}
		})
	}
}

func TestWindowsThatCannotBeReadAreRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"":                        "written as days, hours or both",
		"sat 10:00-11:00 and sun": "written as days, hours or both",
		"sat- 10:00-11:00":        "the days are mon",
		"7 10:00-11:00":           "the days are mon",
		"10:00":                   "the hours are written like",
		"10:00-25:00":             "the hours are written like",
		"10:00-11:60":             "the hours are written like",
		"10:00-11":                "the hours are written like",
		"24:00-01:00":             "the hours are written like",
		"+1:00-02:00":             "the hours are written like",
		"10:00-10:00":             "it ends when it begins",
		"22:00-24:00-02:00":       "the hours are written like",
	} {
		if err := CheckWindow(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckWindow(%q) = %v, want %q", spec, err, want)
		}
		if _, err := ParseWindows([]string{"mon", spec}, "UTC"); err == nil {
			t.Errorf("ParseWindows took %q", spec)
		}
	}
}

func TestWindowsMustLeaveTimeOpen(t *testing.T) {
	for _, specs := range [][]string{
		{"00:00-24:00"}, {"sun-sat"}, {"mon-fri", "sat-sun 00:00-12:00", "sat,sun 12:00-24:00"}, {"12:00-11:00", "11:00-12:00"},
	} {
		if _, err := ParseWindows(specs, "UTC"); !errors.Is(err, ErrAlways) {
			t.Errorf("ParseWindows(%q) = %v, want ErrAlways", specs, err)
		}
	}
	if _, err := ParseWindows([]string{"mon-sat", "sun 00:00-23:59"}, "UTC"); err != nil {
		t.Errorf("one minute is open, and yet: %v", err)
	}
	if _, err := ParseWindows(nil, "Europe/Atlantis"); err == nil {
		t.Error("a time zone that does not exist was taken")
	}
}

// When a window has ended none is open, and no moment before that was outside of one.
func TestTheEndOfAWindowIsTheFirstOpenMoment(t *testing.T) {
	clock := rapid.Custom(func(t *rapid.T) string {
		return time.Time{}.Add(time.Duration(rapid.IntRange(0, 95).Draw(t, "quarter")) * 15 * time.Minute).Format("15:04")
	})
	rapid.Check(t, func(t *rapid.T) {
		var specs []string
		for range rapid.IntRange(1, 4).Draw(t, "windows") {
			specs = append(specs, rapid.SampledFrom([]string{"", "sat-sun ", "mon-fri ", "sun "}).Draw(t, "days")+
				clock.Draw(t, "from")+"-"+clock.Draw(t, "to"))
		}
		w, err := ParseWindows(specs, rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Skip("a window of no length, or always closed")
		}
		at := time.Unix(rapid.Int64Range(1_300_000, 2_400_000).Draw(t, "at")*900, 0)
		closed, until := w.Closed(at)
		if !closed {
			return
		}
		if again, _ := w.Closed(until); again || !until.After(at) {
			t.Fatalf("%q: closed at %s until %s, which is closed too: %v", specs, at, until, again)
		}
		for m := at; m.Before(until); m = m.Add(15 * time.Minute) {
			if still, end := w.Closed(m); !still || !end.Equal(until) {
				t.Fatalf("%q: closed at %s until %s, and at %s: %v until %s", specs, at, until, m, still, end)
			}
		}
	})
}

func FuzzParseWindows(f *testing.F) {
	for _, spec := range []string{"sat-sun 22:00-04:00", "mon-fri 08:00-18:00", "23:00-01:00", "sat", "fri-mon", "00:00-24:00", ",", "-"} {
		f.Add(spec)
	}
	at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec string) {
		w, err := ParseWindows([]string{spec}, "Europe/Berlin")
		if err != nil {
			return
		}
		if closed, until := w.Closed(at); closed && (!until.After(at) || until.After(at.AddDate(0, 0, 8))) {
			t.Errorf("accepted %q, closed at %s until %s", spec, at, until)
		}
	})
}
