package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/storage"
)

const noon = "2026-03-10T12:00:00Z"

func locate(t testing.TB, s storage.Source, text string, change ...func(*storage.Query)) storage.Located {
	t.Helper()
	q := storage.Query{Pattern: pattern(t, text), Now: moment(noon)}
	for _, c := range change {
		c(&q)
	}
	l, err := storage.Locate(t.Context(), s, q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func marker(m string) func(*storage.Query) { return func(q *storage.Query) { q.Marker = m } }

// describe writes artifacts as "key kind parts [unfinished]".
func describe(all []storage.Artifact) []string {
	var out []string
	for _, a := range all {
		s := fmt.Sprintf("%s %s %d", a.Key, a.Kind, len(a.Parts))
		if a.Unfinished != "" {
			s += " [" + a.Unfinished + "]"
		}
		out = append(out, s)
	}
	return out
}

func TestObjectsAreGroupedIntoArtifacts(t *testing.T) {
	// A line is "key size"; all are stored at the same time.
	for _, c := range []struct {
		name, pattern, marker string
		objects               []string
		want                  []string
	}{
		{"single objects", "db/o-*.dump", "", []string{"db/o-1.dump 5", "db/o-2.dump 5", "db/p-1.dump 5"},
			[]string{"db/o-2.dump object 1", "db/o-1.dump object 1"}},
		{"checksum files are none", "db/*", "", []string{"db/o.dump 5", "db/o.dump.sha256 9", "db/o.dump.md5 9", "db/SHA256SUMS 9", "db/MD5SUMS 9", "db/o.dump.sha256sum 3"},
			[]string{"db/o.dump object 1"}},
		{"folder placeholders are none", "db/**", "", []string{"db/ 0", "db/x/ 0", "db/x/o.dump 5"}, []string{"db/x/o.dump object 1"}},
		{"still being written", "db/o-*.dump", "", []string{"db/o-1.dump 5", "db/o-2.dump.part 5", "db/o-3.dump.tmp 1"},
			[]string{"db/o-3.dump.tmp object 1 [its name ends in .tmp]", "db/o-2.dump.part object 1 [its name ends in .part]", "db/o-1.dump object 1"}},
		{"marker beside", "db/o-*", ".done", []string{"db/o-1 5", "db/o-1.done 0", "db/o-2 5", "db/o-2-x.done 0"},
			[]string{"db/o-2 object 1 [completion marker .done is missing]", "db/o-1 object 1"}},
		{"split by number", "db/o.dump", "", []string{"db/o.dump.00 10", "db/o.dump.01 10", "db/o.dump.02 3"}, []string{"db/o.dump split 3"}},
		{"split from one", "db/o.dump*", "", []string{"db/o.dump.001 10", "db/o.dump.002 10", "db/o.dump.003 3"}, []string{"db/o.dump split 3"}},
		{"split by letters", "db/*", "", []string{"db/o.dump.aa 10", "db/o.dump.ab 10", "db/o.dump.ac 10"}, []string{"db/o.dump split 3"}},
		{"split by part", "db/*.dump", "", []string{"db/o.dump.part-aa 10", "db/o.dump.part-aa.sha256 9", "db/o.dump.part-ab 4"}, []string{"db/o.dump split 2"}},
		{"parts in order of number", "db/*", "", []string{"db/o.part1 10", "db/o.part10 4", "db/o.part2 10", "db/o.part3 10", "db/o.part4 10", "db/o.part5 10", "db/o.part6 10", "db/o.part7 10", "db/o.part8 10", "db/o.part9 10"},
			[]string{"db/o split 10"}},
		{"a part is missing", "db/*", "", []string{"db/o.dump.00 10", "db/o.dump.01 10", "db/o.dump.03 3"},
			[]string{"db/o.dump split 3 [a part is missing between o.dump.01 and o.dump.03]"}},
		{"the first parts are missing", "db/*", "", []string{"db/o.dump.part-ac 10", "db/o.dump.part-ad 10"},
			[]string{"db/o.dump split 2 [the parts before o.dump.part-ac are missing]"}},
		{"a marked split", "db/*.dump", ".ok", []string{"db/o.dump.aa 10", "db/o.dump.ab 4", "db/o.dump.ok 0", "db/p.dump.aa 4"},
			[]string{"db/p.dump split 1 [completion marker .ok is missing]", "db/o.dump split 2"}},
		{"days of a rotation are no split", "db/*", "", []string{"db/o.dump.01 10", "db/o.dump.02 11", "db/o.dump.03 12"},
			[]string{"db/o.dump.03 object 1", "db/o.dump.02 object 1", "db/o.dump.01 object 1"}},
		{"two letters are no part", "db/*", "", []string{"db/o.dump.gz 10", "db/o.sql.xz 11"}, []string{"db/o.sql.xz object 1", "db/o.dump.gz object 1"}},
		{"directories", "db/o-*/", "", []string{"db/o-1/a 5", "db/o-1/b/c 5", "db/o-2/a 5", "db/o-3 5", "db/x/a 1"},
			[]string{"db/o-2/ directory 1", "db/o-1/ directory 2"}},
		{"directory with a marker inside", "db/*/", "DONE", []string{"db/o-1/a 5", "db/o-1/DONE 0", "db/o-2/a 5"},
			[]string{"db/o-2/ directory 1 [completion marker DONE is missing]", "db/o-1/ directory 1"}},
		{"a directory of pg_dump is known", "db/*", "", []string{"db/o-1/3001.dat.gz 5", "db/o-1/3002.dat.gz 5", "db/o-1/toc.dat 5", "db/o-2.dump 5"},
			[]string{"db/o-2.dump object 1", "db/o-1/ directory 3"}},
		{"and with its marker", "db/*", "DONE", []string{"db/o-1/3001.dat 5", "db/o-1/DONE 0", "db/o-1/toc.dat 5"}, []string{"db/o-1/ directory 2"}},
		{"and by its table of contents", "db/*/toc.dat", "", []string{"db/o-1/3001.dat 5", "db/o-1/toc.dat 5"}, []string{"db/o-1/ directory 2"}},
		{"and each file wrapped", "db/*", "", []string{"db/o-1/3001.dat.age 5", "db/o-1/toc.dat.age 5"}, []string{"db/o-1/ directory 2"}},
		{"dat files alone are no directory", "db/**", "", []string{"db/x/3001.dat 5", "db/x/3002.dat 5"},
			[]string{"db/x/3002.dat object 1", "db/x/3001.dat object 1"}},
		{"a directory's own checksums", "db/*/", "", []string{"db/o-1/a 5", "db/o-1/SHA256SUMS 9"}, []string{"db/o-1/ directory 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &shelf{}
			for _, line := range c.objects {
				var key string
				var size int64
				fmt.Sscanf(line, "%s %d", &key, &size)
				s.add(key, size, "2026-03-09T00:00:00Z")
			}
			l := locate(t, s, c.pattern, marker(c.marker))
			if got := describe(l.Artifacts); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			below := 0
			for _, o := range s.objects {
				if strings.HasPrefix(o.Key, pattern(t, c.pattern).Prefix()) {
					below++
				}
			}
			if l.Listed != below {
				t.Errorf("listed %d, want %d", l.Listed, below)
			}
		})
	}
}

func TestPartsAreInReadingOrder(t *testing.T) {
	s := &shelf{}
	for _, n := range []int{1, 2, 9, 10, 11, 3, 4, 5, 6, 7, 8} {
		s.add(fmt.Sprintf("o.part%d", n), 7, noon)
	}
	a := locate(t, s, "o").Artifacts[0]
	for i, p := range a.Parts {
		if want := fmt.Sprintf("o.part%d", i+1); p.Key != want {
			t.Errorf("part %d is %s, want %s", i, p.Key, want)
		}
	}
}

func TestTimeOfABackup(t *testing.T) {
	const later = "2026-03-09T02:30:00Z" // when the object was stored
	for _, c := range []struct{ name, pattern, key, want, from string }{
		{"pattern", "o-{time:20060102T150405Z}", "o-20260308T010203Z", "2026-03-08T01:02:03Z", "name"},
		{"compact", "*", "o-20260308T010203Z.dump", "2026-03-08T01:02:03Z", "name"},
		{"digits only", "*", "o-20260308010203.dump", "2026-03-08T01:02:03Z", "name"},
		{"without seconds", "*", "o_2026-03-08_01-02.dump", "2026-03-08T01:02:00Z", "name"},
		{"dashes", "*", "o-2026-03-08T01-02-03.dump", "2026-03-08T01:02:03Z", "name"},
		{"colons and zone", "*", "o-2026-03-08T01:02:03+02:00", "2026-03-07T23:02:03Z", "name"},
		{"seconds since 1970", "*", "o-1772931723.dump", "2026-03-08T01:02:03Z", "name"},
		{"seconds and day agree", "*", "1772931723_2026_03_08_16.1.0_gitlab.tar", "2026-03-08T01:02:03Z", "name"},
		{"folder", "**", "2026-03-08/orders.dump", "2026-03-08T23:59:59Z", "name"},
		{"folders of year, month, day", "**", "2026/03/08/orders.dump", "2026-03-08T23:59:59Z", "name"},
		{"name beats folder", "**", "2025-01-01/o-2026-03-08T0102.dump", "2026-03-08T01:02:00Z", "name"},
		{"a date alone is some time that day", "*", "o-20260308.dump", "2026-03-08T23:59:59Z", "name"},
		{"but not after the upload", "*", "o-20260309.dump", later, "name"},
		{"a local date ahead of UTC", "*", "o-2026-03-09T12-00.dump", later, "name"},
		{"two times are ambiguous", "*", "o-20260301-20260308.dump", later, "upload"},
		{"in the future", "*", "o-20270101.dump", later, "upload"},
		{"no month", "*", "o-20261308.dump", later, "upload"},
		{"no day", "*", "o-20260230.dump", later, "upload"},
		{"just a number", "*", "o-120260308.dump", later, "upload"},
		{"mixed separators", "*", "o-2026-03_08.dump", later, "upload"},
		{"no time", "*", "orders.dump", later, "upload"},
		{"version after a date", "*", "o-2026-03-08-v16.4.dump", "2026-03-08T23:59:59Z", "name"},
		{"number after a date", "*", "o-20260308-99.dump", "2026-03-08T23:59:59Z", "name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := locate(t, new(shelf).add(c.key, 1, later), c.pattern).Artifacts
			if len(a) != 1 || !a[0].MadeAt.Equal(moment(c.want)) || a[0].MadeAtFrom != c.from {
				t.Errorf("%s: got %+v, want %s from %s", c.key, a, c.want, c.from)
			}
		})
	}
}

func TestNewestIsByMakingNotByUpload(t *testing.T) {
	s := new(shelf).
		add("o-2026-03-08T0000.dump", 1, "2026-03-08T01:00:00Z").
		add("o-2026-03-01T0000.dump", 1, "2026-03-09T23:00:00Z") // copied later
	got, ok := locate(t, s, "o-*").Newest()
	if !ok || got.Key != "o-2026-03-08T0000.dump" {
		t.Errorf("newest is %q", got.Key)
	}
}

func TestMetadataTellsTheTimeWhereTheNameDoesNot(t *testing.T) {
	s := new(shelf).add("a.dump", 1, "2026-03-09T01:00:00Z").add("b.dump", 1, "2026-03-09T02:00:00Z").add("c.dump", 1, "2026-03-08T00:00:00Z")
	s.objects[0].Metadata = map[string]string{"made-at": "2026-03-08T20:00:00Z"}
	s.objects[1].Metadata = map[string]string{"mtime": "1772931723.5"}
	l := locate(t, s, "*.dump")
	want := []string{"a.dump 2026-03-08T20:00:00Z metadata", "b.dump 2026-03-08T01:02:03Z metadata", "c.dump 2026-03-08T00:00:00Z upload"}
	var got []string
	for _, a := range l.Artifacts {
		got = append(got, a.Key+" "+a.MadeAt.Format(time.RFC3339)+" "+a.MadeAtFrom)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnsettledObjectsAreUnfinished(t *testing.T) {
	s := new(shelf).add("a", 1, "2026-03-10T11:59:50Z").add("b", 1, "2026-03-10T11:00:00Z")
	l := locate(t, s, "*", func(q *storage.Query) { q.Settle = time.Minute })
	want := []string{"a object 1 [modified 10.0s ago, less than the 1m00s it is given to settle]", "b object 1"}
	if got := describe(l.Artifacts); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUploadsBegunAfterTheNewestAreReported(t *testing.T) {
	s := new(shelf).add("o-1", 1, "2026-03-09T00:00:00Z")
	for key, at := range map[string]string{"o-2": "2026-03-10T00:00:00Z", "o-0": "2026-03-01T00:00:00Z", "x": "2026-03-10T00:00:00Z"} {
		s.uploads = append(s.uploads, storage.Object{Key: key, Modified: moment(at)})
	}
	l := locate(t, s, "o-*")
	want := []string{"o-2 object 1 [its upload began at 2026-03-10T00:00:00Z and was never completed]", "o-1 object 1"}
	if got := describe(l.Artifacts); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s.deny = storage.ErrUnreachable
	if l = locate(t, s, "o-*"); len(l.Artifacts) != 1 || len(l.NotChecked) != 1 {
		t.Errorf("where uploads are not shown: %q, not checked %q", describe(l.Artifacts), l.NotChecked)
	}
}

func TestNearestNamesHelpWhenNothingMatches(t *testing.T) {
	s := new(shelf)
	for _, k := range []string{"postgres/orders/orders-1.dump", "postgres/orders/orders-1.dump.sha256", "postgres/users/users-1.dump", "mysql/x", "a", "b", "c", "d"} {
		s.add(k, 1, noon)
	}
	for _, c := range []string{"postgres/order/orders-*.dump", "postgres/orders/order-*.dump", "postgres/orders/orders-*.dmp", "postgres/orders/orders-*/"} {
		l := locate(t, s, c)
		if len(l.Artifacts) != 0 || len(l.Near) == 0 || len(l.Near) > 5 || l.Near[0] != "postgres/orders/orders-1.dump" {
			t.Errorf("%s: near %q, want orders-1.dump first", c, l.Near)
		}
	}
	if l := locate(t, &shelf{}, "db/*"); len(l.Near) != 0 || len(l.Artifacts) != 0 {
		t.Errorf("an empty source has %q near", l.Near)
	}
}

func TestCredentialsForThePrefixAloneSeeAnAbsence(t *testing.T) {
	s := &shelf{allowed: "postgres/orders/"}
	s.add("postgres/users/users-1.dump", 1, noon)
	if l := locate(t, s, "postgres/orders/orders-*.dump"); len(l.Artifacts) != 0 || len(l.Near) != 0 {
		t.Errorf("found %q, near %q, want nothing", describe(l.Artifacts), l.Near)
	}
	if _, err := storage.Locate(t.Context(), s, storage.Query{Pattern: pattern(t, "postgres/users/*"), Now: moment(noon)}); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("where the backups themselves may not be listed: %v, want it denied", err)
	}
}

func TestAListingThatFailsIsNoAbsence(t *testing.T) {
	s := new(shelf).add("a", 1, noon).add("b", 1, noon)
	s.fail, s.failAt = fmt.Errorf("list: %w", storage.ErrUnreachable), 1
	l, err := storage.Locate(t.Context(), s, storage.Query{Pattern: pattern(t, "*"), Now: moment(noon)})
	if !errors.Is(err, storage.ErrUnreachable) || len(l.Artifacts) != 0 {
		t.Errorf("Locate = %v, %v; want ErrUnreachable and nothing found", l, err)
	}
}

func TestADeletedNewestIsSkipped(t *testing.T) {
	s := &vanishing{shelf: new(shelf).add("o-1", 1, "2026-03-08T00:00:00Z").add("o-2", 1, "2026-03-09T00:00:00Z"), gone: "o-2"}
	if got, ok := locate(t, s, "o-*").Newest(); !ok || got.Key != "o-1" {
		t.Errorf("newest is %q, want o-1", got.Key)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	s := new(shelf)
	for i := range 500 {
		at := moment("2026-03-01T00:00:00Z").Add(time.Duration((i*7919)%500) * time.Minute)
		s.add(fmt.Sprintf("o-%03d", i), 1, at.Format(time.RFC3339))
	}
	got := locate(t, s, "o-*").Artifacts
	if len(got) != 20 || !got[0].MadeAt.Equal(moment("2026-03-01T08:19:00Z")) || !got[19].MadeAt.Equal(moment("2026-03-01T08:00:00Z")) {
		t.Errorf("%d kept, from %s to %s; want the newest 20", len(got), got[0].MadeAt, got[len(got)-1].MadeAt)
	}
}

func TestHugeDirectoriesDoNotPileUp(t *testing.T) {
	s := new(shelf)
	for d := range 5 {
		at := moment("2026-03-01T00:00:00Z").AddDate(0, 0, d).Format(time.RFC3339)
		for i := range 15_000 {
			s.add(fmt.Sprintf("o-%d/%05d.dat", d, i), 1, at)
		}
		if d < 4 { // the newest is not finished
			s.add(fmt.Sprintf("o-%d/DONE", d), 0, at)
		}
	}
	got := describe(locate(t, s, "o-*/", marker("DONE")).Artifacts)
	want := []string{"o-4/ directory 15000 [completion marker DONE is missing]", "o-3/ directory 15000"}
	if !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func TestAPartialFileKeepsTheTimeOfItsPattern(t *testing.T) {
	s := new(shelf).add("o-20260309T000000Z.dump.part", 1, noon).add("o-20260308T000000Z.dump", 1, noon)
	a := locate(t, s, "o-{time:20060102T150405Z}.dump").Artifacts
	if len(a) != 2 || !a[0].MadeAt.Equal(moment("2026-03-09T00:00:00Z")) || a[0].MadeAtFrom != "name" || a[0].Unfinished == "" {
		t.Errorf("found %+v, want the partial file first", a)
	}
}

func TestPick(t *testing.T) {
	s := new(shelf)
	for _, line := range []string{"db/o.dump 5", "db/o.dump.sha256 9", "db/s.dump.00 10", "db/s.dump.01 10", "db/s.dump.02 2", "db/s.dump.sha256 9",
		"db/d/1.dat 5", "db/d/toc.dat 5", "db/d/SHA256SUMS 5", "db/r.01 5", "db/r.02 6", "db/p-20260301T0102.part-aa 5", "db/p-20260301T0102.part-ab 5"} {
		var key string
		var size int64
		fmt.Sscanf(line, "%s %d", &key, &size)
		s.add(key, size, "2026-03-09T00:00:00Z")
	}
	for key, want := range map[string]string{
		"db/o.dump": "db/o.dump object 1 1", "db/s.dump": "db/s.dump split 3 1", "db/s.dump.01": "db/s.dump split 3 1",
		"db/d": "db/d/ directory 2 1", "db/d/": "db/d/ directory 2 1", "db/d/toc.dat": "db/d/toc.dat object 1 1", "db/r.01": "db/r.01 object 1 0",
		"db/p-20260301T0102": "db/p-20260301T0102 split 2 0",
	} {
		a, err := storage.Pick(t.Context(), s, key)
		if got := fmt.Sprintf("%s %s %d %d", a.Key, a.Kind, len(a.Parts), len(a.Sidecars)); err != nil || got != want || a.Source != "shelf" || a.MadeAt.IsZero() {
			t.Errorf("Pick(%s) = %s, %v; want %s", key, got, err, want)
		}
	}
	for _, key := range []string{"", "db/none", "none/", "db/o.dum", "d", "db/s"} {
		if a, err := storage.Pick(t.Context(), s, key); !errors.Is(err, storage.ErrNotFound) || !strings.Contains(err.Error(), key) {
			t.Errorf("Pick(%q) = %+v, %v; want ErrNotFound", key, a, err)
		}
	}
}
