package sandbox

import (
	"context"
	"fmt"
)

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s limit of %d bytes reached (%d used)", e.Limit, e.Bytes, e.Used)
}

// Unwrap makes errors.Is(err, ErrOutOfRoom) true.
func (e *LimitError) Unwrap() error { return ErrOutOfRoom }

func (e *ImageError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("image %s is absent", e.Image)
	}
	return fmt.Sprintf("image %s is absent: %v", e.Image, e.Err)
}

// Unwrap makes errors.Is(err, ErrImageAbsent) true and keeps the daemon's words.
func (e *ImageError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrImageAbsent}
	}
	return []error{ErrImageAbsent, e.Err}
}

// Bind returns a context that is cancelled, with the sandbox's own reason as its
// cause, when box stops by itself. Call the returned function to release it.
func Bind(ctx context.Context, box Sandbox) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-box.Stopped():
			cancel(box.Err())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
