package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// fill brings all bytes of c, resuming where a stream broke.
func (r *reader) fill(c *chunk) error {
	wait := firstBackoff
	for tries, short := 0, 0; ; {
		n, err := r.try(c)
		switch {
		case err == nil:
			return nil
		case r.ctx.Err() != nil:
			return context.Cause(r.ctx)
		case Final(err):
			return fmt.Errorf("read %s of %s at byte %d: %w", c.object.Key, r.src.Name(), c.at(), err)
		}
		tries++
		if errors.Is(err, errShort) {
			short++
		}
		if n > 0 {
			tries, short, wait = 1, 0, firstBackoff
		}
		switch {
		case short == maxTries/2: // no error, no bytes: that is where the object ends
			return fmt.Errorf("read %s of %s: it ends after %d of %d bytes: %w",
				c.object.Key, r.src.Name(), c.at(), c.object.Size, ErrChanged)
		case tries == maxTries:
			return fmt.Errorf("read %s of %s at byte %d: nothing came in %d tries: %w: %w",
				c.object.Key, r.src.Name(), c.at(), maxTries, ErrUnreachable, err)
		}
		if err := sleep(r.ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, maxBackoff)
	}
}

// at is the offset in its object of the first byte of c not yet here. Only the
// goroutine that fills c may ask.
func (c *chunk) at() int64 { return c.offset + int64(c.filled) }

// try opens the rest of c once and reads as far as the stream goes. It returns how
// many bytes came, and nil only when c is full.
func (r *reader) try(c *chunk) (int, error) {
	ctx, cancel := context.WithCancelCause(r.ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stall.Stop()

	before := c.filled
	body, err := r.src.Open(ctx, c.object, c.at(), int64(len(c.buf)-c.filled))
	if err != nil {
		return 0, cause(ctx, err)
	}
	defer body.Close()
	// Some streams do not watch ctx while they read; closing them wakes them.
	defer context.AfterFunc(ctx, func() { body.Close() })()

	for c.filled < len(c.buf) {
		n, err := body.Read(c.buf[c.filled:])
		if n > 0 {
			stall.Reset(stallTimeout)
			r.arrived(c, n)
		}
		if err == nil || c.filled == len(c.buf) && !Final(err) {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = errShort
		}
		return c.filled - before, cause(ctx, err)
	}
	return c.filled - before, nil
}

// arrived makes n more bytes of c visible to Read.
func (r *reader) arrived(c *chunk, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.filled += n
	r.cond.Broadcast()
}

// cause prefers the reason ctx was cancelled for over what that looked like below.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// sleep waits for d unless ctx ends first, whose cause it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
