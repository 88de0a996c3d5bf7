package cron

import "time"

// stretch is a time during which a zone keeps one distance from UTC. What the clock on
// the wall shows during it is written as if it were UTC, where no clock ever changes.
type stretch struct {
	start, end time.Time // end is the first moment after it; zero: without bound
	offset     time.Duration
}

func stretchAt(t time.Time, zone *time.Location) stretch {
	t = t.In(zone)
	_, offset := t.Zone()
	start, end := t.ZoneBounds()
	// Behind the table of the zone package time takes every year for one of 365 days: on
	// the last of a leap year the bounds it tells are over already.
	if !end.IsZero() && !end.After(t) {
		_, end = t.Add(2 * day).ZoneBounds()
	}
	return stretch{start, end, time.Duration(offset) * time.Second}
}

// wall is what the clock shows at a moment.
func (s stretch) wall(t time.Time) time.Time { return t.UTC().Add(s.offset) }

// moment is when the clock shows wall, if it does.
func (s stretch) moment(wall time.Time) time.Time { return wall.Add(-s.offset) }

// shows reports whether the clock shows wall, or a later time, before s is over.
func (s stretch) shows(wall time.Time) bool {
	return s.end.IsZero() || wall.Before(s.wall(s.end))
}
