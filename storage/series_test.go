package storage

import (
	"testing"
	"time"
)

func TestSeriesPatternLeavesOpenOnlyTheTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	tests := []struct{ key, want string }{
		{"orders-20261122T050000Z.dump", "orders-{time:20060102T150405Z}.dump"},
		{"pg/2026-11-22_05-30/toc.dat", "pg/{time:2006-01-02_15-04}/toc.dat"},
		{"orders-2026-11-22.sql.gz", "orders-{time:2006-01-02}.sql.gz"},
		{"20261122/orders-20261122050000.dump", "{time:20060102}/orders-{time:20060102150405}.dump"},
		{"orders-2026-11-22T05:00:00+02:00.dump", "orders-{time:2006-01-02T15:04:05-07:00}.dump"},
		{"orders-000123.dump", "orders-*.dump"},
		{"orders-v15.dump", "orders-v15.dump"},
		{"odd[1]*{x}.dump", `odd\[1\]\*\{x\}.dump`},
		{"orders-20991122.dump", "orders-*.dump"}, // no backup is from the future
	}
	for _, tt := range tests {
		got := seriesPattern(tt.key, now)
		if got != tt.want {
			t.Errorf("seriesPattern(%q) = %q, want %q", tt.key, got, tt.want)
		}
		p, err := ParsePattern(got)
		if err != nil {
			t.Errorf("the pattern of %q cannot be read: %v", tt.key, err)
			continue
		}
		if _, ok := p.Match(tt.key); !ok {
			t.Errorf("%q does not match its own pattern %q", tt.key, got)
		}
	}
}

func TestRhythmIsTheUsualGap(t *testing.T) {
	day := time.Date(2026, 11, 1, 5, 0, 0, 0, time.UTC)
	s := Series{Times: []time.Time{day, day.Add(24 * time.Hour), day.Add(48 * time.Hour), day.Add(120 * time.Hour)}}
	if got := s.Rhythm(); got != 24*time.Hour {
		t.Errorf("Rhythm() = %s, want 24h", got)
	}
	if got := (Series{Times: []time.Time{day}}).Rhythm(); got != 0 {
		t.Errorf("Rhythm() of one backup = %s, want 0", got)
	}
	if got := (Series{Times: []time.Time{day, day.Add(time.Second), day.Add(2 * time.Second)}}).Rhythm(); got != 0 {
		t.Errorf("Rhythm() of files copied in one go = %s, want 0", got)
	}
}
