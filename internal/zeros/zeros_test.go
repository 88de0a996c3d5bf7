package zeros_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"lifeboat/internal/zeros"
)

func TestAlone(t *testing.T) {
	many := strings.Repeat("\x00", 100_000)
	for text, want := range map[string]bool{"": true, "\x00": true, many: true, "x": false, many + "x": false, "x" + many: false} {
		if got, err := zeros.Alone(bufio.NewReader(strings.NewReader(text))); got != want || err != nil {
			t.Errorf("%d bytes: %v, %v; want %v", len(text), got, err, want)
		}
	}
	broken := errors.New("broken")
	r := bufio.NewReader(io.MultiReader(strings.NewReader(many), iotest.ErrReader(broken)))
	if got, err := zeros.Alone(r); got || !errors.Is(err, broken) {
		t.Errorf("a stream that breaks: %v, %v", got, err)
	}
}
