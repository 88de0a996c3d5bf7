package storage

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxSeries bounds how many series one survey tells apart; more than that are no
// series but single files.
const maxSeries = 1000

// maxSeriesTimes bounds how many times of a series are kept to see its rhythm.
const maxSeriesTimes = 64

// Series is a run of backups whose names differ in nothing but their time.
type Series struct {
	Pattern  string      // selects all of them; ParsePattern reads it
	Example  string      // key of the newest
	Count    int         // artifacts
	Bytes    int64       // size of the newest
	Newest   time.Time   // when it was made, as far as name or upload tell
	Times    []time.Time // of the newest ones, ascending
	Sidecars bool        // there are checksum files beside them
}

// Rhythm is the usual time between two backups, and zero when there are too few to tell.
func (s Series) Rhythm() time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(s.Times); i++ {
		if gap := s.Times[i].Sub(s.Times[i-1]); gap > 0 {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// Survey lists everything below prefix and recognises series of backups by their
// names. It returns them by their patterns, and how many objects it saw.
func Survey(ctx context.Context, src Source, prefix string, now time.Time) (series []Series, listed int, err error) {
	found := map[string]*Series{}
	sums := map[string]bool{}
	for o, err := range src.List(ctx, prefix) {
		if err != nil {
			return nil, listed, fmt.Errorf("survey %s: %w", src.Name(), err)
		}
		listed++
		key, counts := artifactKey(o.Key)
		switch {
		case sidecarName.MatchString(o.Key):
			sums[seriesPattern(sidecarName.ReplaceAllString(o.Key, ""), now)] = true
			continue
		case partialName.MatchString(o.Key):
			continue
		}
		pattern := seriesPattern(key, now)
		s := found[pattern]
		if s == nil {
			if len(found) == maxSeries {
				return nil, listed, fmt.Errorf("survey %s: more than %d different kinds of names below %q; name a longer prefix",
					src.Name(), maxSeries, prefix)
			}
			s = &Series{Pattern: pattern}
			found[pattern] = s
		}
		s.add(o, key, counts, now)
	}
	for pattern, s := range found {
		s.Sidecars = sums[pattern]
		series = append(series, *s)
	}
	slices.SortFunc(series, func(a, b Series) int { return strings.Compare(a.Pattern, b.Pattern) })
	return series, listed, nil
}

// add counts one object of an artifact of the series; counts is false for the second
// and later objects of an artifact.
func (s *Series) add(o Object, key string, counts bool, now time.Time) {
	at := o.Modified
	if t, ok := timeInKey(key, now); ok {
		at = t.settleTime(o.Modified)
	}
	if key == s.Example {
		s.Bytes += o.Size
	}
	if counts {
		s.Count++
	}
	if at.After(s.Newest) && key != s.Example {
		s.Newest, s.Example, s.Bytes = at, key, o.Size
	}
	i, seen := slices.BinarySearchFunc(s.Times, at, time.Time.Compare)
	if !seen {
		s.Times = slices.Insert(s.Times, i, at)
	}
	if len(s.Times) > maxSeriesTimes {
		s.Times = s.Times[1:]
	}
}

// artifactKey is the key of the artifact an object belongs to, and whether the object
// is the one by which the artifact is counted.
func artifactKey(key string) (artifact string, counts bool) {
	dir, name := key[:strings.LastIndexByte(key, '/')+1], key[strings.LastIndexByte(key, '/')+1:]
	if dir != "" && dumpFile.MatchString(name) {
		return dir, tocFile.MatchString(name)
	}
	if base, place, how, ok := piece(key); ok && how == named {
		return base, place == 0
	}
	return key, true
}

// digits are numbers in a name that are no times.
var digits = regexp.MustCompile(`[0-9]+`)

// seriesPattern is the pattern of all names that are like key but for their time. A
// name without a time keeps its numbers of three and more digits open.
func seriesPattern(key string, now time.Time) string {
	var b strings.Builder
	timed := false
	for from := 0; from < len(key); {
		m := stamp.FindStringSubmatchIndex(key[from:])
		if m == nil {
			b.WriteString(escapePattern(key[from:]))
			break
		}
		t, size := readStamp(key, from, m)
		if size == 0 || t.at.After(now.Add(24*time.Hour)) {
			size = 1
			b.WriteString(escapePattern(key[from : from+m[0]+size]))
		} else {
			b.WriteString(escapePattern(key[from:from+m[0]]) + "{time:" + layoutOf(key[from:], m, t.dateOnly) + "}")
			timed = true
		}
		from += m[0] + size
	}
	if timed {
		return b.String()
	}
	return digits.ReplaceAllStringFunc(b.String(), func(n string) string {
		if len(n) < 3 {
			return n
		}
		return "*"
	})
}

// layoutOf writes a match of stamp as a layout of package time.
func layoutOf(text string, m []int, dateOnly bool) string {
	layouts := map[int]string{1: "2006", 3: "01", 5: "02", 6: "15", 8: "04", 10: "05"}
	end := m[1]
	if dateOnly {
		end = m[11]
	}
	var b strings.Builder
	for at := m[0]; at < end; {
		group := 0
		for g := range layouts {
			if m[2*g] == at {
				group = g
			}
		}
		switch {
		case group != 0:
			b.WriteString(layouts[group])
			at = m[2*group+1]
		case m[22] == at && text[at] == '+':
			b.WriteString(map[bool]string{true: "-07:00", false: "-0700"}[strings.Contains(text[at:end], ":")])
			at = end
		default:
			b.WriteByte(text[at])
			at++
		}
	}
	return b.String()
}

// escapePattern makes a pattern that matches text and nothing else.
func escapePattern(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`*?[]{}\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
