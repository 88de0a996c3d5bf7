package cron

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const layout = "2006-01-02 15:04 -07:00"

func mustParse(t testing.TB, spec, zone string) Schedule {
	t.Helper()
	s, err := Parse(spec, zone)
	if err != nil {
		t.Fatalf("Parse(%q, %q): %v", spec, zone, err)
	}
	return s
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(layout, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestOccurrencesFollowTheClockOnTheWall(t *testing.T) {
	tests := []struct {
		name, spec, zone, after string
		want                    string // the next ones, times alone when the day is the same
	}{
		{"an ordinary day", "0 5 * * *", "Europe/Berlin", "2026-11-22 04:00 +01:00", "2026-11-22 05:00 +01:00, 2026-11-23 05:00 +01:00"},
		{"an occurrence does not follow itself", "0 5 * * *", "UTC", "2026-11-22 05:00 +00:00", "2026-11-23 05:00 +00:00"},
		{"a gap is left at its end", "30 2 * * *", "Europe/Berlin", "2026-03-28 12:00 +01:00",
			"2026-03-29 03:00 +02:00, 2026-03-30 02:30 +02:00"},
		{"all of a gap is one occurrence", "*/10 2 * * *", "Europe/Berlin", "2026-03-29 00:00 +01:00",
			"2026-03-29 03:00 +02:00, 2026-03-30 02:00 +02:00"},
		{"the end of a gap is not there twice", "0 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00 +01:00",
			"2026-03-29 03:00 +02:00, 2026-03-30 02:00 +02:00"},
		{"a repeated hour counts the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24 12:00 +02:00",
			"2026-10-25 02:30 +02:00, 2026-10-26 02:30 +01:00"},
		{"nothing follows within the repeated hour", "30 2 * * *", "Europe/Berlin", "2026-10-25 02:10 +01:00", "2026-10-26 02:30 +01:00"},
		{"the end of the repeated hour comes once", "0 3 * * *", "Europe/Berlin", "2026-10-25 02:59 +02:00", "2026-10-25 03:00 +01:00"},
		{"the hour before the repeated one", "59 1 * * *", "Europe/Berlin", "2026-10-24 12:00 +02:00", "2026-10-25 01:59 +02:00"},
		{"New York in spring", "30 2 * * *", "America/New_York", "2026-03-08 00:00 -05:00", "2026-03-08 03:00 -04:00, 2026-03-09 02:30 -04:00"},
		{"New York in autumn", "30 1 * * *", "America/New_York", "2026-11-01 00:00 -04:00", "2026-11-01 01:30 -04:00, 2026-11-02 01:30 -05:00"},
		{"half an hour is skipped", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00 +10:30", "2026-10-04 02:30 +11:00, 2026-10-05 02:15 +11:00"},
		{"half an hour comes twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00 +11:00", "2026-04-05 01:45 +11:00, 2026-04-06 01:45 +10:30"},
		{"a zone that never changes", "30 5 * * *", "Asia/Kolkata", "2026-03-29 00:00 +05:30", "2026-03-29 05:30 +05:30, 2026-03-30 05:30 +05:30"},
		{"a day without midnight", "0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00 -03:00", "2018-11-04 01:00 -02:00, 2018-11-05 00:00 -02:00"},
		{"a day with two midnights", "30 23 * * *", "America/Sao_Paulo", "2018-02-17 12:00 -02:00", "2018-02-17 23:30 -02:00, 2018-02-18 23:30 -03:00"},
		{"@daily where midnight is missing", "@daily", "America/Sao_Paulo", "2018-11-03 12:00 -03:00", "2018-11-04 01:00 -02:00, 2018-11-05 00:00 -02:00"},
		{"Ramadan begins", "30 2 * * *", "Africa/Casablanca", "2026-02-14 12:00 +01:00", "2026-02-15 02:30 +01:00, 2026-02-16 02:30 +00:00"},
		{"Ramadan ends", "30 2 * * *", "Africa/Casablanca", "2026-03-21 12:00 +00:00", "2026-03-22 03:00 +01:00, 2026-03-23 02:30 +01:00"},
		{"a day of the week in a gap", "0 2 * * sun", "Europe/Berlin", "2026-03-23 00:00 +01:00", "2026-03-29 03:00 +02:00, 2026-04-05 02:00 +02:00"},
		{"every hour goes on in spring", "0 * * * *", "Europe/Berlin", "2026-03-29 00:30 +01:00", "2026-03-29 01:00 +01:00, 2026-03-29 03:00 +02:00"},
		{"every hour goes on in autumn", "@hourly", "Europe/Berlin", "2026-10-25 01:30 +02:00",
			"2026-10-25 02:00 +02:00, 2026-10-25 02:00 +01:00, 2026-10-25 03:00 +01:00"},
		{"every second hour on Lord Howe", "0 */2 * * *", "Australia/Lord_Howe", "2026-04-05 01:40 +10:30", "2026-04-05 02:00 +10:30"},
		{"every 20 minutes over midnight", "*/20 * * * *", "America/Sao_Paulo", "2018-11-03 23:30 -03:00", "2018-11-03 23:40 -03:00, 2018-11-04 01:00 -02:00"},
		{"an interval knows no clock", "@every 6h", "Europe/Berlin", "2026-03-28 22:00 +01:00", "2026-03-29 05:00 +02:00, 2026-03-29 11:00 +02:00"},
		{"the end of a leap year far ahead", "0 5 * * *", "Europe/Berlin", "2040-12-30 12:00 +01:00", "2040-12-31 05:00 +01:00, 2041-01-01 05:00 +01:00"},
		{"a leap day is waited for", "0 0 29 2 *", "UTC", "2096-03-01 00:00 +00:00", "2104-02-29 00:00 +00:00"},
		{"the last day of some months", "0 4 31 * *", "UTC", "2026-03-31 05:00 +00:00", "2026-05-31 04:00 +00:00, 2026-07-31 04:00 +00:00"},
		{"a month by its name", "0 4 1 jan *", "UTC", "2026-03-31 05:00 +00:00", "2027-01-01 04:00 +00:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, at := mustParse(t, tt.spec, tt.zone), moment(t, tt.after)
			for want := range strings.SplitSeq(tt.want, ", ") {
				if at = s.Next(at); at.Format(layout) != want {
					t.Fatalf("next = %s, want %s", at.Format(layout), want)
				}
			}
		})
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	tests := []struct{ name, spec, zone, want string }{
		{"nothing", "", "UTC", "empty spec string"},
		{"a bare time zone", "TZ=UTC", "UTC", "the time zone stands in timezone"},
		{"a bare time zone of cron", "CRON_TZ=", "UTC", "the time zone stands in timezone"},
		{"six fields", "0 0 5 * * *", "UTC", "expected exactly 5 fields"},
		{"no interval", "@every 0s", "UTC", "the shortest interval is 1m00s"},
		{"an interval backwards", "@every -5m", "UTC", "the shortest interval is 1m00s"},
		{"an interval in words", "@every day", "UTC", "the interval is a duration such as 6h"},
		{"a day that never comes", "0 0 30 2 *", "UTC", "that day never comes"},
		{"an empty field", "0 , * * *", "UTC", "a field names nothing"},
		{"Sunday as 7", "0 0 * * 7", "UTC", "above maximum"},
		{"no zone", "0 0 * * *", "", "the time zone must have a name"},
		{"the zone of the machine", "0 0 * * *", "Local", "the time zone must have a name"},
		{"no such zone", "0 0 * * *", "Europe/Atlantis", "there is no such time zone"},
		{"a word", "@sometimes", "UTC", "unrecognized descriptor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.spec, tt.zone)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTheZeroScheduleNeverOccurs(t *testing.T) {
	var s Schedule
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if next, gap := s.Next(at), s.Interval(at); !next.IsZero() || gap != 0 || s.Peculiar(at, at.AddDate(1, 0, 0)) != nil {
		t.Errorf("next = %v, interval = %v, want none", next, gap)
	}
}

func TestIntervalIsTheLongerOfTheGapsBeforeAndAround(t *testing.T) {
	tests := []struct {
		name, spec, at string
		want           time.Duration
	}{
		{"once a day", "0 5 * * *", "2026-11-22 12:00 +01:00", 24 * time.Hour},
		{"the day that is an hour longer", "0 5 * * *", "2026-10-25 01:00 +02:00", 25 * time.Hour},
		{"working days before the weekend", "0 5 * * mon-fri", "2026-11-19 05:20 +01:00", 24 * time.Hour},
		{"over the weekend", "0 5 * * mon-fri", "2026-11-20 05:20 +01:00", 72 * time.Hour},
		{"just after the weekend", "0 5 * * mon-fri", "2026-11-23 05:20 +01:00", 72 * time.Hour},
		{"two close together", "0 1,5 * * *", "2026-11-22 01:10 +01:00", 20 * time.Hour},
		{"at an occurrence", "0 5 * * *", "2026-11-22 05:00 +01:00", 24 * time.Hour},
		{"every five minutes", "*/5 * * * *", "2026-11-22 05:01 +01:00", 5 * time.Minute},
		{"once a month", "@monthly", "2026-02-03 05:00 +01:00", 31 * 24 * time.Hour},
		{"an interval", "@every 90m", "2026-02-03 05:00 +01:00", 90 * time.Minute},
		{"on leap days, around a year that is none", "0 0 29 2 *", "2103-02-03 05:00 +01:00", 2921 * 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParse(t, tt.spec, "Europe/Berlin").Interval(moment(t, tt.at)); got != tt.want {
				t.Errorf("interval = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPeculiarDaysAreTold(t *testing.T) {
	const gap, twice = "Sun 29 Mar 2026: the clock is put forward from 02:00 to 03:00; ", "Sun 25 Oct 2026: the clock is put back from 03:00 to 02:00; "
	tests := []struct {
		name, spec, zone string
		want             []string
	}{
		{"a drill at five", "0 5 * * *", "Europe/Berlin", nil},
		{"a drill in the changed hour", "30 2 * * *", "Europe/Berlin",
			[]string{gap + "the drill of 02:30 runs at 03:00", twice + "the drill of 02:30 runs the first time only"}},
		{"several", "*/10 2 * * *", "Europe/Berlin",
			[]string{gap + "the drills of 02:00, 02:10, 02:20 and 3 more run at 03:00, as one", twice + "the drills of 02:00, 02:10, 02:20 and 3 more run the first time only"}},
		{"every second hour", "0 */2 * * *", "Europe/Berlin", []string{gap + "the drill of 02:00 is left out", twice + "the drill of 02:00 runs twice"}},
		{"every hour", "0 * * * *", "Europe/Berlin", nil},
		{"an interval", "@every 1h", "Europe/Berlin", nil},
		{"on working days, which the changes are not", "30 2 * * mon-fri", "Europe/Berlin", nil},
		{"no change of the clock", "30 2 * * *", "Asia/Kolkata", nil},
		{"half an hour", "45 1 * * *", "Australia/Lord_Howe",
			[]string{"Sun 5 Apr 2026: the clock is put back from 02:00 to 01:30; the drill of 01:45 runs the first time only"}},
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustParse(t, tt.spec, tt.zone).Peculiar(from, from.AddDate(1, 0, 0))
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

// zones have changes of the clock of all kinds: none, an hour, half an hour, at midnight,
// and moved for a month in between.
var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
	"America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Pacific/Apia", "Pacific/Chatham"}

// A daily schedule occurs once on every day of the calendar, whatever its time and zone,
// within the tables of the time zones (to 2037) and behind them.
func TestADailyScheduleMissesNoDayAndDoublesNone(t *testing.T) {
	for _, zone := range zones {
		t.Run(zone, func(t *testing.T) {
			for _, clock := range []string{"0 0", "30 0", "30 1", "45 1", "0 2", "15 2", "30 2", "45 2", "0 3", "0 12", "30 23", "59 23"} {
				daily(t, mustParse(t, clock+" * * *", zone), 2012)
				daily(t, mustParse(t, clock+" * * *", zone), 2035)
			}
		})
	}
}

func daily(t *testing.T, s Schedule, year int) {
	t.Helper()
	at := s.Next(time.Date(year, 1, 1, 12, 0, 0, 0, s.zone))
	for range 3653 {
		next := s.Next(at)
		want := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, time.UTC)
		if next.Format(time.DateOnly) != want.Format(time.DateOnly) {
			t.Fatalf("%s follows on %s", next, at)
		}
		at = next
	}
}

func TestOccurrencesGoForwardAndMissNothing(t *testing.T) {
	fields := [][]string{
		{"0", "30", "*", "*/7", "5-20/5", "0,59"},
		{"0", "2", "*", "*/2", "1-3", "23", "*/5,1"},
		{"*", "1", "29", "*/3", "31"},
		{"*", "3", "10,11", "*/2"},
		{"*", "sun", "mon-fri", "*/2"},
	}
	rapid.Check(t, func(t *rapid.T) {
		var spec []string
		for _, words := range fields {
			spec = append(spec, rapid.SampledFrom(words).Draw(t, "field"))
		}
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		s, err := Parse(strings.Join(spec, " "), zone)
		if err != nil {
			t.Skip("no such day")
		}
		at := time.Unix(rapid.Int64Range(1.2e9, 2.6e9).Draw(t, "after"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanos"))
		for range 50 {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("%q in %s: %s follows on %s", spec, zone, next, at)
			}
			// Whatever moment in between one asks at, the answer is the same.
			between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))-1).Draw(t, "between")))
			if again := s.Next(between); !again.Equal(next) {
				t.Fatalf("%q in %s: after %s comes %s, and after %s comes %s", spec, zone, at, next, between, again)
			}
			at = next
		}
		if gap := s.Interval(at); gap <= 0 {
			t.Fatalf("%q in %s: interval %s", spec, zone, gap)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, spec := range []string{"0 5 * * *", "@daily", "@hourly", "@every 6h", "TZ=UTC", "CRON_TZ=", "0 0 30 2 *", "@every 0s",
		"@every -5m", "*/7 1-5,*/3 ? jan-mar mon", "0 , * * *", "0 0 29 2 *", "59 23 31 12 6", "* * * * *"} {
		f.Add(spec, "Europe/Berlin")
	}
	f.Add("30 2 * * *", "Australia/Lord_Howe")
	f.Add("0 0 * * *", "../etc/passwd")
	after := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec, zone string) {
		s, err := Parse(spec, zone)
		if err != nil {
			return
		}
		at := after
		for range 5 {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("accepted %q in %q, of which %s follows on %s", spec, zone, next, at)
			}
			at = next
		}
		if s.Interval(at) < MinEvery {
			t.Errorf("accepted %q in %q with an interval of %s", spec, zone, s.Interval(at))
		}
	})
}

func BenchmarkNext(b *testing.B) {
	s, at := mustParse(b, "30 2 * * mon-fri", "Europe/Berlin"), time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Next(at)
	}
}

func BenchmarkInterval(b *testing.B) {
	s, at := mustParse(b, "30 2 * * mon-fri", "Europe/Berlin"), time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Interval(at)
	}
}
