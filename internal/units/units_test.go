package units

import (
	"testing"
	"time"
)

func TestParseBytesWantsAUnit(t *testing.T) {
	good := map[string]int64{"0": 0, "1B": 1, "512MiB": 512 << 20, "1.5 GB": 1_500_000_000, "4 KiB": 4096}
	for in, want := range good {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "12", "GiB", "-1GiB", "NaNGiB", "99999999999TiB", "1 parsec"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", in, got)
		}
	}
}

func TestParseDurationKnowsDaysAndWeeks(t *testing.T) {
	good := map[string]time.Duration{"26h": 26 * time.Hour, "2d": 48 * time.Hour, "1w2d3h": (9*24 + 3) * time.Hour, "45m": 45 * time.Minute}
	for in, want := range good {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "5", "two days", "1d1w", "-1d"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", in, got)
		}
	}
}

func TestFormattingIsReadable(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.50 KiB", 50 << 30: "50.0 GiB", 999 << 20: "999 MiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		850 * time.Millisecond: "850ms", 12340 * time.Millisecond: "12.3s",
		245 * time.Second: "4m05s", 26*time.Hour + 10*time.Minute: "26h10m", 76 * time.Hour: "3d4h",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
	const little = time.Millisecond
	for d, want := range map[time.Duration]string{
		time.Second - time.Microsecond: "1.0s", time.Minute - little: "1m00s", time.Hour - little: "1h00m", 72*time.Hour - little: "3d0h",
		59900 * little: "59.9s", time.Hour - time.Second: "59m59s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%s) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 rows", 1: "1 row", 2_000_000: "2,000,000 rows"} {
		if got := Counted(n, "row"); got != want {
			t.Errorf("Counted(%d) = %q, want %q", n, got, want)
		}
	}
}
