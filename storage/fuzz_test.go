package storage_test

import (
	"slices"
	"strings"
	"testing"

	"lifeboat/storage"
)

// FuzzNames lists a storage with arbitrary names. Whatever they are, each object found
// is one that was listed, and an artifact has at least one.
func FuzzNames(f *testing.F) {
	f.Add("db/o-20260308.dump\ndb/o-20260308.dump.sha256\ndb/o-20260309.dump.part", "db/o-*.dump")
	f.Add("a.00\na.01\na.03\nb.part-aa\nb.part-ab", "*")
	f.Add("d/x/toc.dat\nd/x/1.dat.gz\nd/x.done\n/\n//\nd/../x", "d/*/")
	f.Fuzz(func(t *testing.T, names, match string) {
		p, err := storage.ParsePattern(match)
		if err != nil {
			return
		}
		src := &shelf{}
		keys := slices.Compact(slices.Sorted(strings.SplitSeq(names, "\n")))
		for _, key := range keys {
			if len(key) > 200 || strings.HasPrefix(key, "/") {
				return // no pattern names these
			}
			if key != "" {
				src.add(key, int64(len(key)), noon)
			}
		}
		for _, marker := range []string{"", ".done", "DONE"} {
			got, err := storage.Locate(t.Context(), src, storage.Query{Pattern: p, Marker: marker, Now: moment(noon)})
			if err != nil {
				t.Fatalf("%q: %v", names, err)
			}
			for _, a := range got.Artifacts {
				if len(a.Parts) == 0 {
					t.Errorf("%q: artifact %q holds nothing", names, a.Key)
				}
				for _, o := range a.Parts {
					if !slices.Contains(keys, o.Key) {
						t.Errorf("%q: %q was never listed", names, o.Key)
					}
				}
			}
		}
		series, _, err := storage.Survey(t.Context(), src, "", moment(noon))
		if err != nil {
			t.Fatalf("%q: %v", names, err)
		}
		for _, s := range series {
			if _, err := storage.ParsePattern(s.Pattern); err != nil {
				t.Errorf("%q: proposed the pattern %q: %v", names, s.Pattern, err)
			}
		}
	})
}
