// Package fakeslack is an HTTP server that behaves as Slack's Web API and incoming
// webhooks do where Lifeboat uses them: threads, metadata, scopes, rate limits, limits of
// blocks, and answers that never come. It keeps what was posted. Only tests use it.
package fakeslack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Scopes a token has unless they are revoked.
const (
	ScopeWrite   = "chat:write"
	ScopeHistory = "channels:history"
	ScopeList    = "channels:read"
)

// Message is one that was posted, as it stands now.
type Message struct {
	Channel   string // id
	TS        string
	Thread    string // ts of the first message of its thread; empty outside of one
	Broadcast bool
	Text      string
	Blocks    json.RawMessage
	Metadata  json.RawMessage
	Edits     int
}

// AlertID is the id of the alert in the metadata, empty when there is none.
func (m Message) AlertID() string {
	var meta struct {
		Payload struct {
			ID string `json:"alert"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(m.Metadata, &meta) != nil {
		return ""
	}
	return meta.Payload.ID
}

// Call is one request that was answered or not.
type Call struct {
	Method string // "chat.postMessage", or "webhook"
	Fault  Fault
	Error  string // Slack's word for why it refused; empty when it did not
}

// Server is the fake. Its methods may be called concurrently.
type Server struct {
	http    *httptest.Server
	token   string
	hook    string
	stopped chan struct{}
	hung    chan struct{}
	stop    sync.Once

	mu       sync.Mutex
	channels []channel
	messages []Message
	calls    []Call
	faults   []Fault
	plan     func(method string, call int) Fault
	revoked  []string
	every    time.Duration
	now      func() time.Time
	last     map[string]time.Time // post by channel
	posts    int
	extra    []Message // of other people
}

type channel struct {
	id, name string
	member   bool
}

// New starts a server with one token and channels by name, "#backups". The bot is a
// member of all. A webhook posts to the first.
func New(token string, names ...string) *Server {
	s := &Server{token: token, hook: "/services/T0001/B0001/wEbHoOkSeCrEt24", stopped: make(chan struct{}),
		hung: make(chan struct{}, 100), last: map[string]time.Time{}}
	for i, name := range names {
		s.channels = append(s.channels, channel{fmt.Sprintf("C%08d", i+1), strings.TrimPrefix(name, "#"), true})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/{method}", s.api)
	mux.HandleFunc("POST /services/", s.webhook)
	s.http = httptest.NewServer(mux)
	return s
}

// Close stops the server and lets go of requests that hang. It may be called twice.
func (s *Server) Close() {
	s.stop.Do(func() {
		close(s.stopped)
		s.http.CloseClientConnections()
		s.http.Close()
	})
}

// API is the address of the Web API, with a slash at its end.
func (s *Server) API() string { return s.http.URL + "/api/" }

// WebhookURL is the address of the incoming webhook.
func (s *Server) WebhookURL() string { return s.http.URL + s.hook }

// Hung has one for each request that was left without an answer.
func (s *Server) Hung() <-chan struct{} { return s.hung }

// ChannelID is the id of a channel by its name, empty when there is none.
func (s *Server) ChannelID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.channel(name); c != nil {
		return c.id
	}
	return ""
}

// Messages are all that were posted through the API or the webhook, in their order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Calls are the requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Chatter puts n messages of other people into a channel.
func (s *Server) Chatter(name string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		m := Message{Channel: s.channel(name).id, TS: s.ts(), Text: fmt.Sprintf("lunch? %d", i)}
		s.extra = append(s.extra, m)
	}
}

// Leave takes the bot out of a channel.
func (s *Server) Leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channel(name).member = false
}

// Revoke takes scopes from the token.
func (s *Server) Revoke(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = append(s.revoked, scopes...)
}

// Limit allows one post to a channel in every, by the clock now.
func (s *Server) Limit(every time.Duration, now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every, s.now = every, now
}

// channel finds a channel by id or name. s.mu is held.
func (s *Server) channel(key string) *channel {
	for i := range s.channels {
		if c := &s.channels[i]; c.id == key || c.name == strings.TrimPrefix(key, "#") {
			return c
		}
	}
	return nil
}

// ts makes the next time stamp. s.mu is held.
func (s *Server) ts() string {
	s.posts++
	return fmt.Sprintf("%d.%06d", 1_780_000_000+s.posts, s.posts)
}

// limited reports how long a channel has to wait. s.mu is held.
func (s *Server) limited(channel string) time.Duration {
	if s.every == 0 {
		return 0
	}
	now := s.now()
	if last, ok := s.last[channel]; ok && now.Before(last.Add(s.every)) {
		return last.Add(s.every).Sub(now)
	}
	s.last[channel] = now
	return 0
}

// busy answers as Slack does when it is asked too often.
func busy(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
}
