package configs

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"lifeboat/internal/units"
	"lifeboat/jobs/cron"
)

// server looks at the service; what is relative in it becomes absolute here.
func (r *reader) server(at string, s *Server, known map[string]Notifier) {
	s.URL = strings.TrimRight(s.URL, "/")
	if path, ok := s.HistoryPath(); ok && path != "" {
		s.History = NewSecret(r.refs.path(path))
	}
	if s.Listen != "" && !onlyHere(s.Listen) && s.Access != AccessTokens && !r.bad[at+".listen"] {
		const either = "set access to tokens, or listen on 127.0.0.1"
		if r.written(at + ".access") {
			r.invalid(at+".access", "would let in every machine that reaches "+s.Listen+": "+either, s.Access)
		} else {
			r.invalid(at+".listen", "lets other machines in: "+either, s.Listen)
		}
	}
	r.notified(at+".operators", s.Operators, known)
}

// onlyHere reports whether an address can be reached from this machine alone.
func onlyHere(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		host = listen
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fallbacks looks at what happens when a notifier gives up.
func (r *reader) fallbacks(at string, known map[string]Notifier) {
	told := make(map[string]bool) // on a way around that was reported already
	for _, name := range slices.Sorted(maps.Keys(known)) {
		where, next := join(at, shownKey(name))+".fallback", known[name].Fallback
		if next == "" {
			continue
		}
		if _, ok := known[next]; !ok {
			r.invalid(where, "is no notifier here"+didYouMean(next, slices.Sorted(maps.Keys(known))), next)
			continue
		}
		way := []string{name}
		for next != "" && !slices.Contains(way, next) {
			way = append(way, next)
			next = known[next].Fallback
		}
		if next == name && !told[name] {
			r.invalid(where, "leads back to "+shownKey(name)+": when all of them give up, nobody is told", known[name].Fallback)
			for _, one := range way {
				told[one] = true
			}
		}
	}
}

// times looks at when a target is drilled.
func (r *reader) times(at string, t Target) {
	for _, key := range []string{".schedule", ".timezone", ".maintenance"} {
		if r.bad[at+key] {
			return
		}
	}
	if _, err := cron.ParseWindows(t.Maintenance, t.Timezone); errors.Is(err, cron.ErrAlways) {
		r.invalid(at+".maintenance", "leaves no time of the week open: nothing would be drilled", "")
	}
	if t.Schedule == "" || t.Schedule == OnNewBackup {
		return
	}
	g, ok := r.gapsOf(t.Schedule, t.Timezone)
	if !ok {
		return
	}
	if t.Jitter >= g.shortest {
		r.invalid(at+".jitter", "must be shorter than the time between two drills ("+units.Duration(g.shortest)+")", units.Duration(t.Jitter))
	}
	if age := t.Objectives.MaxAgeProof; age > 0 && age <= g.longest && !r.bad[at+".objectives.max_age_proof"] {
		r.invalid(at+".objectives.max_age_proof", "must be longer than the longest time between two drills ("+
			units.Duration(g.longest)+"), or it is overdue before the next one ends", units.Duration(age))
	}
}

// gaps are the times between two occurrences of a schedule.
type gaps struct{ shortest, longest time.Duration }

// gapsLooked is how much of a schedule is looked at: four years of a daily one, with
// their changes of the clock, and two weeks of one every ten minutes.
const gapsLooked = 4 * 366

// gapsOf measures a schedule over years that include a leap day.
func (r *reader) gapsOf(spec, zone string) (gaps, bool) {
	spec = timeless(spec, zone)
	key := spec + "\n" + zone
	if g, known := r.gaps[key]; known {
		return g, true
	}
	s, err := cron.Parse(spec, zone)
	if err != nil {
		return gaps{}, false
	}
	last := s.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	end := last.AddDate(4, 0, 0)
	var g gaps
	for range gapsLooked {
		next := s.Next(last)
		if next.IsZero() {
			break
		}
		gap := next.Sub(last)
		g.longest = max(g.longest, gap)
		if g.shortest == 0 || gap < g.shortest {
			g.shortest = gap
		}
		if last = next; last.After(end) {
			break
		}
	}
	r.gaps[key] = g
	return g, true
}

// timeless is a schedule without its time of day, where that makes no difference for
// gaps: thousands of targets spread over a day are looked at once.
func timeless(spec, zone string) string {
	f := strings.Fields(spec)
	if len(f) != 5 || zone != "" && zone != "UTC" {
		return spec // elsewhere an hour may be missing, or come twice
	}
	for i := range 2 {
		if strings.Trim(f[i], "0123456789") == "" {
			f[i] = "0"
		}
	}
	return strings.Join(f, " ")
}
