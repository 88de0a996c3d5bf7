package sandbox

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box stops when it is told to.
type box struct {
	Sandbox
	stopped chan struct{}
	why     error
}

func (b *box) Stopped() <-chan struct{} { return b.stopped }
func (b *box) Err() error               { return b.why }

func TestASandboxThatStopsEndsWhatIsBoundToIt(t *testing.T) {
	b := &box{stopped: make(chan struct{}), why: errors.New("its deadline came")}
	ctx, release := Bind(t.Context(), b)
	defer release()
	if ctx.Err() != nil {
		t.Fatalf("bound to a sandbox that runs, it is over: %v", context.Cause(ctx))
	}
	close(b.stopped)
	<-ctx.Done()
	if got := context.Cause(ctx); !errors.Is(got, b.why) {
		t.Errorf("it ends because of %v, want the sandbox's own reason", got)
	}
}

func TestWhatIsBoundToASandboxIsReleasedBeforeIt(t *testing.T) {
	ctx, release := Bind(t.Context(), &box{stopped: make(chan struct{})})
	release() // or TestMain finds a goroutine left
	<-ctx.Done()
}
