package live

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"lifeboat/web/access"
	"lifeboat/web/problem"
)

// Message is what is sent of one event.
type Message struct {
	Event string // its name, such as drill
	Data  []byte // may have several lines
}

// writeTimeout is how long one message may take to be taken.
const writeTimeout = 10 * time.Second

// Serve streams the drills that f chooses as server-sent events until the request is
// over, its sender does not read or may not any more, or the hub is closed. Where there are
// too many streams it refuses, in the form of the API. render returns the messages of
// an event; none skips it. Last-Event-ID needs no answer: a stream begins with how
// things stand.
func Serve(w http.ResponseWriter, r *http.Request, h *Hub, f Filter, render func(Event) ([]Message, error)) error {
	if !h.enter() {
		problem.RetryAfter(w, h.Beat)
		problem.Write(w, problem.New(http.StatusServiceUnavailable, fmt.Sprintf("%d live views are open already, the most there may be.", h.Most)))
		return nil
	}
	defer h.exit()
	events := h.Subscribe(r.Context(), f)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	send := func(b []byte) error {
		if err := out.SetWriteDeadline(h.Now().Add(writeTimeout)); err != nil {
			return fmt.Errorf("set a deadline for an event: %w", err)
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
		return out.Flush()
	}
	if err := send([]byte("retry: 2000\n\n")); err != nil {
		return err
	}
	beat := time.NewTicker(h.Beat)
	defer beat.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				return nil
			}
			messages, err := render(e)
			if err != nil {
				return err
			}
			if err := send(encode(e.ID, messages)); err != nil {
				return err
			}
		case <-beat.C:
			if !access.Still(r.Context()) {
				return nil
			}
			if err := send([]byte(": still here\n\n")); err != nil {
				return err
			}
		}
	}
}

// encode writes messages in the form of a stream. The id goes with the last of them.
func encode(id uint64, messages []Message) []byte {
	var b bytes.Buffer
	for i, m := range messages {
		if i == len(messages)-1 {
			fmt.Fprintf(&b, "id: %d\n", id)
		}
		fmt.Fprintf(&b, "event: %s\n", m.Event)
		data := bytes.ReplaceAll(m.Data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			b.WriteString("data: ")
			b.Write(line)
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}
