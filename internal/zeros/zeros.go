// Package zeros tells padding from data.
package zeros

import (
	"bufio"
	"bytes"
	"io"
)

// Alone reads r to its end and reports whether nothing but zeros is there, as tapes and
// block devices leave them behind a file. It stops at the first other byte. Errors of r
// are returned as they are.
func Alone(r *bufio.Reader) (bool, error) {
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return true, nil
		} else if err != nil {
			return false, err
		}
		buffered, _ := r.Peek(r.Buffered())
		if len(bytes.TrimLeft(buffered, "\x00")) > 0 {
			return false, nil
		}
		_, _ = r.Discard(len(buffered)) // just peeked
	}
}
