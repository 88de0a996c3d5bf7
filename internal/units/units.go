// Package units reads and writes sizes, durations and counts the way people do.
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var byteUnits = []struct {
	suffix string
	size   float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// ParseBytes reads a size with its unit: "512MiB", "1.5 GB", "4096B". A bare number
// other than 0 is refused: nobody can tell what it counts.
func ParseBytes(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if s == "0" {
		return 0, nil
	}
	for _, u := range byteUnits {
		num, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
		if err != nil || math.IsNaN(f) || f < 0 || f*u.size >= math.MaxInt64 {
			return 0, fmt.Errorf("size %q is not a number with a unit such as 512MiB", s)
		}
		return int64(f * u.size), nil
	}
	return 0, fmt.Errorf("size %q has no unit; write it like 512MiB or 4GB", s)
}

// Bytes writes a size with three significant digits: "1.50 GiB".
func Bytes(n int64) string {
	for _, u := range byteUnits[:4] {
		if f := float64(n) / u.size; f >= 1 {
			return strconv.FormatFloat(f, 'f', max(0, 2-int(math.Log10(f))), 64) + " " + u.suffix
		}
	}
	return fmt.Sprintf("%d B", n)
}

// ParseDuration reads a Go duration that may also use d (24 h) and w (7 d): "2d12h".
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := strings.TrimSpace(s)
	for _, u := range []struct {
		suffix string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		num, tail, ok := strings.Cut(rest, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(num, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("duration %q is not like 26h, 45m or 2d", s)
		}
		total += time.Duration(n) * u.length
		rest = tail
	}
	if rest == "" && total > 0 {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("duration %q is not like 26h, 45m or 2d", s)
	}
	return total + d, nil
}

// Duration writes a duration rounded to what a reader needs: "850ms", "12.3s",
// "4m05s", "26h10m", "3d4h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second-time.Millisecond/2: // what rounds up to the next unit is written in it
		return d.Round(time.Millisecond).String()
	case d < time.Minute-50*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Hour-time.Second/2:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 72*time.Hour-time.Minute/2:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

// Count writes a number with its thousands apart: "2,000,000".
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Counted writes a number with the noun it counts: "1 row", "2,000,000 rows". The
// noun's plural must be regular.
func Counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}
