//go:build linux

package process

import (
	"errors"
	"fmt"
	"io"
	"os"

	"lifeboat/sandbox"
)

// copyBuffer is the size of a pipe of Linux.
const copyBuffer = 64 << 10

// ends are the ends of a command's pipes on one side; nil where there is no pipe.
type ends struct{ in, out, err, mark *os.File }

// pipes connect one command with its caller.
type pipes struct {
	ends       // ours
	child ends // the command's
	all   []*os.File
	ended chan struct{} // closed when the command has ended
}

func newPipes(c sandbox.Cmd) (_ *pipes, err error) {
	p := &pipes{ended: make(chan struct{})}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if c.Stdin != nil {
		if p.child.in, p.in, err = p.pipe(); err != nil {
			return nil, err
		}
	}
	if c.Stdout != nil {
		if p.out, p.child.out, err = p.pipe(); err != nil {
			return nil, err
		}
	}
	if c.Stderr != nil {
		if p.err, p.child.err, err = p.pipe(); err != nil {
			return nil, err
		}
	}
	p.mark, p.child.mark, err = p.pipe()
	return p, err
}

func (p *pipes) pipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err == nil {
		p.all = append(p.all, r, w)
	}
	return r, w, err
}

// closeChild closes the command's ends on our side, so that pipes can end.
func (p *pipes) closeChild() {
	for _, f := range []*os.File{p.child.in, p.child.out, p.child.err, p.child.mark} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (p *pipes) close() {
	for _, f := range p.all {
		_ = f.Close() // closed already is as good
	}
}

// started reports whether the command was reached inside the sandbox. It is asked
// once the command has ended.
func (p *pipes) started() bool {
	n, _ := p.mark.Read(make([]byte, 1))
	return n == 1
}

// feed copies stdin into the command. When stdin fails, kill is called before the
// command can see its input end, and the error is sent.
func (p *pipes) feed(stdin io.Reader, kill func()) <-chan error {
	fed := make(chan error, 1)
	if stdin == nil {
		return fed
	}
	go func() {
		buf := make([]byte, copyBuffer)
		for {
			n, err := stdin.Read(buf)
			if n > 0 {
				if _, werr := p.in.Write(buf[:n]); werr != nil {
					return // the command ended or wants no more: its exit code tells
				}
			}
			switch {
			case errors.Is(err, io.EOF):
				_ = p.in.Close()
				return
			case err != nil:
				fed <- fmt.Errorf("read standard input: %w", err)
				kill()
				return
			}
		}
	}()
	return fed
}

// copy starts to take the command's output. The channel has as many results as its capacity.
func (p *pipes) copy(c sandbox.Cmd) <-chan error {
	type stream struct {
		to   io.Writer
		from *os.File
	}
	var streams []stream
	if p.out != nil {
		streams = append(streams, stream{c.Stdout, p.out})
	}
	if p.err != nil {
		streams = append(streams, stream{c.Stderr, p.err})
	}
	copied := make(chan error, len(streams))
	for _, s := range streams {
		go func() { copied <- p.copyOut(s.to, s.from) }()
	}
	return copied
}
