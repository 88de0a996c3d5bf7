package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// relay is a way to a server that can be cut and mended.
type relay struct {
	net.Listener
	far   func() (net.Conn, error)
	mu    sync.Mutex
	conns map[net.Conn]bool
	gone  bool
}

// newRelay leads from an address of its own to far. The network is "tcp" or "unix".
func newRelay(t testing.TB, network, far string) *relay {
	t.Helper()
	near := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "relay") // the name of a unix socket must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		near = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, near)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, far: func() (net.Conn, error) { return net.Dial(network, far) }, conns: make(map[net.Conn]bool)}
	t.Cleanup(func() {
		_ = r.Close()
		r.cut()
	})
	go func() {
		for {
			conn, err := r.Accept()
			if err != nil {
				return
			}
			go r.join(conn)
		}
	}()
	return r
}

// address is where it listens.
func (r *relay) address() string { return r.Addr().String() }

// join leads one connection through until both sides have ended.
func (r *relay) join(near net.Conn) {
	defer near.Close()
	far, err := r.far()
	if err != nil {
		return
	}
	defer far.Close()
	defer r.forget(near, far)
	if !r.keep(near, far) {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		through(far, near)
	}()
	through(near, far)
	<-done
}

// through copies one way and passes the end on.
func through(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (r *relay) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		r.conns[c] = true
	}
	return !r.gone
}

func (r *relay) forget(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		delete(r.conns, c)
	}
}

// cut ends every connection, and each new one at once.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	for c := range r.conns {
		_ = c.Close()
	}
	clear(r.conns)
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = false
}
