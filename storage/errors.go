package storage

import "errors"

// ErrDenied accompanies ErrUnreachable when asking again is pointless until a
// person changes something: credentials, permissions, certificate, clock, bucket.
var ErrDenied = errors.New("access refused")

// Denied adds ErrDenied to err without a word: the message is left as it is.
func Denied(err error) error { return deniedError{err} }

type deniedError struct{ error }

func (e deniedError) Unwrap() []error { return []error{e.error, ErrDenied} }

// Final reports whether err would be the same however often it is tried.
func Final(err error) bool {
	for _, f := range []error{ErrNotFound, ErrChanged, ErrArchived, ErrDenied} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
