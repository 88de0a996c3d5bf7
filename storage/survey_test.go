package storage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lifeboat/storage"
)

// survey looks at objects, each given as "key size day-of-march".
func survey(t testing.TB, objects ...string) []storage.Series {
	t.Helper()
	s := &shelf{}
	for _, line := range objects {
		var key string
		var size int64
		var day int
		if _, err := fmt.Sscanf(line, "%s %d %d", &key, &size, &day); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		s.add(key, size, fmt.Sprintf("2026-03-%02dT04:00:00Z", day))
	}
	series, listed, err := storage.Survey(t.Context(), s, "", moment(noon))
	if err != nil || listed != len(objects) {
		t.Fatalf("listed %d, %v; want %d", listed, err, len(objects))
	}
	return series
}

func TestASurveySeesBackupsAndNotFiles(t *testing.T) {
	for _, c := range []struct {
		name    string
		objects []string
		want    []string // "pattern count example bytes"
	}{
		{"single objects", []string{"o-2026-03-08.dump 5 8", "o-2026-03-09.dump 6 9"}, []string{"o-{time:2006-01-02}.dump 2 o-2026-03-09.dump 6"}},
		{"directories", []string{"o-2026-03-08/1.dat 1 8", "o-2026-03-08/toc.dat 2 8", "o-2026-03-09/1.dat 3 9", "o-2026-03-09/toc.dat 4 9"},
			[]string{"o-{time:2006-01-02}/ 2 o-2026-03-09/ 7"}},
		{"dat files alone are no directory", []string{"x/3001.dat 5 8"}, []string{"x/*.dat 1 x/3001.dat 5"}},
		{"split by number", []string{"o-2026-03-08.dump.00 9 8", "o-2026-03-08.dump.01 2 8", "o-2026-03-09.dump.00 9 9", "o-2026-03-09.dump.01 3 9"},
			[]string{"o-{time:2006-01-02}.dump 2 o-2026-03-09.dump 12"}},
		{"split by letters, with checksums", []string{"o.dump.aa 9 8", "o.dump.aa.sha256 1 8", "o.dump.ab 2 8", "o.dump.ab.sha256 1 8"}, []string{"o.dump 1 o.dump 11"}},
		{"split, counted from one", []string{"o.dump.part1 9 8", "o.dump.part2 2 8"}, []string{"o.dump 1 o.dump 11"}},
		{"a rotation", []string{"o.dump.01 7 9", "o.dump.02 9 8", "o.dump.03 8 7"}, []string{"o.dump.* 3 o.dump.01 7"}},
		{"endings of two letters", []string{"o.db 7 9", "o.sql.gz 9 8"}, []string{"o.db 1 o.db 7", "o.sql.gz 1 o.sql.gz 9"}},
		{"placeholders of folders and unfinished uploads are none", []string{"db/ 0 8", "db/o.dump 5 8", "db/o.dump.part 5 8"}, []string{"db/o.dump 1 db/o.dump 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range survey(t, c.objects...) {
				got = append(got, fmt.Sprintf("%s %d %s %d", s.Pattern, s.Count, s.Example, s.Bytes))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestDatesAloneShowTheRhythm has a folder that was copied as a whole: the files of
// both days were stored at the same time.
func TestDatesAloneShowTheRhythm(t *testing.T) {
	got := survey(t, "o-2026-03-08.dump 5 9", "o-2026-03-09.dump 5 9")
	if len(got) != 1 || got[0].Rhythm() != 24*time.Hour {
		t.Errorf("series = %+v, want one of a backup a day", got)
	}
}
