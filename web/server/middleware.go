package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"lifeboat/web/problem"
)

// policy is what browsers are told to refuse: everything that is not from here, and
// scripts and styles within a page.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// headers tells browsers what not to do. Strict-Transport-Security is not among them: it
// would hold for every other service on the same host.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// limit bounds what a request may hold and how long its sender may take.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			c := http.NewResponseController(w)
			_ = c.SetReadDeadline(s.Now().Add(bodyTimeout)) // where there is none to set nothing can hang either
			r.Body = &timely{ReadCloser: http.MaxBytesReader(w, r.Body, bodyMax), connection: c}
		}
		next.ServeHTTP(w, r)
	})
}

// timely is a body whose deadline ends with it: after that the connection is only
// watched for its end, and a deadline would look like one.
type timely struct {
	io.ReadCloser
	connection *http.ResponseController
}

// Read implements io.Reader.
func (t *timely) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	if errors.Is(err, io.EOF) {
		_ = t.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// watch logs requests at debug level, without what follows the question mark, and turns
// a panic into an answer.
func (s *Server) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		out := &answer{ResponseWriter: w, now: s.Now}
		defer func() {
			what := recover()
			if what == http.ErrAbortHandler {
				panic(what)
			}
			if what != nil {
				s.Log.ErrorContext(r.Context(), "request panicked", slog.String("method", r.Method), slog.String("path", r.URL.Path),
					slog.Any("panic", what), slog.String("stack", string(debug.Stack())))
				out.panicked(r)
			}
			s.Log.DebugContext(r.Context(), "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", out.status), slog.Int64("bytes", out.bytes), slog.Duration("took", s.Now().Sub(began).Round(time.Millisecond)))
		}()
		next.ServeHTTP(out, r)
	})
}

// answer gives each piece of an answer a deadline, and notes what was sent.
type answer struct {
	http.ResponseWriter
	now    func() time.Time
	status int
	bytes  int64
}

// Unwrap lets response controllers reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.deadline()
	a.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.deadline()
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

func (a *answer) deadline() {
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(a.now().Add(writeTimeout))
}

// panicked answers where nothing was answered yet, and breaks off where something was.
func (a *answer) panicked(r *http.Request) {
	if a.status != 0 {
		panic(http.ErrAbortHandler)
	}
	const words = "Lifeboat made a mistake. Its log says more."
	if strings.HasPrefix(r.URL.Path, "/api/") {
		problem.Write(a, problem.New(http.StatusInternalServerError, words))
		return
	}
	http.Error(a, words, http.StatusInternalServerError)
}
