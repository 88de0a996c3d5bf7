package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// noise is n bytes that do not repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func TestEveryConsumerReadsTheWholeStream(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunks*chunkSize + 17} {
		want := noise(size)
		var a, b bytes.Buffer
		err := fanOut(t.Context(), iotest.HalfReader(bytes.NewReader(want)),
			func(r io.Reader) error { _, err := io.Copy(&a, r); return err },
			func(r io.Reader) error { _, err := io.Copy(&b, iotest.HalfReader(r)); return err })
		if err != nil || !bytes.Equal(a.Bytes(), want) || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d bytes: %v, got %d and %d", size, err, a.Len(), b.Len())
		}
	}
}

func TestAConsumerThatIsDoneEarlyDoesNotHoldTheOther(t *testing.T) {
	want := noise(3 * chunks * chunkSize)
	h := sha256.New()
	err := fanOut(t.Context(), bytes.NewReader(want),
		func(io.Reader) error { return nil },
		func(r io.Reader) error { _, err := io.Copy(h, r); return err })
	if sum := sha256.Sum256(want); err != nil || !bytes.Equal(h.Sum(nil), sum[:]) {
		t.Errorf("got %v, or another stream", err)
	}
}

func TestAFactEndsTheStreamAtOnce(t *testing.T) {
	fact := errors.New("fact")
	err := fanOut(t.Context(), endless{},
		func(r io.Reader) error { io.ReadFull(r, make([]byte, 10)); return fact },
		func(r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			if err == nil {
				t.Error("the other consumer saw a regular end")
			}
			return err
		})
	if err != fact {
		t.Errorf("got %v, want the fact itself", err)
	}
}

func TestAnErrorOfTheStreamIsReturnedAsItIsAfterAllBeforeIt(t *testing.T) {
	broken := errors.New("connection lost")
	before := noise(2*chunkSize + 5)
	var seen int64
	err := fanOut(t.Context(), io.MultiReader(bytes.NewReader(before), iotest.ErrReader(broken)),
		func(r io.Reader) (err error) {
			if seen, err = io.Copy(io.Discard, r); err != broken {
				t.Errorf("the consumer saw %v", err)
			}
			return errors.New("what the consumer makes of it")
		},
		func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	if err != broken || seen != int64(len(before)) {
		t.Errorf("got %v after %d bytes, want the stream's own error after %d", err, seen, len(before))
	}
}

func TestCancellingEndsTheStreamWithItsCause(t *testing.T) {
	cause := errors.New("stopped by hand")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := fanOut(ctx, endless{}, func(r io.Reader) error {
		cancel(cause)
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err != cause {
		t.Errorf("got %v, want the cause", err)
	}
}

// endless is a stream without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
