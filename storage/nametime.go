package storage

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// nameTime is a time read from a name.
type nameTime struct {
	at       time.Time // UTC
	dateOnly bool
	zoned    bool // the name says which zone it means
}

// stamp recognises date, and time of day where one follows, as people put them into
// names. A slash separates the parts of a date that is spread over folders.
var stamp = regexp.MustCompile(`(20[0-9]{2})([-_./]?)([0-9]{2})([-_./]?)([0-9]{2})` +
	`(?:[-_T .@]{0,2}([0-9]{2})([-_:.h]?)([0-9]{2})(?:([-_:.m]?)([0-9]{2})(?:\.[0-9]{1,9})?)?(Z|UTC|[+][0-9]{2}:?[0-9]{2})?)?`)

// epoch recognises seconds since 1970 between 2015 and 2033.
var epoch = regexp.MustCompile(`1[4-9][0-9]{8}`)

// zoneSlack is how far apart the same moment reads in two time zones, at most.
const zoneSlack = 14 * time.Hour

// timeInKey finds the one time that key names: in its last part, else in the folders
// above, nearest first, else spread over them. Two different times in one name are
// none. A time more than a day after now is not believed.
func timeInKey(key string, now time.Time) (nameTime, bool) {
	parts := strings.Split(strings.TrimSuffix(key, "/"), "/")
	for i := len(parts) - 1; i >= 0; i-- {
		if found := timesIn(parts[i], now); len(found) > 0 {
			return single(found)
		}
	}
	return single(timesIn(strings.Join(parts[:len(parts)-1], "/"), now))
}

// single merges times that say the same, and refuses those that do not.
func single(found []nameTime) (nameTime, bool) {
	if len(found) == 0 {
		return nameTime{}, false
	}
	best := found[0]
	for _, t := range found[1:] {
		switch {
		case t.dateOnly && sameDay(t.at, best.at):
		case best.dateOnly && sameDay(t.at, best.at):
			best = t
		case !t.at.Equal(best.at):
			return nameTime{}, false
		}
	}
	return best, true
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// timesIn finds all times in a text, leaving out what cannot be one.
func timesIn(text string, now time.Time) []nameTime {
	var found []nameTime
	limit := now.Add(24 * time.Hour)
	for from := 0; from < len(text); {
		m := stamp.FindStringSubmatchIndex(text[from:])
		if m == nil {
			break
		}
		t, size := readStamp(text, from, m)
		if size > 0 && t.at.Before(limit) {
			found = append(found, t)
		}
		from += m[0] + max(size, 1)
	}
	for _, m := range epoch.FindAllStringIndex(text, -1) {
		if digitAt(text, m[0]-1) || digitAt(text, m[1]) {
			continue
		}
		sec, err := strconv.ParseInt(text[m[0]:m[1]], 10, 64)
		if at := time.Unix(sec, 0).UTC(); err == nil && at.Before(limit) {
			found = append(found, nameTime{at: at, zoned: true})
		}
	}
	return found
}

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }

// readStamp reads a match m of stamp in text[from:] and returns how many bytes of it
// belong to the time; 0 when it is none. It leaves out a time of day that does not
// exist, since that is another number after a date.
func readStamp(text string, from int, m []int) (t nameTime, size int) {
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return text[from+m[2*i] : from+m[2*i+1]]
	}
	number := func(i int) int { n, _ := strconv.Atoi(group(i)); return n } // "" is 0
	begin, end := from+m[0], from+m[1]
	dateEnd := from + m[11]
	if digitAt(text, begin-1) || group(2) != group(4) {
		return nameTime{}, 0
	}
	day := time.Date(number(1), time.Month(number(3)), number(5), 0, 0, 0, 0, time.UTC)
	if int(day.Month()) != number(3) || day.Day() != number(5) {
		return nameTime{}, 0
	}
	hour, minute, second := number(6), number(8), number(10)
	if group(6) == "" || digitAt(text, end) || hour > 23 || minute > 59 || second > 59 {
		if digitAt(text, dateEnd) {
			return nameTime{}, 0
		}
		return nameTime{at: day, dateOnly: true}, dateEnd - begin
	}
	at := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
	zone := group(11)
	if strings.HasPrefix(zone, "+") {
		digits := strings.ReplaceAll(zone[1:], ":", "")
		h, _ := strconv.Atoi(digits[:2])
		mins, _ := strconv.Atoi(digits[2:])
		at = at.Add(-time.Duration(h)*time.Hour - time.Duration(mins)*time.Minute)
	}
	return nameTime{at: at, zoned: zone != ""}, end - begin
}

// settleTime makes of a name's time the best estimate of when the backup was made,
// given when its last byte was stored. A date alone means some time on that day, and a
// time without zone may be local: neither can be after the upload it belongs to.
func (t nameTime) settleTime(stored time.Time) time.Time {
	latest := t.at
	if t.dateOnly {
		latest = t.at.Add(24*time.Hour - time.Second)
	}
	if stored.IsZero() || t.zoned || !stored.Before(latest) {
		return latest
	}
	if stored.After(t.at.Add(-zoneSlack)) {
		return stored.UTC()
	}
	return t.at // the clocks say nothing to each other
}
