package verify_test

import (
	"testing"

	"lifeboat/verify"
)

func TestBaselineKnowsWhatPassesForNoLoss(t *testing.T) {
	past := func(counts ...int64) (b verify.Baseline) {
		for _, n := range counts {
			b.Drills = append(b.Drills, verify.Past{Tables: map[string]int64{"t": n}, Bytes: n})
		}
		return b
	}
	tests := []struct {
		name        string
		base        verify.Baseline
		rows, bytes int64
	}{
		{"nothing is known", past(), 0, 0},
		{"few rows come and go", past(9), 0, 0},
		{"from ten rows on a table may not be empty", past(10), 1, 0},
		{"half of many rows may go", past(100), 50, 0},
		{"half of an odd number is rounded up", past(101), 51, 0},
		{"that few have been good before", past(1000, 20, 1000), 20, 500},
		{"a table that was empty before may be empty", past(1000, 0), 0, 0},
		{"size goes by the median", past(8, 100, 20), 0, 10},
	}
	for _, tt := range tests {
		if got := tt.base.LeastRows("t"); got != tt.rows {
			t.Errorf("%s: LeastRows = %d, want %d", tt.name, got, tt.rows)
		}
		if got := tt.base.LeastBytes(); got != tt.bytes {
			t.Errorf("%s: LeastBytes = %d, want %d", tt.name, got, tt.bytes)
		}
	}
}
