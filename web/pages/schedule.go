package pages

import (
	"fmt"
	"strconv"
	"strings"
)

var weekdays = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

var descriptors = map[string]string{
	"@yearly": "every year on 1 January at 00:00", "@annually": "every year on 1 January at 00:00",
	"@monthly": "on the first of every month at 00:00", "@weekly": "every Sunday at 00:00",
	"@daily": "every day at 00:00", "@midnight": "every day at 00:00", "@hourly": "every hour",
}

// scheduleWords says the usual schedules in words. What is unusual is shown as it is written,
// since words for it would be harder to read.
func scheduleWords(spec, zone string) string {
	if zone == "" {
		zone = "UTC"
	}
	switch {
	case spec == "":
		return "on request only"
	case spec == "on-new-backup":
		return "as soon as a new backup appears"
	case strings.HasPrefix(spec, "@every "):
		return "every " + strings.TrimPrefix(spec, "@every ")
	case spec == "@hourly":
		return descriptors[spec]
	case descriptors[spec] != "":
		return descriptors[spec] + ", " + zone
	}
	if words, ok := cronWords(strings.Fields(spec)); ok {
		return words + ", " + zone
	}
	return "by the schedule " + spec + ", " + zone
}

// cronWords knows five fields of which minute and hour are numbers or simple steps.
func cronWords(f []string) (string, bool) {
	if len(f) != 5 || f[3] != "*" {
		return "", false
	}
	at, ok := timeWords(f[0], f[1])
	if !ok {
		return "", false
	}
	each := strings.HasPrefix(at, "every") // several times a day
	switch {
	case f[2] == "*" && f[4] == "*" && each:
		return at, true
	case f[2] == "*" && f[4] == "*":
		return "every day " + at, true
	case each:
		return "", false
	case f[2] == "*":
		days, ok := dayWords(f[4])
		return days + " " + at, ok
	case f[4] == "*":
		switch n, err := strconv.Atoi(f[2]); {
		case err == nil && n > 28:
			return fmt.Sprintf("on day %d of every month that has one %s", n, at), true
		case err == nil:
			return fmt.Sprintf("on day %d of every month %s", n, at), true
		}
	}
	return "", false
}

func timeWords(minute, hour string) (string, bool) {
	m, err := strconv.Atoi(minute)
	if err != nil || m > 59 {
		if n, ok := even(minute, 60); ok && hour == "*" {
			return fmt.Sprintf("every %d minutes", n), true
		}
		return "", false
	}
	if hour == "*" {
		return fmt.Sprintf("every hour at minute %d", m), true
	}
	if n, ok := even(hour, 24); ok {
		return fmt.Sprintf("every %d hours at minute %d", n, m), true
	}
	var times []string
	for h := range strings.SplitSeq(hour, ",") {
		n, err := strconv.Atoi(h)
		if err != nil || n > 23 {
			return "", false
		}
		times = append(times, fmt.Sprintf("%02d:%02d", n, m))
	}
	return "at " + strings.Join(times, " and "), true
}

// even reads a step such as */15. One that does not divide the whole comes round in steps of
// two lengths, and one of 1 or of the whole is no step.
func even(field string, whole int) (int, bool) {
	step, ok := strings.CutPrefix(field, "*/")
	n, err := strconv.Atoi(step)
	return n, ok && err == nil && n > 1 && n < whole && whole%n == 0
}

func dayWords(field string) (string, bool) {
	if field == "1-5" || strings.EqualFold(field, "mon-fri") {
		return "on weekdays", true
	}
	var days []string
	for d := range strings.SplitSeq(field, ",") {
		n := -1
		for i, name := range weekdays {
			if strings.EqualFold(d, name[:3]) || d == strconv.Itoa(i) {
				n = i
			}
		}
		if n < 0 {
			return "", false
		}
		days = append(days, weekdays[n])
	}
	return "every " + strings.Join(days, " and "), true
}
