package sandboxtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"lifeboat/sandbox"
)

func testExec(t *testing.T, f Fixture) {
	box := start(t, f, nil)

	t.Run("a command has an exit code, two streams and its environment", func(t *testing.T) {
		var out, complaint bytes.Buffer
		code, err := box.Exec(t.Context(), sandbox.Cmd{
			Args: []string{"sh", "-c", `echo "out $WORD"; echo err >&2; exit 7`}, Env: []string{"WORD=given"},
			Stdout: &out, Stderr: &complaint,
		})
		if err != nil || code != 7 || out.String() != "out given\n" || complaint.String() != "err\n" {
			t.Errorf("got exit %d, %v, %q, %q", code, err, out.String(), complaint.String())
		}
	})
	t.Run("a command that is not there is no success", func(t *testing.T) {
		code, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"no-such-program"}})
		if err == nil && code != 126 && code != 127 {
			t.Errorf("got exit %d without an error", code)
		}
	})
	t.Run("the folder is empty, the user's own and not root's", func(t *testing.T) {
		out, code := shell(t, box, `test "$(ls -A "$1" | wc -l)" = 0 && test -O "$1" && test -w "$1" && id -u`, box.Dir())
		if code != 0 || out == "0" {
			t.Errorf("got exit %d, uid %q", code, out)
		}
	})
	t.Run("megabytes pass unchanged both ways", func(t *testing.T) { execLarge(t, box) })
	t.Run("input nobody reads does no harm", func(t *testing.T) {
		code, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}, Stdin: endless{}})
		if err != nil || code != 0 {
			t.Errorf("got exit %d, %v", code, err)
		}
	})
	t.Run("input that fails is not a clean end", func(t *testing.T) { execSourceFails(t, box) })
	t.Run("a cancelled command returns and its input does not end cleanly", func(t *testing.T) { execCancelled(t, box) })
	t.Run("many commands at once keep their streams apart", func(t *testing.T) { execMany(t, box) })
}

func execLarge(t *testing.T, box sandbox.Sandbox) {
	data := make([]byte, 16<<20)
	rng := rand.NewChaCha8([32]byte{1})
	if _, err := rng.Read(data); err != nil {
		t.Fatal(err)
	}
	back, noise := sha256.New(), counter{}
	code, err := box.Exec(t.Context(), sandbox.Cmd{
		Args:  []string{"sh", "-c", "head -c 3000000 /dev/zero >&2; cat"},
		Stdin: bytes.NewReader(data), Stdout: back, Stderr: &noise,
	})
	if err != nil || code != 0 {
		t.Fatalf("got exit %d, %v", code, err)
	}
	if want := sha256.Sum256(data); !bytes.Equal(back.Sum(nil), want[:]) {
		t.Error("stdout differs from stdin")
	}
	if noise.n != 3000000 {
		t.Errorf("stderr had %d bytes, want 3000000", noise.n)
	}
}

func execSourceFails(t *testing.T, box sandbox.Sandbox) {
	broken := errors.New("the source broke")
	code, err := box.Exec(t.Context(), sandbox.Cmd{
		Args:  []string{"sh", "-c", `cat >fed; echo "input ended" >clean`},
		Stdin: io.MultiReader(strings.NewReader("half a dump"), failing{broken}),
	})
	if !errors.Is(err, broken) {
		t.Errorf("got exit %d, %v; want the source's error", code, err)
	}
	if out, _ := shell(t, box, `test -e clean && echo yes || echo no`); out != "no" {
		t.Error("the command saw its input end and went on")
	}
}

func execCancelled(t *testing.T, box sandbox.Sandbox) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	source, feed := io.Pipe()
	defer feed.Close()
	started := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	_, err := box.Exec(ctx, sandbox.Cmd{
		Args:  []string{"sh", "-c", `echo started; cat >fed; echo "input ended" >clean-cancelled`},
		Stdin: source, Stdout: started,
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if out, _ := shell(t, box, `test -e clean-cancelled && echo yes || echo no`); out != "no" {
		t.Error("the command saw its input end and went on")
	}
}

func execMany(t *testing.T, box sandbox.Sandbox) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			var out bytes.Buffer
			code, err := box.Exec(t.Context(), sandbox.Cmd{
				Args:  []string{"sh", "-c", `cat; exit "$0"`, fmt.Sprint(i)},
				Stdin: strings.NewReader(strings.Repeat(fmt.Sprint(i), 100_000)), Stdout: &out,
			})
			if err != nil || code != i || strings.Trim(out.String(), fmt.Sprint(i)) != "" || out.Len() != 100_000 {
				t.Errorf("command %d: exit %d, %v, %d bytes", i, code, err, out.Len())
			}
		})
	}
	all.Wait()
}

// endless is an input that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// failing is an input that breaks.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// counter counts what is written.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

type writerFunc func(p []byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }
