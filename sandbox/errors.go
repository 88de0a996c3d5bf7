package sandbox

import (
	"context"
	"fmt"

	"lifeboat/internal/units"
)

func (e *LimitError) Error() string {
	amount := units.Bytes
	if e.Limit == "pids" {
		amount = func(n int64) string { return fmt.Sprintf("%d processes", n) }
	}
	if e.Used == 0 {
		return fmt.Sprintf("%s limit of %s reached", e.Limit, amount(e.Bytes))
	}
	return fmt.Sprintf("%s limit of %s reached (%s used)", e.Limit, amount(e.Bytes), amount(e.Used))
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
