package jobs

import (
	"strconv"
	"testing"
	"time"
)

func TestSecondsHaveThreeDecimals(t *testing.T) {
	for ms := range 20_000 {
		got := seconds(time.Duration(ms)*time.Millisecond + 400*time.Microsecond)
		if text := strconv.FormatFloat(got, 'f', -1, 64); len(text) > len("19.999") {
			t.Fatalf("%d ms are %s s", ms, text)
		}
	}
}
