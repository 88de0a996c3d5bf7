// Package server puts pages, API and metrics behind one address: who may see what, how
// long anything may take, and how it all ends. It answers nothing itself.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"lifeboat/history"
	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/live"
)

// Limits of every request. There is none for an answer as a whole: live views last for
// hours. Each piece of it has to be taken in time instead.
const (
	headerTimeout = 10 * time.Second // to send the head of a request
	bodyTimeout   = 30 * time.Second // to send its body
	writeTimeout  = 30 * time.Second // to take a piece of an answer
	idleTimeout   = 2 * time.Minute  // between two requests
	headerMax     = 64 << 10
	bodyMax       = 4 << 20
	drainTimeout  = 10 * time.Second // to end requests when the server stops
)

// Config is what a server is made of.
type Config struct {
	Guard   *access.Guard
	Pages   http.Handler // GET /login and /static/ are open to strangers
	API     *api.API
	Metrics http.Handler
	Hub     *live.Hub // closed when the server stops
	// Cert and Key are files in PEM form. Both empty: no TLS. They are read again when
	// they change.
	Cert, Key string
	Now       func() time.Time // the real clock: connections get their deadlines by it
	Log       *slog.Logger
	// HeaderTimeout is for tests; 0 is ten seconds.
	HeaderTimeout time.Duration
}

// Server serves all of it.
type Server struct {
	Config
	http *http.Server
}

// New returns a server. An error means that the certificate cannot be used.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = headerTimeout
	}
	s := &Server{Config: c}
	s.http = &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: c.HeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerMax,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), // strangers who hang up are no news
	}
	if c.Cert == "" && c.Key == "" {
		return s, nil
	}
	pair, err := newPair(c)
	if err != nil {
		return nil, err
	}
	s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.certificate}
	return s, nil
}

// Handler is everything the server answers.
func (s *Server) Handler() http.Handler {
	view := func(h http.Handler) http.Handler { return s.Guard.Require(history.View, h) }
	inside := http.NewServeMux()
	inside.HandleFunc("GET /readyz", s.API.Ready)
	inside.Handle("/api/", s.API) // its operations ask for roles of their own
	inside.Handle("GET /badges/{file}", view(http.HandlerFunc(s.API.Badge)))
	inside.Handle("GET /metrics", view(s.Metrics))
	inside.Handle("POST /login", s.Guard.Login())
	inside.Handle("POST /logout", s.Guard.Logout())
	inside.Handle("GET /login", s.Pages)
	inside.Handle("GET /static/", s.Pages)
	inside.Handle("/", view(s.Pages))

	outside := http.NewServeMux()
	outside.HandleFunc("GET /healthz", api.Live) // asks nobody and tells nothing
	outside.Handle("/", s.Guard.Wrap(inside))
	return s.watch(headers(s.limit(outside)))
}

// Serve answers on l until ctx is over, and then lets requests end that are under way.
// Live views are ended at once. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	done := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			done <- s.http.ServeTLS(l, "", "")
			return
		}
		done <- s.http.Serve(l)
	}()
	select {
	case err := <-done:
		s.Hub.Close()
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), drainTimeout,
		errors.New("requests under way took too long"))
	defer cancel()
	s.Hub.Close()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the server: %w", context.Cause(ctx)), s.http.Close())
	}
	if end := <-done; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve %s: %w", l.Addr(), end))
	}
	return err
}
