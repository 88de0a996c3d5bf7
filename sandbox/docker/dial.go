package docker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"

	"lifeboat/sandbox"
)

// relay connects its own streams with a server on the container's loopback. It says
// "+" once connected, and ends both directions when either side has ended.
const relay = `
exec 3<>"/dev/tcp/127.0.0.1/$0" || exit 1
printf +
exec 4<&0
cat <&3 & from=$!
cat <&4 >&3 & to=$!
wait -n
kill $from $to 2>/dev/null
wait`

// maxComplaint bounds what is kept of the relay's standard error.
const maxComplaint = 1 << 10

// Dial implements sandbox.Sandbox by way of a small relay inside the container.
// Deadlines work; there is no half-closing.
func (b *Box) Dial(ctx context.Context, e sandbox.Endpoint) (net.Conn, error) {
	if err := b.ended(); err != nil {
		return nil, err
	}
	c, err := b.dial(ctx, e)
	if err == nil {
		return c, nil
	}
	if reason := b.endedSoon(ctx, err); reason != nil {
		return nil, reason
	}
	return nil, fmt.Errorf("dial port %d in sandbox: %w", e.Port, err)
}

func (b *Box) dial(ctx context.Context, e sandbox.Endpoint) (net.Conn, error) {
	if e.Port < 1 || e.Port > 65535 {
		return nil, errors.New("there is no such port")
	}
	s, err := b.open(ctx, openOptions{
		user: b.spec.User, stdin: true,
		args: []string{"bash", "-c", relay, strconv.Itoa(e.Port)},
	})
	if err != nil {
		return nil, err
	}
	c := &conn{stream: s, port: e.Port}
	stop := context.AfterFunc(ctx, s.Close)
	var hello [1]byte
	_, err = io.ReadFull(c, hello[:])
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		s.Close()
		if said := strings.TrimSpace(string(c.said)); said != "" && ctx.Err() == nil {
			return nil, fmt.Errorf("%s: %w", said, err)
		}
		return nil, err
	}
	return c, nil
}

// conn is a connection through a relay. Reads undo the daemon's framing, keeping
// their place in it when a deadline interrupts them.
type conn struct {
	stream *stream
	port   int

	mu     sync.Mutex // one reader at a time
	head   [8]byte    // of the frame being read
	headN  int
	left   uint32 // bytes of the frame not read yet
	stderr bool   // the frame is the relay's complaint
	said   []byte
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := c.nextFrame(); err != nil {
			return 0, err
		}
		into := p
		if c.stderr {
			into = make([]byte, maxComplaint)
		}
		n, err := c.stream.Reader.Read(into[:min(len(into), int(c.left))])
		c.left -= uint32(n)
		if c.stderr {
			c.said = append(c.said, into[:min(n, maxComplaint-len(c.said))]...)
			n = 0
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// nextFrame reads a frame's head once the last frame is used up.
func (c *conn) nextFrame() error {
	for c.left == 0 {
		for c.headN < len(c.head) {
			n, err := c.stream.Reader.Read(c.head[c.headN:])
			c.headN += n
			if err != nil {
				return err
			}
		}
		c.headN = 0
		c.stderr = stdcopy.StdType(c.head[0]) != stdcopy.Stdout
		c.left = binary.BigEndian.Uint32(c.head[4:])
	}
	return nil
}

func (c *conn) Write(p []byte) (int, error) { return c.stream.Conn.Write(p) }
func (c *conn) Close() error                { return c.stream.Conn.Close() }

func (c *conn) SetDeadline(t time.Time) error      { return c.stream.Conn.SetDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.stream.Conn.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.stream.Conn.SetWriteDeadline(t) }

func (c *conn) LocalAddr() net.Addr  { return addr{} }
func (c *conn) RemoteAddr() net.Addr { return addr{c.port} }

// addr is an address inside a sandbox.
type addr struct{ port int }

func (addr) Network() string  { return "sandbox" }
func (a addr) String() string { return "sandbox:" + strconv.Itoa(a.port) }
