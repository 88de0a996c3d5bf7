package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifeboat/storage"
)

func TestPatternMatchesLikeAShell(t *testing.T) {
	for _, c := range []struct{ pattern, matches, not string }{
		{"db/orders.dump", "db/orders.dump", "db/orders.dump2 xdb/orders.dump db/ordersxdump"},
		{"db/*.dump", "db/a.dump db/-.dump", "db/a/b.dump db/a.dump.gz .dump db/.hidden.dump"},
		{"*", "a a.b", "a/b .a"},
		{"db/**", "db/a db/a/b db/a/b/c.dump", "dba db/.git/x db/a/.b"},
		{"**/orders.dump", "orders.dump a/orders.dump a/b/orders.dump", "xorders.dump a/xorders.dump .a/orders.dump"},
		{"a/**/z", "a/z a/b/z a/b/c/z", "a/bz az"},
		{"a**z", "az abz a/z ab/cd/z", "a/.b/z b"},
		{"d?mp", "dump d-mp dümp", "dmp d/mp duump"},
		{"?x", "ax", ".x /x"},
		{"[a-c]x[!0-9]", "axy cx-", "dxy ax5 ax/"},
		{"[^.]x", "ax", ".x /x"},
		{"[]]x", "]x", "x"},
		{`a\*b\{c\}`, "a*b{c}", "axb{c}"},
		{"db/orders-*/", "db/orders-1/", "db/orders-1 db/orders-1/2/ db/"},
		{"a\nb*", "a\nb\nc", "a b"},
	} {
		p := pattern(t, c.pattern)
		for _, key := range fields(c.matches) {
			if _, ok := p.Match(key); !ok {
				t.Errorf("%q does not match %q", c.pattern, key)
			}
		}
		for _, key := range fields(c.not) {
			if _, ok := p.Match(key); ok {
				t.Errorf("%q matches %q", c.pattern, key)
			}
		}
	}
}

func fields(s string) []string { return strings.Split(s, " ") }

func TestPatternReadsTheTimeInAName(t *testing.T) {
	for _, c := range []struct{ pattern, key, want string }{
		{"o-{time:20060102T150405Z}.dump", "o-20260203T040506Z.dump", "2026-02-03T04:05:06Z"},
		{"o-{time:2006-01-02}*", "o-2026-02-03.dump.zst", "2026-02-03T00:00:00Z"},
		{"{time:2006/01/02}/o-{time:1504}.dump", "2026/02/03/o-0405.dump", "2026-02-03T04:05:00Z"},
		{"{time:2006-01-02T15:04:05Z07:00}", "2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z"},
		{"o_{time:Jan _2 2006}", "o_Feb  3 2026", "2026-02-03T00:00:00Z"},
		{"o_{time:2-1-06}.gz", "o_13-2-26.gz", "2026-02-13T00:00:00Z"},
		{"o_{time:2006-01-02_15.04.05.000}", "o_2026-02-03_04.05.06.789", "2026-02-03T04:05:06.789Z"},
	} {
		got, ok := pattern(t, c.pattern).Match(c.key)
		if !ok || !got.Equal(moment(c.want)) || got.Location() != time.UTC {
			t.Errorf("%q of %q = %s, %v; want %s", c.pattern, c.key, got, ok, c.want)
		}
	}
	for key, p := range map[string]string{
		"o-20261303.dump": "o-{time:20060102}.dump", // no month 13
		"o-2026010.dump":  "o-{time:20060102}.dump",
		"o-.dump":         "o-{time:20060102}.dump",
	} {
		if at, ok := pattern(t, p).Match(key); ok {
			t.Errorf("%q matches %q as %s", p, key, at)
		}
	}
}

func TestPatternPrefixIsWhatAllMatchesShare(t *testing.T) {
	for text, want := range map[string]string{
		"db/orders-*.dump": "db/orders-", "*": "", "db/{time:2006-01-02}": "db/", "exact": "exact",
		`a\*b*`: "a*b", "db/x[ab]": "db/x", "db/o-*/": "db/o-",
	} {
		p := pattern(t, text)
		if p.Prefix() != want || p.String() != text {
			t.Errorf("%q: prefix %q, text %q; want %q", text, p.Prefix(), p.String(), want)
		}
	}
}

func TestBadPatternsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "/abs", "a[", "a[b", "a[]", "[z-a]", "[+-0]", "a{b,c}", "a{time:2006", "{time:}", "{time:15:04}", "{time:2006-01}",
		"{time:nothing}", "{time:2006|01|02}", `a\`, "\xff", strings.Repeat("a", 1025),
	} {
		if p, err := storage.ParsePattern(text); !errors.Is(err, storage.ErrPattern) {
			t.Errorf("ParsePattern(%q) = %v, %v; want ErrPattern", text, p, err)
		}
	}
	if _, ok := (storage.Pattern{}).Match(""); ok {
		t.Error("the zero pattern matches something")
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"db/*.dump", "**/x", "[a-z]?", "{time:20060102T150405Z}*", `\*{time:2006-01-02}/`, "[!.]**a"} {
		f.Add(s, "db/orders-20260102T030405Z.dump")
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		p, err := storage.ParsePattern(text)
		if err != nil {
			if !errors.Is(err, storage.ErrPattern) {
				t.Errorf("ParsePattern(%q) = %v, want ErrPattern", text, err)
			}
			return
		}
		at, ok := p.Match(key)
		if ok && !strings.HasPrefix(key, p.Prefix()) {
			t.Errorf("%q matches %q outside of its prefix %q", text, key, p.Prefix())
		}
		if ok && at.IsZero() && strings.Contains(text, "{time:2006") && !strings.Contains(text, `\`) && at.Year() != 1 {
			t.Errorf("%q matches %q without a time", text, key)
		}
		if ok && !strings.Contains(text, "*") && strings.Count(key, "/") < strings.Count(p.Prefix(), "/") {
			t.Errorf("%q matches %q with too few parts", text, key)
		}
	})
}
