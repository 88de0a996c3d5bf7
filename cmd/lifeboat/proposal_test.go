package main

import (
	"strings"
	"testing"
	"time"

	"lifeboat/storage"
)

func TestTargetsGetNamesThatConfigurationsTake(t *testing.T) {
	for pattern, want := range map[string]string{
		"pg/orders-{time:20060102}.dump.zst":             "pg-orders",
		"Söhne & 'Töchter' #1-{time:2006}.sql":           "s-hne-t-chter-1",
		"表 注文-{time:20060102}.dump":                      "backups",
		`\*-{time:20060102}.sql.gz`:                      "backups",
		"pg/Orders/orders-{time:20060102}.dump":          "pg-orders",
		strings.Repeat("very/deep/", 10) + "orders.dump": strings.Repeat("very-deep-", 4) + "orders",
	} {
		got := targetName(pattern)
		if !strings.HasSuffix(got, want) || len(got) > maxTargetName {
			t.Errorf("targetName(%q) = %q, want %q", pattern, got, want)
		}
	}
}

func TestTheScheduleFollowsTheRhythm(t *testing.T) {
	const day = 24 * time.Hour
	f := foundSeries{Series: storage.Series{Newest: time.Date(2026, 3, 9, 23, 30, 0, 0, time.UTC)}} // a Monday
	for rhythm, want := range map[time.Duration]string{
		time.Hour: `"@daily"`, day: `"30 0 * * *"`, 2 * day: `"30 0 * * *"`, 7 * day: `"30 0 * * 2"`, 30 * day: "on-new-backup",
	} {
		if got := f.schedule(rhythm); !strings.HasPrefix(got, want) {
			t.Errorf("schedule of a backup every %s = %s, want %s", rhythm, got, want)
		}
	}
}
