package notifytest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Request is one that arrived at a Receiver.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         string
}

// Receiver is the other end of notifiers that post to an address. Close it is the
// test's own business.
type Receiver struct {
	*httptest.Server
	hung    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex
	requests []Request
	faults   []Fault
	answer   func(w http.ResponseWriter)
}

// NewReceiver starts one that answers 200 and "ok" for the time of the test.
func NewReceiver(t testing.TB) *Receiver {
	r := &Receiver{hung: make(chan struct{}, 100), stopped: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		close(r.stopped)
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

// Fault spoils the next answer.
func (r *Receiver) Fault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, f)
}

// Answer replaces the usual answer.
func (r *Receiver) Answer(answer func(w http.ResponseWriter)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// Requests are those that were taken, in their order.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// Bodies are those of the requests that were taken.
func (r *Receiver) Bodies() []string {
	var list []string
	for _, q := range r.Requests() {
		list = append(list, q.Body)
	}
	return list
}

// Hung has one for each request left without an answer.
func (r *Receiver) Hung() <-chan struct{} { return r.hung }

func (r *Receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	var f Fault
	if len(r.faults) > 0 {
		f, r.faults = r.faults[0], r.faults[1:]
	}
	if f == None || f == Lost || f == Hang {
		r.requests = append(r.requests, Request{q.Method, q.URL.RequestURI(), q.Header.Clone(), string(body)})
	}
	answer := r.answer
	r.mu.Unlock()
	switch f {
	case Busy:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "slow down, "+q.URL.RequestURI(), http.StatusTooManyRequests)
	case Refuse: // with the address in its words, as some servers do
		http.Error(w, fmt.Sprintf("no such hook: http://%s%s", q.Host, q.URL.RequestURI()), http.StatusForbidden)
	case Broken:
		http.Error(w, "cannot handle "+q.URL.RequestURI(), http.StatusInternalServerError)
	case Lost:
		panic(http.ErrAbortHandler)
	case Hang:
		r.hung <- struct{}{}
		select {
		case <-q.Context().Done():
		case <-r.stopped:
		}
		panic(http.ErrAbortHandler)
	default:
		if answer != nil {
			answer(w)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}
}
