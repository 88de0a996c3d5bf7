package jobs

import (
	"context"
	"io"
	"sync/atomic"

	"lifeboat/storage"
)

// slowSource answers nothing until it is told to be fast, or given up on.
type slowSource struct {
	storage.Source
	began chan struct{}
	fast  atomic.Bool
}

func (s *slowSource) Open(ctx context.Context, o storage.Object, from, length int64) (io.ReadCloser, error) {
	if !s.fast.Load() {
		s.began <- struct{}{}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return s.Source.Open(ctx, o, from, length)
}
