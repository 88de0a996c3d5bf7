package jobs

import (
	"context"
	"io"
	"iter"
	"sync/atomic"

	"lifeboat/storage"
)

// hungSource lists nothing until it is given up on.
type hungSource struct {
	storage.Source
	asked chan string
}

func (h *hungSource) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	h.asked <- prefix
	return func(yield func(storage.Object, error) bool) {
		<-ctx.Done()
		yield(storage.Object{}, context.Cause(ctx))
	}
}

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
