package fakeslack

import (
	"net/http"
	"time"
)

// Kind of a fault.
type Kind string

// Faults. The zero value is none.
const (
	Busy   Kind = "busy"   // 429 with Retry-After; nothing is done
	Broken Kind = "broken" // 500; nothing is done
	Gone   Kind = "gone"   // the connection is closed; nothing is done
	Lost   Kind = "lost"   // it is done, and the connection is closed without an answer
	Hang   Kind = "hang"   // it is done, and no answer comes until the client goes away
	Refuse Kind = "refuse" // ok: false with Error
)

// Fault spoils one answer.
type Fault struct {
	Kind  Kind
	Error string        // of Refuse: "invalid_auth"
	After time.Duration // of Busy; 0 means one second
	// Method it waits for, as in "chat.postMessage" or "webhook"; empty for the next of any.
	Method string
}

// Fault spoils the next requests, one each.
func (s *Server) Fault(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Plan decides about every request that no Fault waits for; calls count from 1.
func (s *Server) Plan(plan func(method string, call int) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = plan
}

// fault takes the fault of a request and notes the call.
func (s *Server) fault(method string) (Fault, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var f Fault
	for i, waiting := range s.faults {
		if waiting.Method == "" || waiting.Method == method {
			f = waiting
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			break
		}
	}
	if f == (Fault{}) && s.plan != nil {
		f = s.plan(method, len(s.calls)+1)
	}
	s.calls = append(s.calls, Call{Method: method, Fault: f})
	return f, len(s.calls) - 1
}

// serve answers a request through its fault. do does what was asked for and returns
// how to answer, or Slack's word for why not.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, method string,
	do func() (answer func(), refused string), refuse func(word string),
) {
	f, call := s.fault(method)
	switch f.Kind {
	case Busy:
		busy(w, max(f.After, time.Second))
		return
	case Broken:
		http.Error(w, "<html>Server Error</html>", http.StatusInternalServerError)
		return
	case Gone:
		panic(http.ErrAbortHandler)
	case Refuse:
		s.note(call, f.Error)
		refuse(f.Error)
		return
	}
	answer, refused := do()
	if refused != "" {
		s.note(call, refused)
	}
	switch f.Kind {
	case Lost:
		panic(http.ErrAbortHandler)
	case Hang:
		select {
		case s.hung <- struct{}{}:
		default:
		}
		select {
		case <-r.Context().Done():
		case <-s.stopped:
		}
		panic(http.ErrAbortHandler)
	}
	if refused != "" && answer == nil {
		refuse(refused)
		return
	}
	answer()
}

// note records why a call was refused.
func (s *Server) note(call int, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[call].Error = word
}
