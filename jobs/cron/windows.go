package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Windows are the times of the week in which no scheduled drill starts. The zero value
// has none.
type Windows struct {
	zone  *time.Location
	spans []span
}

// span is a time of the week, counted from the beginning of Sunday on the wall's clock.
type span struct{ start, length time.Duration }

// ParseWindows reads maintenance windows for a time zone by its name. Windows that leave
// no time at all are a mistake: nothing would ever be drilled.
func ParseWindows(specs []string, zone string) (Windows, error) {
	loc, err := location(zone)
	if err != nil {
		return Windows{}, err
	}
	w := Windows{zone: loc}
	for _, spec := range specs {
		spans, err := parseWindow(spec)
		if err != nil {
			return Windows{}, fmt.Errorf("window %q: %w", spec, err)
		}
		w.spans = append(w.spans, spans...)
	}
	if w.left(0) >= week {
		return Windows{}, ErrAlways
	}
	return w, nil
}

// ErrAlways means that windows close the whole week.
var ErrAlways = errors.New("the windows leave no time of the week open")

// CheckWindow says in a few words what is wrong with one window.
func CheckWindow(spec string) error {
	_, err := parseWindow(spec)
	return err
}

// parseWindow reads days, hours or both: "sat-sun 22:00-04:00", "mon,wed", "23:00-01:00".
func parseWindow(spec string) ([]span, error) {
	days, clock := "sun-sat", "00:00-24:00"
	switch parts := strings.Fields(strings.ToLower(spec)); {
	case len(parts) == 2:
		days, clock = parts[0], parts[1]
	case len(parts) == 1 && strings.Contains(parts[0], ":"):
		clock = parts[0]
	case len(parts) == 1:
		days = parts[0]
	default:
		return nil, errors.New("it is written as days, hours or both, such as sat-sun 22:00-04:00")
	}
	on, err := weekdays(days)
	if err != nil {
		return nil, err
	}
	from, to, _ := strings.Cut(clock, "-")
	start, ok := clockTime(from)
	end, fine := clockTime(to)
	switch {
	case !ok || !fine || start == day:
		return nil, errors.New("the hours are written like 22:00-04:00")
	case start == end:
		return nil, errors.New("it ends when it begins; a whole day is 00:00-24:00")
	case end < start:
		end += day
	}
	var spans []span
	for d, is := range on {
		if is {
			spans = append(spans, span{time.Duration(d)*day + start, end - start})
		}
	}
	return spans, nil
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// weekdays reads "mon,wed" and "fri-mon".
func weekdays(s string) (on [7]bool, err error) {
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := -1, -1
		for i, name := range dayNames {
			if first == name {
				from = i
			}
			if last == name {
				to = i
			}
		}
		if from < 0 || to < 0 {
			return on, errors.New("the days are mon, tue, wed, thu, fri, sat and sun")
		}
		for i := from; ; i = (i + 1) % 7 {
			on[i] = true
			if i == to {
				break
			}
		}
	}
	return on, nil
}

// clockTime reads 00:00 to 24:00.
func clockTime(s string) (time.Duration, bool) {
	h, m, _ := strings.Cut(s, ":")
	hour, err := strconv.ParseUint(h, 10, 8)
	minute, bad := strconv.ParseUint(m, 10, 8)
	d := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	return d, err == nil && bad == nil && len(h) <= 2 && len(m) == 2 && minute < 60 && d <= day
}

// left is how long it takes, from a time of the week that lies in a window, until none
// is left; 0 when it lies in none.
func (w Windows) left(at time.Duration) time.Duration {
	var left time.Duration
	for again := true; again && left < week; {
		again = false
		for _, s := range w.spans {
			if into := (at + left - s.start + 2*week) % week; into < s.length {
				left += s.length - into
				again = true
			}
		}
	}
	return left
}

// Closed reports whether a moment lies in a window, and the first moment after it that
// lies in none. When the clock changes, what it shows counts.
func (w Windows) Closed(at time.Time) (closed bool, until time.Time) {
	if w.spans == nil {
		return false, time.Time{}
	}
	for now := stretchAt(at, w.zone); ; now = stretchAt(now.end, w.zone) {
		wall := now.wall(at)
		midnight := time.Date(wall.Year(), wall.Month(), wall.Day(), 0, 0, 0, 0, time.UTC)
		left := w.left(time.Duration(wall.Weekday())*day + wall.Sub(midnight))
		switch end := wall.Add(left); {
		case left == 0 && !closed:
			return false, time.Time{}
		case left == 0:
			return true, at.In(w.zone)
		case now.shows(end):
			return true, now.moment(end).In(w.zone)
		}
		closed, at = true, now.end
	}
}
