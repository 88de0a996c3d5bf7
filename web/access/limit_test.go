package access

import (
	"fmt"
	"testing"
	"time"
)

func TestTheMemoryOfGuessesIsBounded(t *testing.T) {
	var l limiter
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for i := range 3 * addressesMax {
		now = now.Add(time.Second)
		_, right := l.try(fmt.Sprintf("10.0.%d.%d", i/256, i%256), fmt.Sprint(i), now)
		if right != nil {
			right(true)
		}
	}
	if len(l.each) > addressesMax || len(l.good) > goodMax {
		t.Errorf("%d addresses and %d tokens are remembered", len(l.each), len(l.good))
	}
}

func TestGuessesFromManyAddressesAreLimitedTogether(t *testing.T) {
	var l limiter
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	allowed := 0
	for i := range 1000 {
		if wait, _ := l.try(fmt.Sprint("address ", i), "x", now); wait == 0 {
			allowed++
		}
	}
	if allowed != overallBurst {
		t.Errorf("%d guesses are let through at once, want %d", allowed, overallBurst)
	}
	if wait, _ := l.try("one more", "x", now.Add(overallEvery)); wait != 0 {
		t.Errorf("after %s one more has to wait %s", overallEvery, wait)
	}
}

func TestAClockThatIsSetBackLocksNobodyOut(t *testing.T) {
	var l limiter
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for range addressBurst {
		l.try("a", "x", now)
	}
	if wait, _ := l.try("a", "x", now.Add(-time.Hour)); wait == 0 || wait > addressEvery {
		t.Errorf("an hour earlier one has to wait %s, want at most %s", wait, addressEvery)
	}
}

func TestAnAddressIsWhatACustomerHas(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5":              "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::1]:9": "2001:db8:1:2::/64",
		"[::ffff:192.0.2.1]:5":     "192.0.2.1",
		"[fe80::1%eth0]:5":         "fe80::/64",
		"@":                        "@",
	} {
		if got := client(remote); got != want {
			t.Errorf("client(%q) = %q, want %q", remote, got, want)
		}
	}
}
