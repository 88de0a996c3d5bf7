package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/live"
	"lifeboat/web/metrics"
	"lifeboat/web/server"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// site is a whole server on a real port.
type site struct {
	url    string
	addr   string
	log    *lines
	token  string // that may operate
	client *http.Client
	stop   func() error // ends the server and returns how it ended
	store  *sqlite.Store
}

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// pages stand for the dashboard: one panics, one tells who asks, one is slow.
func pages(began, goOn chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("kaboom") })
	mux.HandleFunc("/half", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half of it")
		w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(http.Flusher).Flush()
		panic("kaboom")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-goOn
		io.WriteString(w, "done")
	})
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, "too much", http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprint(w, n)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page of ", access.From(r.Context()).Name) })
	return mux
}

// start serves everything over a full history.
func start(t *testing.T, page http.Handler, change func(*server.Config, *access.Config)) *site {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	service := webtest.New(t, store, noon)
	plain, token := access.NewToken("ann", history.Operate, noon)
	if err := store.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	s := &site{log: &lines{}, token: plain, store: store}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hub := live.New(store, live.Options{Every: 5 * time.Millisecond, Beat: 20 * time.Millisecond, Now: time.Now, Log: log})
	a, err := api.New(api.Config{Service: service, Store: store, Hub: hub, Now: service.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ac := access.Config{Store: store, Now: service.Now, Log: log}
	c := server.Config{
		Pages: page, API: a, Hub: hub, Now: time.Now, Log: log,
		Metrics: metrics.New(metrics.Config{Service: service, Store: store, Now: service.Now}).Handler(),
	}
	if change != nil {
		change(&c, &ac)
	}
	c.Guard = access.New(ac)
	srv, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.url = "http://" + s.addr
	s.client = &http.Client{Transport: &http.Transport{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, l) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the server did not stop within %s", patience)
		}
	})
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks with the token.
func (s *site) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	return s.send(t, "GET", path, "", "Authorization", "Bearer "+s.token)
}

func (s *site) send(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func TestEverythingIsBehindOneAddress(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	for _, tt := range []struct {
		path     string
		status   int // with a token
		stranger int
		holds    string
	}{
		{"/healthz", 200, 200, "ok"},
		{"/readyz", 200, 200, "ok"},
		{"/login", 200, 200, "page of"},
		{"/static/style.css", 200, 200, "page of"},
		{"/", 200, 200, "page of ann"}, // strangers end at the log-in page
		{"/api/v1/targets", 200, 401, "orders"},
		{"/api/v1/docs", 200, 401, "<html"},
		{"/api/v1/nothing", 404, 404, "There is no such resource"},
		{"/metrics", 200, 401, "lifeboat_target_verdict"},
		{"/badges/orders.svg", 200, 401, "<svg"},
	} {
		res, body := s.get(t, tt.path)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.holds) {
			t.Errorf("GET %s answers %d: %.200s", tt.path, res.StatusCode, body)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("GET %s has %s: %q, want %q", tt.path, name, got, want)
			}
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src '") || strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s has the policy %q", tt.path, csp)
		}
		if res, body := s.send(t, "GET", tt.path, ""); res.StatusCode != tt.stranger || strings.Contains(body, "ann") {
			t.Errorf("a stranger's GET %s is answered %d: %.200s", tt.path, res.StatusCode, body)
		}
	}
}

func TestAPanicIsAnAnswerAndALogLine(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	res, body := s.get(t, "/panic?token=lbt_in_the_address")
	if res.StatusCode != 500 || strings.Contains(body, "kaboom") || !strings.Contains(body, "Its log says more") {
		t.Errorf("a panic is answered %d: %s", res.StatusCode, body)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/half", nil)
	req.Header.Set("Authorization", "Bearer "+s.token)
	if res, err := s.client.Do(req); err == nil {
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil {
			t.Errorf("half an answer looks whole: %s", b)
		}
	}
	if res, _ := s.get(t, "/"); res.StatusCode != 200 {
		t.Errorf("after a panic the server answers %d", res.StatusCode)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	if !strings.Contains(log, "request panicked") || !strings.Contains(log, "kaboom") || !strings.Contains(log, "server_test.go") {
		t.Errorf("the log does not say where: %s", log)
	}
	if strings.Contains(log, s.token) || strings.Contains(log, "lbt_in_the_address") {
		t.Errorf("the log holds a token: %s", log)
	}
}

func TestAStopEndsLiveViewsAndLetsTheRestFinish(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	s := start(t, pages(began, goOn), nil)
	type end struct {
		body string
		err  error
	}
	ask := func(path string) chan end {
		done := make(chan end, 1)
		req, _ := http.NewRequest("GET", s.url+path, nil)
		req.Header.Set("Authorization", "Bearer "+s.token)
		go func() {
			res, err := s.client.Do(req)
			if err != nil {
				done <- end{"", err}
				return
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			done <- end{string(b), err}
		}()
		return done
	}
	slow := ask("/slow")
	<-began
	req, _ := http.NewRequest("GET", s.url+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+s.token)
	view, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	stream := make(chan error, 1)
	go func() {
		defer view.Body.Close()
		_, err := io.Copy(io.Discard, view.Body)
		stream <- err
	}()
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	select {
	case err := <-stream:
		if err != nil {
			t.Errorf("the live view ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("a live view outlives the stop")
	}
	close(goOn)
	if e := <-slow; e.err != nil || e.body != "done" {
		t.Errorf("the request under way ended with %q, %v", e.body, e.err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("the server stopped with %v", err)
	}
}

func TestALiveViewOutlastsTheDeadlineOfARequest(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	await := func(word string) {
		t.Helper()
		for sc.Scan() {
			if strings.Contains(sc.Text(), word) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", word, sc.Err())
	}
	await("snapshot")
	s.send(t, "POST", "/api/v1/targets/orders/drills", "", "Authorization", "Bearer "+s.token)
	await(`"state":"queued"`)
}

func TestAStreamEndsWithTheTokenThatOpenedIt(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	plain, token := access.NewToken("bea", history.View, noon)
	if err := s.store.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+plain)
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	read := func(what string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", what, lines.Err())
	}
	read("snapshot")
	read("still here") // a token that is there may stay
	if err := s.store.RemoveToken(t.Context(), "bea"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
		}
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("the stream goes on %s after its token was removed", patience)
	}
}
