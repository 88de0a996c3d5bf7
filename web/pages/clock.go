package pages

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/units"
)

// clock tells times as seen from the moment a page is rendered.
type clock struct{ now time.Time }

// stamp is a time in three ways of writing it.
type stamp struct {
	ISO  string // for machines
	Full string // "2026-11-25 21:24 UTC"
	Ago  string // "3 h ago", "in 2 days"
}

// At writes t; the zero time gives the zero stamp.
func (c clock) At(t time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	t = t.UTC()
	s := stamp{ISO: t.Format(time.RFC3339), Full: t.Format("2006-01-02 15:04") + " UTC"}
	switch d := c.now.Sub(t); {
	case d <= -time.Minute:
		s.Ago = "in " + coarse(-d)
	case d < 10*time.Second:
		s.Ago = "just now"
	default:
		s.Ago = coarse(d) + " ago"
	}
	return s
}

// Now is the moment the page was rendered.
func (c clock) Now() stamp { return c.At(c.now) }

// age is how old something is.
func (c clock) age(t time.Time) time.Duration { return max(0, c.now.Sub(t)) }

// coarse writes a duration the way people say it: one unit, or two where one is too few.
func coarse(d time.Duration) string {
	hours := int(math.Round(d.Hours()))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 10*time.Hour:
		if m := int(d.Minutes()) % 60; m >= 10 {
			return fmt.Sprintf("%d h %d min", int(d.Hours()), m)
		}
		return fmt.Sprintf("%d h", int(d.Hours()))
	case hours < 48:
		return fmt.Sprintf("%d h", hours)
	case hours < 10*24 && hours%24 > 0: // two days and 23 hours are not two days
		return fmt.Sprintf("%d days %d h", hours/24, hours%24)
	}
	return units.Counted(int64(hours/24), "day")
}

// exact writes a limit with nothing left out.
func exact(d time.Duration) string {
	var parts []string
	if n := d / (24 * time.Hour); n >= 2 {
		parts = append(parts, fmt.Sprintf("%d days", n))
		d -= n * 24 * time.Hour
	}
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"min", time.Minute}} {
		if n := d / u.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.size
		}
	}
	if d > 0 || len(parts) == 0 {
		parts = append(parts, strconv.FormatFloat(d.Seconds(), 'f', -1, 64)+" s")
	}
	return strings.Join(parts, " ")
}

// gauge holds a measured time against its limit.
type gauge struct {
	Text  string // "3 h"; empty when there is nothing to measure
	Exact stamp  // of the moment it is measured from; zero for durations
	Limit string // "26 h"; empty when none was set
	Share int    // of the limit, 0 to 100
	Level string // "ok", "near" from four fifths on, "over"; empty without a limit
}

func measure(d, limit time.Duration) gauge {
	g := gauge{Text: coarse(d)}
	if d < time.Minute {
		g.Text = units.Duration(d)
	}
	if limit <= 0 {
		return g
	}
	g.Limit, g.Level = exact(limit), "ok"
	g.Share = int(min(100, 100*d/limit))
	switch {
	case d > limit:
		g.Level = "over"
	case g.Share >= 80:
		g.Level = "near"
	}
	return g
}

// since measures the age of a moment; the zero time gives a gauge without a text.
func (c clock) since(t time.Time, limit time.Duration) gauge {
	if t.IsZero() {
		g := gauge{}
		if limit > 0 {
			g.Limit = exact(limit)
		}
		return g
	}
	g := measure(c.age(t), limit)
	g.Exact = c.At(t)
	return g
}
