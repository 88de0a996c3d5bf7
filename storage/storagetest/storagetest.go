// Package storagetest holds what every storage adapter must do, as tests, and a
// wrapper that makes a source fail on purpose.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"

	"lifeboat/storage"
)

// Fixture is an empty source together with the means to fill it behind its back.
type Fixture struct {
	Source storage.Source
	Put    func(t testing.TB, key, content string)
	Remove func(t testing.TB, key string)
}

// put stores content and returns the object as a listing sees it.
func (f Fixture) put(t testing.TB, key, content string) storage.Object {
	t.Helper()
	f.Put(t, key, content)
	for o, err := range f.Source.List(t.Context(), key) {
		if err != nil {
			t.Fatalf("list %s: %v", key, err)
		}
		if o.Key == key {
			return o
		}
	}
	t.Fatalf("%s was stored and is not listed", key)
	return storage.Object{}
}

// Run exercises one adapter. Each subtest gets a fresh, empty fixture.
func Run(t *testing.T, open func(t testing.TB) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"lists in key order below the prefix", listsInOrder},
		{"lists nothing where nothing is", listsNothing},
		{"a listing can be left early and begun again", listingLeft},
		{"a cancelled listing says so", listingCancelled},
		{"a listing agrees with stat", listAgreesWithStat},
		{"odd keys come back as they are", oddKeys},
		{"what is not there is not found", notFound},
		{"open reads the range asked for", ranges},
		{"open refuses a replaced object", refusesReplaced},
		{"open refuses a removed object", refusesRemoved},
		{"open ends with its context", openCancelled},
		{"reads many at once", concurrent},
		{"has no method that writes", onlyReads},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func keys(t testing.TB, s storage.Source, prefix string) []string {
	t.Helper()
	var got []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		got = append(got, o.Key)
	}
	return got
}

func listsInOrder(t *testing.T, f Fixture) {
	all := []string{"db/a-1", "db/a.1", "db/a/1", "db/a/z/2", "db/a0", "db/b", "dc"}
	for _, k := range []int{3, 0, 6, 5, 1, 4, 2} {
		f.Put(t, all[k], "x")
	}
	for prefix, want := range map[string][]string{
		"": all, "db/": all[:6], "db/a": all[:5], "db/a/": all[2:4], "db/a/z": all[3:4], "d": all, "dc": all[6:],
	} {
		if got := keys(t, f.Source, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func listsNothing(t *testing.T, f Fixture) {
	f.Put(t, "db/monday.dump", "x")
	for _, prefix := range []string{"db/tuesday", "nowhere/", "db/monday.dump/", "db/monday.dump.", "../", "/"} {
		if got := keys(t, f.Source, prefix); len(got) != 0 {
			t.Errorf("List(%q) = %q, want nothing", prefix, got)
		}
	}
}

func listingLeft(t *testing.T, f Fixture) {
	for i := range 5 {
		f.Put(t, fmt.Sprintf("n%d", i), "x")
	}
	all := f.Source.List(t.Context(), "")
	for range 2 {
		for o, err := range all {
			if err != nil || o.Key != "n0" {
				t.Fatalf("first of the listing = %q, %v; want n0", o.Key, err)
			}
			break
		}
	}
}

func listingCancelled(t *testing.T, f Fixture) {
	f.Put(t, "a", "x")
	f.Put(t, "b", "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range f.Source.List(ctx, "") {
		cancel()
		last = err
	}
	for _, err := range f.Source.List(ctx, "") { // begun when already cancelled
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled listing ended with %v, want context.Canceled", last)
	}
	if errors.Is(last, storage.ErrUnreachable) {
		t.Errorf("our own cancellation is blamed on the storage: %v", last)
	}
}

func listAgreesWithStat(t *testing.T, f Fixture) {
	listed := f.put(t, "db/monday.dump", "twelve bytes")
	got, err := f.Source.Stat(t.Context(), "db/monday.dump")
	if err != nil {
		t.Fatal(err)
	}
	if listed.Size != 12 || listed.ETag == "" || listed.Modified.IsZero() || listed.Archived {
		t.Errorf("listed %+v, want size, ETag and time", listed)
	}
	if got.Key != listed.Key || got.Size != listed.Size || got.ETag != listed.ETag {
		t.Errorf("Stat = %+v, listing says %+v", got, listed)
	}
	if d := got.Modified.Sub(listed.Modified).Abs(); d.Seconds() >= 1 { // HTTP headers know seconds
		t.Errorf("Stat says modified %s, listing %s", got.Modified, listed.Modified)
	}
}

func oddKeys(t *testing.T, f Fixture) {
	odd := []string{"a b", "a&b=c", "a+b", "a%2Fb", "a#b", "a?b", "ä/ö ü.dump", "a'b\"c", "日本", "a..b", "x/.hidden", "<a>"}
	for _, k := range odd {
		f.Put(t, k, k)
	}
	want := slices.Sorted(slices.Values(odd))
	if got := keys(t, f.Source, ""); !slices.Equal(got, want) {
		t.Fatalf("List = %q\nwant   %q", got, want)
	}
	for _, k := range odd {
		o, err := f.Source.Stat(t.Context(), k)
		if err != nil {
			t.Errorf("Stat(%q): %v", k, err)
			continue
		}
		if got := read(t, f.Source, o, 0, -1); got != k {
			t.Errorf("content of %q = %q", k, got)
		}
	}
}

func notFound(t *testing.T, f Fixture) {
	f.Put(t, "db/monday.dump", "x")
	for _, key := range []string{"db/tuesday.dump", "db", "db/", "nowhere/x", "../x", "", "db/monday.dump/x"} {
		if _, err := f.Source.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnreachable) {
			t.Errorf("Stat(%q) = %v, want ErrNotFound", key, err)
		}
		if r, err := f.Source.Open(t.Context(), storage.Object{Key: key, Size: 1, ETag: "x"}, 0, -1); !errors.Is(err, storage.ErrNotFound) {
			if err == nil {
				r.Close()
			}
			t.Errorf("Open(%q) = %v, want ErrNotFound", key, err)
		}
	}
}

func read(t testing.TB, s storage.Source, o storage.Object, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), o, offset, length)
	if err != nil {
		t.Fatalf("open %s: %v", o.Key, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s from %d, %d bytes: %v", o.Key, offset, length, err)
	}
	return string(b)
}

func ranges(t *testing.T, f Fixture) {
	o := f.put(t, "digits", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, -1, "0123456789"}, {0, 10, "0123456789"}, {0, 1, "0"}, {0, 0, ""}, {3, 4, "3456"},
		{3, -1, "3456789"}, {9, 1, "9"}, {9, -1, "9"}, {1, 0, ""},
	} {
		if got := read(t, f.Source, o, c.offset, c.length); got != c.want {
			t.Errorf("Open(offset %d, length %d) = %q, want %q", c.offset, c.length, got, c.want)
		}
	}
	empty := f.put(t, "empty", "")
	if got := read(t, f.Source, empty, 0, -1); got != "" || empty.Size != 0 {
		t.Errorf("an empty object has %d bytes and reads %q", empty.Size, got)
	}
}

