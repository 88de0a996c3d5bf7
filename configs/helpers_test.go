package configs

import (
	"bytes"
	"testing"
)

// replaceOnce replaces old, which must occur exactly once: a test that edits
// nothing proves nothing.
func replaceOnce(t testing.TB, text []byte, old, new string) []byte {
	t.Helper()
	if n := bytes.Count(text, []byte(old)); n != 1 {
		t.Fatalf("%q occurs %d times, want once", old, n)
	}
	return bytes.Replace(text, []byte(old), []byte(new), 1)
}
