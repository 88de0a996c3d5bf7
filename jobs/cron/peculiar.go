package cron

import (
	"fmt"
	"strings"
	"time"
)

// Peculiar tells in words on which days after from and up to to a change of the clock
// moves, drops or doubles an occurrence, earliest first.
func (s Schedule) Peculiar(from, to time.Time) []string {
	if s.plan == nil || s.hourly {
		return nil
	}
	var days []string
	for now := stretchAt(from, s.zone); !now.end.IsZero() && !now.end.After(to); {
		next := stretchAt(now.end, s.zone)
		if words := s.change(now, next); words != "" {
			days = append(days, words)
		}
		now = next
	}
	return days
}

// change tells what the change of the clock between two stretches does; empty when that
// is nothing.
func (s Schedule) change(before, after stretch) string {
	old, now := before.wall(before.end), after.wall(before.end)
	from, to, direction := old, now, "forward"
	if now.Before(old) {
		from, to, direction = now, old, "back"
	}
	var times []string
	for at := s.upcoming(from.Add(-1)); !at.IsZero() && at.Before(to); at = s.upcoming(at) {
		times = append(times, at.Format("15:04"))
	}
	if times == nil {
		return ""
	}
	drill, runs, is := "the drill", "runs", "is"
	if len(times) > 1 {
		drill, runs, is = "the drills", "run", "are"
	}
	what := drill + " of " + list(times)
	switch {
	case direction == "forward" && s.starry:
		what += " " + is + " left out"
	case direction == "forward":
		what += " " + runs + " at " + now.Format("15:04")
		if len(times) > 1 {
			what += ", as one"
		}
	case s.starry:
		what += " " + runs + " twice"
	default:
		what += " " + runs + " the first time only"
	}
	return fmt.Sprintf("%s: the clock is put %s from %s to %s; %s",
		old.Format("Mon 2 Jan 2006"), direction, old.Format("15:04"), now.Format("15:04"), what)
}

// list writes a few times out and counts the others.
func list(times []string) string {
	const most = 3
	if more := len(times) - most; more > 0 {
		return strings.Join(times[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(times, ", ")
}
