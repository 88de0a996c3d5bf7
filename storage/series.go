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
	Times    []time.Time // of the newest ones as their names say, ascending
	Sidecars bool        // there are checksum files beside them
}

// copied is how close the uploads of files are that were copied in one go: such times
// tell nothing of when backups are made.
const copied = time.Minute

// Rhythm is the usual time between two backups, and zero when there are too few to
// tell, or when it cannot be told.
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
	if usual := gaps[len(gaps)/2]; usual >= copied {
		return usual
	}
	return 0
}

// survey collects the series of one listing, which is in key order.
type survey struct {
	now    time.Time
	found  map[string]*Series
	sums   map[string]bool // patterns of what has checksum files
	open   *group          // the artifact of several objects under way
	tooBig bool
}

// Survey lists everything below prefix and recognises series of backups by their
// names. It returns them by their patterns, and how many objects it saw.
func Survey(ctx context.Context, src Source, prefix string, now time.Time) (series []Series, listed int, err error) {
	s := &survey{now: now, found: map[string]*Series{}, sums: map[string]bool{}}
	for o, err := range src.List(ctx, prefix) {
		if err != nil {
			return nil, listed, fmt.Errorf("survey %s: %w", src.Name(), err)
		}
		listed++
		if s.see(o); s.tooBig {
			break
		}
	}
	if s.close(); s.tooBig {
		return nil, listed, fmt.Errorf("survey %s: more than %d different kinds of names below %q; name a longer prefix",
			src.Name(), maxSeries, prefix)
	}
	for pattern, found := range s.found {
		found.Sidecars = s.sums[pattern]
		series = append(series, *found)
	}
	slices.SortFunc(series, func(a, b Series) int { return strings.Compare(a.Pattern, b.Pattern) })
	return series, listed, nil
}

// see takes in the next object of the listing.
func (s *survey) see(o Object) {
	switch {
	case isSidecar(o.Key):
		s.sums[seriesPattern(sidecarName.ReplaceAllString(o.Key, ""), s.now)] = true
		return
	case partialName.MatchString(o.Key), strings.HasSuffix(o.Key, "/"): // some tools store an object for a folder
		return
	}
	if s.open != nil && !strings.HasPrefix(o.Key, s.open.base) {
		s.close()
	}
	g := groupOf(o.Key)
	switch {
	case g == nil:
		s.add(seriesPattern(o.Key, s.now), o.Key, o)
	case s.open != nil && s.open.base == g.base && s.open.how == g.how:
		s.open.parts = append(s.open.parts, o)
	default:
		s.close()
		g.parts = []Object{o}
		s.open = g
	}
}

// groupOf is the artifact of several objects that the object of a key may belong to,
// and nil when its name does not look like one of several.
func groupOf(key string) *group {
	if dir := folderOf(key); dir != "" && dumpFile.MatchString(key[len(dir):]) {
		return &group{base: dir, dir: true}
	}
	if base, _, how, ok := piece(key); ok {
		return &group{base: base, how: how}
	}
	return nil
}

// close adds the artifact under way to its series. Numbered files that are not the
// pieces of one are the places of a rotation: a series of its own kind.
func (s *survey) close() {
	g := s.open
	if s.open = nil; g == nil {
		return
	}
	whole := g.dir && g.hasTOC()
	if !g.dir {
		_, whole = g.split()
	}
	if whole {
		s.add(seriesPattern(g.base, s.now), g.base, g.parts...)
		return
	}
	for _, o := range g.parts {
		pattern := seriesPattern(o.Key, s.now)
		if g.how == numbered {
			pattern = seriesPattern(g.base, s.now) + ".*"
		}
		s.add(pattern, o.Key, o)
	}
}

// add counts an artifact and its parts for the series of a pattern.
func (s *survey) add(pattern, key string, parts ...Object) {
	found := s.found[pattern]
	if found == nil {
		if len(s.found) == maxSeries {
			s.tooBig = true
			return
		}
		found = &Series{Pattern: pattern}
		s.found[pattern] = found
	}
	var bytes int64
	var stored time.Time
	for _, p := range parts {
		bytes += p.Size
		if p.Modified.After(stored) {
			stored = p.Modified
		}
	}
	made, named := stored, stored
	if t, ok := timeInKey(key, s.now); ok {
		made, named = t.settleTime(stored), t.at
	}
	found.Count++
	if found.Example == "" || made.After(found.Newest) {
		found.Newest, found.Example, found.Bytes = made, key, bytes
	}
	found.seen(named)
}

// seen keeps a time for the rhythm. Those in names are kept as they stand there: what
// the upload adds to a date is no part of it.
func (s *Series) seen(at time.Time) {
	i, again := slices.BinarySearchFunc(s.Times, at, time.Time.Compare)
	if !again {
		s.Times = slices.Insert(s.Times, i, at)
	}
	if len(s.Times) > maxSeriesTimes {
		s.Times = s.Times[1:]
	}
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
