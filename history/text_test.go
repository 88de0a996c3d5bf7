package history_test

import (
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/internal/testkit"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

func TestHistoryReadsAsATable(t *testing.T) {
	noon := time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)
	entries := []history.Entry{
		{Drill: history.Drill{ID: "01jx8f7q2q", Target: "orders"}, State: history.Running, Started: noon},
		{Drill: history.Drill{ID: "01jx8f7q2p", Target: "orders"}, State: history.Finished, Verdict: verify.Failed, Key: "k", Bytes: 1 << 30, Rows: 10,
			Summary: "rows_missing public.orders: 10 rows, expected 2,000,000 rows \x1b[2J", Started: noon.Add(-time.Hour), Finished: noon.Add(-59 * time.Minute)},
		{Drill: history.Drill{ID: "01jx8f7q2n", Target: "orders"}, State: history.Interrupted, Verdict: verify.Errored,
			Summary: "Lifeboat was stopped or killed while this drill ran, so there is no answer.", Started: noon.Add(-2 * time.Hour), Finished: noon.Add(-time.Hour)},
		{Drill: history.Drill{ID: "01jx8f7q2m", Target: "orders"}, State: history.Finished, Verdict: verify.Passed, Key: "k", Bytes: 1 << 30, Rows: 2_000_000,
			Summary: "3 tables restored with 2,000,000 rows", Started: noon.Add(-26 * time.Hour), Finished: noon.Add(-26*time.Hour + 40*time.Second)},
	}
	o := text.Options{Now: noon.Add(90 * time.Second)}
	testkit.Golden(t, "one-target.txt", history.Table(entries, o))
	entries[3].Target = "customers"
	out := history.Table(entries, o)
	testkit.Golden(t, "two-targets.txt", out)
	for line := range strings.Lines(out) {
		if text.Width(line) > 81 {
			t.Errorf("%q is wider than 80 columns", line)
		}
	}
	if out := history.Table(entries[:1], o); !strings.Contains(out, "orders") {
		t.Errorf("one entry does not name its target: %q", out)
	}
	waiting := []history.Entry{{Drill: history.Drill{ID: "01jx8f7q2r", Target: "orders", Asked: noon}, State: history.Queued, Why: "needs 40 GiB, 12 GiB are free"}}
	if out := history.Table(waiting, o); !strings.Contains(out, "queued") || !strings.Contains(out, "12 GiB are free") || strings.Contains(out, "0001") {
		t.Errorf("a drill that waits reads %q", out)
	}
	if got := history.Table(nil, o); strings.Count(got, "\n") != 1 {
		t.Errorf("no entries give %q, want the titles alone", got)
	}
}
