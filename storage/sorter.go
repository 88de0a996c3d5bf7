package storage

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// sorter makes artifacts of objects that come in key order.
type sorter struct {
	source string
	query  Query
	open   []*group // the innermost last; each base begins the key of the current object
	kept   []Artifact
	held   int // objects of the kept artifacts
	near   nearest
	listed int
}

// add takes the next object of the listing.
func (s *sorter) add(o Object) {
	s.listed++
	for len(s.open) > 0 && !strings.HasPrefix(o.Key, s.open[len(s.open)-1].base) {
		s.closeLast()
	}
	if strings.HasSuffix(o.Key, "/") {
		return // an empty object that stands for a folder
	}
	switch {
	case s.addInside(o), s.addToDir(o), isSidecar(o.Key), s.addMarker(o.Key), s.addPart(o):
	default:
		s.addSingle(o)
	}
}

// addInside adds o to the directory it lies in, if one is being collected there.
func (s *sorter) addInside(o Object) bool {
	for _, g := range slices.Backward(s.open) {
		if !g.dir || !s.query.Pattern.dir && (folderOf(o.Key) != g.base || !s.dumpName(o.Key)) {
			continue
		}
		switch {
		case s.isMarker(o.Key):
			g.done = true
		case isSidecar(o.Key):
			g.sums = append(g.sums, o)
		default:
			g.parts = append(g.parts, o)
		}
		return true
	}
	return false
}

// addToDir begins to collect the directory o lies in, where the pattern asks for
// directories, or where o looks like a file of a dump and the folder's name matches.
func (s *sorter) addToDir(o Object) bool {
	p := s.query.Pattern
	if !p.dir {
		dir := folderOf(o.Key)
		if dir == "" || !s.dumpName(o.Key) || !s.matchesDumpDir(dir) {
			return false
		}
		s.open = append(s.open, &group{base: dir, dir: true})
		return s.addInside(o)
	}
	for i := range len(o.Key) {
		if o.Key[i] != '/' {
			continue
		}
		if _, ok := p.Match(o.Key[:i+1]); ok {
			s.open = append(s.open, &group{base: o.Key[:i+1], dir: true})
			return s.addInside(o)
		}
	}
	s.near.add(o.Key)
	return true // a file beside the directories meant
}

// dumpName reports whether a file may belong to a directory written by pg_dump.
func (s *sorter) dumpName(key string) bool {
	return dumpFile.MatchString(path.Base(key)) || isSidecar(key) || s.isMarker(key)
}

// isMarker reports whether key is the completion marker inside of a directory.
func (s *sorter) isMarker(key string) bool {
	return s.query.Marker != "" && path.Base(key) == s.query.Marker
}

// matchesDumpDir reports whether a pattern without a closing slash means the
// directory dir: it matches its name, or the table of contents inside.
func (s *sorter) matchesDumpDir(dir string) bool {
	if _, ok := s.query.Pattern.Match(strings.TrimSuffix(dir, "/")); ok {
		return true
	}
	_, ok := s.query.Pattern.Match(dir + "toc.dat")
	return ok
}

// addMarker notes a completion marker beside its artifact, which comes before it.
func (s *sorter) addMarker(key string) bool {
	base, ok := strings.CutSuffix(key, s.query.Marker)
	if s.query.Marker == "" || !ok {
		return false
	}
	for len(s.open) > 0 && strings.HasPrefix(s.open[len(s.open)-1].base, base) {
		s.closeLast() // its pieces are all listed: the marker sorts after them
	}
	for i := range s.kept {
		if a := &s.kept[i]; a.Key == base && a.Unfinished == s.noMarker() {
			a.Unfinished = s.query.unsettled(*a)
		}
	}
	return true
}

// noMarker says that the completion marker is missing.
func (s *sorter) noMarker() string { return "completion marker " + s.query.Marker + " is missing" }