func refusesReplaced(t *testing.T, f Fixture) {
	for _, second := range []string{"second, longer", "other"} { // another size, and the same
		old := f.put(t, "db/monday.dump", "first")
		f.Put(t, "db/monday.dump", second)
		for _, offset := range []int64{0, 2} {
			r, err := f.Source.Open(t.Context(), old, offset, -1)
			if !errors.Is(err, storage.ErrChanged) {
				t.Errorf("Open(old version, offset %d) = %v, want ErrChanged", offset, err)
			}
			if err == nil {
				r.Close()
			}
		}
	}
}

func refusesRemoved(t *testing.T, f Fixture) {
	o := f.put(t, "db/monday.dump", "first")
	f.Remove(t, "db/monday.dump")
	if _, err := f.Source.Open(t.Context(), o, 0, -1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Open(removed) = %v, want ErrNotFound", err)
	}
}

func openCancelled(t *testing.T, f Fixture) {
	o := f.put(t, "a", "content")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Source.Open(ctx, o, 0, -1); !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("Open(cancelled) = %v, want context.Canceled", err)
	}
	if _, err := f.Source.Stat(ctx, "a"); !errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("Stat(cancelled) = %v, want context.Canceled", err)
	}
}

func concurrent(t *testing.T, f Fixture) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // 3 MiB
	a := f.put(t, "x.00", string(content[:2<<20]))
	b := f.put(t, "x.01", string(content[2<<20:]))
	r := storage.NewReader(t.Context(), f.Source, []storage.Object{a, b}, storage.ReadOptions{ChunkBytes: 100_000, Streams: 8})
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("%d bytes read are not the %d stored", len(got), len(content))
	}
}

// onlyReads keeps a writing method from slipping in: a verifier that can write is one
// more way to lose a backup.
func onlyReads(t *testing.T, f Fixture) {
	may := []string{"Name", "List", "Stat", "Open", "Uploads"}
	typ := reflect.TypeOf(f.Source)
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; !slices.Contains(may, name) {
			t.Errorf("%s has a method %s; a source may only %q", typ, name, may)
		}
	}
}
