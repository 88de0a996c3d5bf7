package workdir

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lifeboat/sandbox"
)

// Ending is how a sandbox ended, once and for all. The zero value has not ended.
type Ending struct {
	once sync.Once
	mu   sync.Mutex
	done chan struct{}
	err  error
}

// NewEnding returns an ending that has not come.
func NewEnding() *Ending { return &Ending{done: make(chan struct{})} }

// Because ends with the reason err. Only the first reason counts; it reports
// whether this was it.
func (e *Ending) Because(err error) (first bool) {
	e.once.Do(func() {
		e.mu.Lock()
		e.err = err
		e.mu.Unlock()
		close(e.done)
		first = true
	})
	return first
}

// Done is closed once the end has come.
func (e *Ending) Done() <-chan struct{} { return e.done }

// Err is the reason, or nil before the end.
func (e *Ending) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Meter watches how much disk a folder takes.
type Meter struct {
	dir  Dir
	peak atomic.Int64
}

// NewMeter returns a meter of d.
func NewMeter(d Dir) *Meter { return &Meter{dir: d} }

// Peak is the most that was seen, in bytes.
func (m *Meter) Peak() int64 { return m.peak.Load() }

// Measure looks now and returns a *sandbox.LimitError when more than limit bytes are used.
func (m *Meter) Measure(ctx context.Context, limit int64) error {
	used, err := m.dir.Used(ctx)
	if ctx.Err() != nil {
		return nil // the sandbox is being closed
	}
	if err != nil {
		return fmt.Errorf("%w: its disk use cannot be measured: %w", sandbox.ErrGone, err)
	}
	for {
		old := m.peak.Load()
		if used <= old || m.peak.CompareAndSwap(old, used) {
			break
		}
	}
	if used > limit {
		return &sandbox.LimitError{Limit: "disk", Bytes: limit, Used: used}
	}
	return nil
}

// Watch calls look about every interval until ctx ends, look returns an error, or
// deadline fires, and returns that error or sandbox.ErrDeadline; nil when ctx ended
// first. Looking takes at most about a tenth of the time.
func Watch(ctx context.Context, interval time.Duration, deadline *time.Timer, look func() error) error {
	defer deadline.Stop()
	next := time.NewTimer(interval)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-deadline.C:
			return sandbox.ErrDeadline
		case <-next.C:
			began := time.Now()
			if err := look(); err != nil {
				return err
			}
			next.Reset(max(interval, 10*time.Since(began)))
		}
	}
}
