package storage

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	// sidecarName are names of checksum files.
	sidecarName = regexp.MustCompile(`(?i)(?:\.(?:sha(?:1|224|256|384|512)(?:sum)?|md5(?:sum)?)(?:\.txt)?|(?:^|/)(?:sha(?:1|256|384|512)|md5)sums?(?:\.txt)?)$`)
	// partialName are endings of files still being written.
	partialName = regexp.MustCompile(`(?i)\.(?:part|tmp|temp|partial|uploading|filepart|inprogress)$`)
	// splitName are endings of the pieces of a file that was cut.
	splitName = regexp.MustCompile(`^(.+)(?:\.([0-9]{2,4})|\.(aa|[a-z]{2})|[.-]part-?([0-9]{1,4}|[a-z]{2,3}))$`)
	// dumpFile are the files pg_dump writes into a directory, wrapped or not.
	dumpFile = regexp.MustCompile(`^(?:toc\.dat|[0-9]+\.dat|blobs(?:_[0-9]+)?\.toc|blob_[0-9]+\.dat)(?:\.[a-z0-9]+)*$`)
	tocFile  = regexp.MustCompile(`^toc\.dat(?:\.[a-z0-9]+)*$`)
)

// twoLetters are endings of two letters that mean a kind of file, not a piece.
var twoLetters = []string{"gz", "xz", "bz", "br", "lz", "db", "md", "tz", "js", "id", "pg"}

// style of numbering of split files.
type style string

const (
	numbered style = "numbered" // .00 .01, might also be days of a rotation
	lettered style = "lettered" // .aa .ab
	named    style = "named"    // .part-aa .part01
)

// piece reads the ending of a piece of a split file: its artifact's key and its place.
func piece(key string) (base string, place int, how style, ok bool) {
	m := splitName.FindStringSubmatch(key)
	if m == nil {
		return "", 0, "", false
	}
	switch {
	case m[2] != "":
		place, _ = strconv.Atoi(m[2])
		return m[1], place, numbered, true
	case m[3] != "":
		return m[1], letters(m[3]), lettered, !slices.Contains(twoLetters, m[3])
	case m[4][0] >= 'a':
		return m[1], letters(m[4]), named, true
	}
	place, _ = strconv.Atoi(m[4])
	return m[1], place, named, true
}

// letters counts aa, ab, ... from 0.
func letters(s string) int {
	n := 0
	for _, c := range s {
		n = 26*n + int(c-'a')
	}
	return n
}

// group is an artifact of several objects that is being collected. A listing is in key
// order, so that all keys beginning with its base follow each other.
type group struct {
	base  string // of a split without its ending, of a directory with a closing slash
	dir   bool
	how   style // of a split
	parts []Object
	sums  []Object // checksum files inside a directory
	done  bool     // the completion marker lies inside a directory
}

// split makes the artifact of a cut file, and is false when its objects rather are
// artifacts of their own, such as the days of a rotation.
func (g *group) split() (Artifact, bool) {
	places := make([]int, len(g.parts))
	for i, p := range g.parts {
		_, places[i], _, _ = piece(p.Key)
	}
	sortByPlace(g.parts, places)
	switch {
	case g.how == numbered && !g.cut():
		return Artifact{}, false
	case g.how == lettered && places[0] != 0:
		return Artifact{}, false // .ab alone is some file's ending
	}
	a := Artifact{Key: g.base, Kind: Split, Parts: g.parts}
	if places[0] > 1 {
		a.Unfinished = "the parts before " + path.Base(g.parts[0].Key) + " are missing"
	}
	for i := 1; i < len(places); i++ {
		if places[i] != places[i-1]+1 {
			a.Unfinished = "a part is missing between " + path.Base(g.parts[i-1].Key) + " and " + path.Base(g.parts[i].Key)
			break
		}
	}
	return a, true
}

// sortByPlace brings parts into reading order, which part9 and part10 need.
func sortByPlace(parts []Object, places []int) {
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return places[a] - places[b] })
	oldParts, oldPlaces := slices.Clone(parts), slices.Clone(places)
	for i, from := range order {
		parts[i], places[i] = oldParts[from], oldPlaces[from]
	}
}

// cut reports whether numbered objects look like one file cut into equal pieces: all
// but the last are equally long, and the last is not longer.
func (g *group) cut() bool {
	first, last := g.parts[0], g.parts[len(g.parts)-1]
	if len(g.parts) == 1 {
		_, place, _, _ := piece(first.Key)
		return place == 0
	}
	for _, p := range g.parts[:len(g.parts)-1] {
		if p.Size != first.Size {
			return false
		}
	}
	if last.Size > first.Size {
		return false
	}
	// Two pieces prove little; those of one file are also stored together.
	return len(g.parts) > 2 || last.Modified.Sub(first.Modified).Abs() < 30*time.Minute
}

// directory makes the artifact of a directory.
func (g *group) directory() Artifact {
	return Artifact{Key: g.base, Kind: Directory, Parts: g.parts, Sidecars: g.sums}
}

// hasTOC reports whether a directory holds the table of contents of pg_dump.
func (g *group) hasTOC() bool {
	return slices.ContainsFunc(g.parts, func(o Object) bool { return tocFile.MatchString(path.Base(o.Key)) })
}

// isSidecar reports whether key is a checksum file.
func isSidecar(key string) bool { return sidecarName.MatchString(key) }

// partial returns key without the ending of a file still being written.
func partial(key string) (whole, ending string, ok bool) {
	at := partialName.FindStringIndex(key)
	if at == nil {
		return key, "", false
	}
	return key[:at[0]], key[at[0]:], true
}

// folderOf returns the folder of key with its closing slash, empty at the top.
func folderOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