// addPart collects the pieces of a split file.
func (s *sorter) addPart(o Object) bool {
	base, _, how, ok := piece(o.Key)
	if !ok {
		return false
	}
	if _, byBase := s.match(base); !byBase {
		if _, byKey := s.match(o.Key); !byKey {
			return false
		}
	}
	for _, g := range slices.Backward(s.open) {
		if !g.dir && g.base == base && g.how == how {
			g.parts = append(g.parts, o)
			return true
		}
	}
	s.open = append(s.open, &group{base: base, how: how, parts: []Object{o}})
	return true
}

// addSingle keeps an object that is an artifact by itself.
func (s *sorter) addSingle(o Object) {
	a := Artifact{Key: o.Key, Kind: Single, Parts: []Object{o}}
	if whole, ending, ok := partial(o.Key); ok {
		a.Unfinished = "its name ends in " + ending
		if _, ok := s.match(whole); ok {
			s.keep(a, false)
			return
		}
	}
	if _, ok := s.match(o.Key); ok {
		s.keep(a, false)
		return
	}
	s.near.add(o.Key)
}

func (s *sorter) closeAll() {
	for len(s.open) > 0 {
		s.closeLast()
	}
}

// closeLast turns the innermost group into what it is.
func (s *sorter) closeLast() {
	g := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	switch {
	case g.dir && (s.query.Pattern.dir || g.hasTOC()):
		if a := g.directory(); len(a.Parts) > 0 {
			s.keep(a, g.done)
		}
		return
	case !g.dir:
		if a, ok := g.split(); ok {
			s.keep(a, false)
			return
		}
	}
	for _, o := range g.parts {
		s.addSingle(o)
	}
}

// match is Pattern.Match, for directories with and without the closing slash.
func (s *sorter) match(key string) (time.Time, bool) {
	if t, ok := s.query.Pattern.Match(key); ok {
		return t, true
	}
	return s.query.Pattern.Match(strings.TrimSuffix(key, "/"))
}

// keep dates an artifact and keeps it while it is among the newest. marked says that
// its completion marker has been seen; one beside it is still to come in the listing.
func (s *sorter) keep(a Artifact, marked bool) {
	a.Source = s.source
	a.MadeAt, a.MadeAtFrom = s.date(a)
	if a.Unfinished == "" && s.query.Marker != "" && !marked {
		a.Unfinished = s.noMarker()
	}
	if a.Unfinished == "" {
		a.Unfinished = s.query.unsettled(a)
	}
	s.kept = append(s.kept, a)
	s.held += len(a.Parts)
	if len(s.kept) >= 2*keptArtifacts || s.held >= 2*keptObjects {
		s.sort()
	}
}

// sort brings the kept artifacts into order and drops those that are too many. The
// newest finished one is never dropped for its size.
func (s *sorter) sort() {
	slices.SortFunc(s.kept, newerFirst)
	s.held = 0
	whole := false
	for i, a := range s.kept {
		if i == keptArtifacts || whole && s.held+len(a.Parts) > keptObjects {
			clear(s.kept[i:])
			s.kept = s.kept[:i]
			return
		}
		s.held += len(a.Parts)
		whole = whole || finished(a)
	}
}

// newerFirst orders by the time a backup was made, then by upload, then by key.
func newerFirst(a, b Artifact) int {
	return cmp.Or(b.MadeAt.Compare(a.MadeAt), stored(b.Parts).Compare(stored(a.Parts)), cmp.Compare(b.Key, a.Key))
}

// date says when an artifact was made, as far as the listing tells.
func (s *sorter) date(a Artifact) (at time.Time, from string) {
	last := stored(a.Parts)
	whole, _, _ := partial(a.Key)
	for _, key := range []string{a.Key, whole, a.Parts[0].Key, folderOf(a.Key) + "toc.dat"} {
		if t, ok := s.match(key); ok && !t.IsZero() {
			named := nameTime{at: t, dateOnly: s.query.Pattern.dateOnly, zoned: !s.query.Pattern.dateOnly}
			return named.settleTime(last), fromName
		}
	}
	if t, ok := timeInKey(a.Key, s.query.Now); ok {
		return t.settleTime(last), fromName
	}
	return last, fromUpload
}
