package storage

import "errors"

// ErrDenied accompanies ErrUnreachable when asking again is pointless until a
// person changes something: credentials, permissions, certificate, clock, bucket.
var ErrDenied = errors.New("access refused")

// Final reports whether err would be the same however often it is tried.
func Final(err error) bool {
	for _, f := range []error{ErrNotFound, ErrChanged, ErrArchived, ErrDenied} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
