package storagetest

import (
	"context"
	"errors"
	"io"
	"sync"

	"lifeboat/storage"
)

// Errors of a Faulty source, as they come from a network.
var (
	ErrCut  = errors.New("connection reset by peer")
	ErrBusy = errors.New("503 Service Unavailable")
)

// Fault is what happens to one Open. The zero value is: nothing.
type Fault struct {
	Refuse error // Open returns it
	// Cut breaks the stream after CutAfter bytes with this error; io.EOF ends it as if
	// there were no more.
	Cut      error
	CutAfter int64
	// Stall makes the stream hang after CutAfter bytes until it is closed.
	Stall bool
}

// Faulty wraps a source and spoils its reads. Its methods may be called concurrently.
type Faulty struct {
	storage.Source
	plan func(call int, o storage.Object, offset, length int64) Fault

	mu    sync.Mutex
	calls []Call
}

// Call is one Open that was asked for.
type Call struct{ Offset, Length int64 }

// NewFaulty wraps src. plan decides about each Open, whose calls count from 1.
func NewFaulty(src storage.Source, plan func(call int, o storage.Object, offset, length int64) Fault) *Faulty {
	return &Faulty{Source: src, plan: plan}
}

// Calls are the Opens so far.
func (f *Faulty) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// Open implements storage.Source.
func (f *Faulty) Open(ctx context.Context, o storage.Object, offset, length int64) (io.ReadCloser, error) {
	f.mu.Lock()
	f.calls = append(f.calls, Call{offset, length})
	fault := f.plan(len(f.calls), o, offset, length)
	f.mu.Unlock()
	if fault.Refuse != nil {
		return nil, fault.Refuse
	}
	r, err := f.Source.Open(ctx, o, offset, length)
	if err != nil || fault.Cut == nil && !fault.Stall {
		return r, err
	}
	return &broken{ReadCloser: r, fault: fault, left: fault.CutAfter, closed: make(chan struct{})}, nil
}

// broken is a stream that ends as its fault says.
type broken struct {
	io.ReadCloser
	fault  Fault
	left   int64
	once   sync.Once
	closed chan struct{}
}

// Read implements io.Reader.
func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		if b.fault.Stall {
			<-b.closed
			return 0, errors.New("read of a closed stream")
		}
		return 0, b.fault.Cut
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (b *broken) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.ReadCloser.Close()
}
