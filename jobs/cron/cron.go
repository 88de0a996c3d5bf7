// Package cron tells when targets are due and when no drill may start: schedules with
// their time zone, and maintenance windows. It owns the rules for changes of the clock.
// It has no clock and no timer of its own, and runs nothing.
package cron

import (
	"errors"
	"strings"
	"time"
	_ "time/tzdata" // a static binary in an empty image knows no time zones otherwise

	robfig "github.com/robfig/cron/v3"

	"lifeboat/internal/units"
)

// MinEvery is the shortest interval of @every: a drill takes longer than that.
const MinEvery = time.Minute

// Schedule is a series of occurrences in a time zone. Its fields are read in one of
// two ways when the clock changes:
//
//   - The hours are named: occurrences are times of the wall clock. One that does not
//     exist comes at the first moment after the gap, one that exists twice comes the
//     first time only. So a daily schedule occurs once on every day of the calendar.
//   - The hour is * or */n: an occurrence is whenever the clock shows it, so that the
//     distance between two stays the same. @hourly is one of these.
//
// @every knows no clock at all. The zero value never occurs.
type Schedule struct {
	zone   *time.Location
	plan   *robfig.SpecSchedule // read in UTC, over what the clock on the wall shows
	every  time.Duration        // of @every; then there is no plan
	starry bool                 // the hour is * or */n
	hourly bool                 // the hour is *: nothing is peculiar about any day
}

// Parse reads five cron fields, a descriptor such as @daily, or @every 6h, for a time
// zone by its name. It guards the parser below it, which panics on a bare time zone,
// takes intervals of nothing for a second, and accepts dates that never come. An error
// says in a few words what is wrong, without the text that was given.
func Parse(spec, zone string) (Schedule, error) {
	loc, err := location(zone)
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{zone: loc}
	if every, ok := strings.CutPrefix(spec, "@every "); ok {
		s.every, err = interval(every)
		return s, err
	}
	if strings.Contains(spec, "TZ=") {
		return Schedule{}, errors.New("the time zone stands in timezone")
	}
	if s.plan, err = fields(spec); err != nil {
		return Schedule{}, err
	}
	s.starry, s.hourly = hours(spec)
	// A leap year begins here.
	if s.upcoming(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, errors.New("that day never comes")
	}
	return s, nil
}

func location(zone string) (*time.Location, error) {
	if zone == "" || zone == "Local" {
		return nil, errors.New("the time zone must have a name, such as Europe/Berlin")
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, errors.New("there is no such time zone")
	}
	return loc, nil
}

// interval reads what follows @every.
func interval(s string) (time.Duration, error) {
	d, err := units.ParseDuration(s)
	switch {
	case err != nil:
		return 0, errors.New("the interval is a duration such as 6h")
	case d < MinEvery:
		return 0, errors.New("the shortest interval is " + units.Duration(MinEvery))
	}
	return d.Truncate(time.Second), nil
}

// fields reads cron fields and descriptors.
func fields(spec string) (plan *robfig.SpecSchedule, err error) {
	defer func() {
		if recover() != nil {
			plan, err = nil, errors.New("it cannot be read")
		}
	}()
	parsed, err := robfig.ParseStandard(spec)
	if err != nil {
		return nil, err
	}
	plan, ok := parsed.(*robfig.SpecSchedule)
	if !ok {
		return nil, errors.New("it cannot be read")
	}
	for _, bits := range []uint64{plan.Minute, plan.Hour, plan.Dom, plan.Month, plan.Dow} {
		if bits == 0 {
			return nil, errors.New("a field names nothing")
		}
	}
	plan.Location = time.UTC
	return plan, nil
}

// hours tells whether the hour field is * or */n, and whether it is * alone.
func hours(spec string) (starry, hourly bool) {
	if strings.HasPrefix(spec, "@") {
		is := spec == "@hourly"
		return is, is
	}
	for hour := range strings.SplitSeq(strings.Fields(spec)[1], ",") {
		if strings.HasPrefix(hour, "*") || strings.HasPrefix(hour, "?") {
			starry = true
		}
		if hour == "*" || hour == "?" {
			hourly = true
		}
	}
	return starry, hourly
}

// upcoming is the first time after wall that the fields name, as the clock on the wall
// shows it. The parser gives up after five years; 29 February may take eight.
func (s Schedule) upcoming(wall time.Time) time.Time {
	for range 3 {
		if next := s.plan.Next(wall); !next.IsZero() {
			return next
		}
		wall = wall.AddDate(4, 0, 0)
	}
	return time.Time{}
}

// Next is the first occurrence after a moment, in the time zone of the schedule; zero
// when there is none.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.every > 0:
		return after.Truncate(time.Second).Add(s.every).In(s.zone)
	case s.plan == nil:
		return time.Time{}
	case s.starry:
		return s.nextShown(after)
	}
	return s.nextOnWall(after)
}

// nextShown is the next moment at which the clock shows an occurrence.
func (s Schedule) nextShown(after time.Time) time.Time {
	for now := stretchAt(after, s.zone); ; now = stretchAt(now.end, s.zone) {
		wall := s.upcoming(now.wall(after))
		if wall.IsZero() {
			return wall
		}
		if now.shows(wall) {
			return now.moment(wall).In(s.zone)
		}
		after = now.end.Add(-1) // so that the end itself may be an occurrence
	}
}

// nextOnWall is the first moment at which the clock shows the next occurrence or a later
// time: behind a gap when it lies in one, and the first time when it comes twice.
func (s Schedule) nextOnWall(after time.Time) time.Time {
	now := stretchAt(after, s.zone)
	// What the clock has shown so far. When it was put back, that is more than it shows.
	shown := now.wall(after)
	if !now.start.IsZero() {
		before := stretchAt(now.start.Add(-1), s.zone)
		if last := before.wall(now.start).Add(-1); last.After(shown) {
			shown = last
		}
	}
	wall := s.upcoming(shown)
	if wall.IsZero() {
		return wall
	}
	for !now.shows(wall) {
		now = stretchAt(now.end, s.zone)
	}
	at := now.moment(wall)
	if at.Before(now.start) {
		at = now.start
	}
	return at.In(s.zone)
}

// longest bounds how far back Interval looks: two leap days around a century.
const longest = 17 * 366 * 24 * time.Hour

// Interval is the time between two occurrences around a moment: between the last before
// it and the next, or between the last two before it when that is longer. 0 when there
// are no two.
func (s Schedule) Interval(at time.Time) time.Duration {
	if s.every > 0 {
		return s.every
	}
	next := s.Next(at)
	if next.IsZero() {
		return 0
	}
	// There is no looking backwards: begin ever earlier until two have passed. The first try is
	// right for all that come evenly.
	gap := s.Next(next).Sub(next)
	for back := max(2*time.Minute, min(2*gap, longest/2)); back < longest; back *= 2 {
		first := s.Next(at.Add(-back))
		second := s.Next(first)
		if second.After(at) {
			continue
		}
		for n := s.Next(second); !n.After(at); n = s.Next(n) {
			first, second = second, n
		}
		return max(second.Sub(first), next.Sub(second))
	}
	return 0
}
