package storage

import "time"

// For fuzz tests.
var ParseSums = parseSums

// TimeInKey is the time that a key names.
func TimeInKey(key string, now time.Time) (time.Time, bool) {
	t, ok := timeInKey(key, now)
	return t.at, ok
}
