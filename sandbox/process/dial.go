//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"lifeboat/sandbox"
)

// Dial implements sandbox.Sandbox. The socket must lie in Dir or in /tmp inside;
// a link, in whatever part of its path, is refused, so that a hostile dump cannot
// lead Lifeboat to a socket of this machine.
func (b *box) Dial(ctx context.Context, e sandbox.Endpoint) (net.Conn, error) {
	_, done, err := b.use()
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := b.dial(ctx, e.Socket)
	if err != nil {
		if reason := b.ending.Err(); reason != nil {
			return nil, reason
		}
		return nil, fmt.Errorf("dial %s: %w", e.Socket, err)
	}
	return conn, nil
}

func (b *box) dial(ctx context.Context, socket string) (net.Conn, error) {
	var root, rest string
	for inside, outside := range map[string]string{insideData: dataDir(b.dir), insideTmp: tmpDir(b.dir)} {
		if tail, ok := strings.CutPrefix(filepath.Clean(socket), inside+"/"); ok {
			root, rest = outside, tail
		}
	}
	if root == "" {
		return nil, fmt.Errorf("the socket is neither in %s nor in %s", insideData, insideTmp)
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(dir) }()
	fd, err := unix.Openat2(dir, rest, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, errors.New("it is not a socket")
	}
	// By its descriptor: nobody can exchange it now, and no path is too long.
	return new(net.Dialer).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", fd))
}
