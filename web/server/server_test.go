package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
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
	"lifeboat/web/problem"
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
	s := &site{log: &lines{}, token: plain}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hub := live.New(store, live.Options{Every: 5 * time.Millisecond, Now: time.Now, Log: log})
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

func TestHTMLInAnAddressComesBackHarmless(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	for _, path := range []string{
		"/api/v1/targets/%3Cscript%3Ealert(2)%3C%2Fscript%3E", "/api/v1/drills?state=%3Cscript%3E", "/api/%3Cscript%3E", "/badges/%3Cscript%3E.svg",
	} {
		res, body := s.get(t, path)
		if res.StatusCode < 400 || res.Header.Get("Content-Type") != problem.ContentType || strings.Contains(body, "<script") {
			t.Errorf("GET %s answers %d %s: %s", path, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

func TestPathsDoNotClimb(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	for _, path := range []string{
		"/static/../api/v1/targets", "/static/..%2f..%2fetc%2fpasswd", "/static/%2e%2e/api/v1/targets", "//api/v1/targets", "/api/v1/../../metrics",
	} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path) // as no client would send it
		b, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || strings.Contains(string(b), "orders") || strings.Contains(string(b), "root:") || strings.Contains(string(b), "lifeboat_") {
			t.Errorf("GET %s as a stranger: %v %s", path, err, b)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	s := start(t, pages(nil, nil), nil)
	big := strings.Repeat("x", 5<<20)
	if res, body := s.send(t, "POST", "/upload", big, "Authorization", "Bearer "+s.token); res.StatusCode != 413 {
		t.Errorf("5 MiB are answered %d: %s", res.StatusCode, body)
	}
	if res, body := s.send(t, "POST", "/upload", big[:3<<20], "Authorization", "Bearer "+s.token); res.StatusCode != 200 || body != fmt.Sprint(3<<20) {
		t.Errorf("3 MiB are answered %d: %s", res.StatusCode, body)
	}
}

func TestWhoNeverEndsAHeadIsCutOff(t *testing.T) {
	s := start(t, pages(nil, nil), func(c *server.Config, _ *access.Config) { c.HeaderTimeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	conn.SetReadDeadline(time.Now().Add(patience))
	if b, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection stays open: %v %s", err, b)
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
	stream, slow := ask("/api/v1/events"), ask("/slow")
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	select {
	case e := <-stream:
		if e.err != nil {
			t.Errorf("the live view ended with %v: %s", e.err, e.body)
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

// certificate writes a new certificate for localhost and returns its serial number.
func certificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pk}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(1_800_000_000+serial, 0) // file systems with coarse clocks would not tell two writes apart
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACertificateIsRenewedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	var mu sync.Mutex
	ahead := time.Duration(0)
	s := start(t, pages(nil, nil), func(c *server.Config, _ *access.Config) {
		c.Cert, c.Key = cert, key
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
	})
	serial := func() int64 {
		t.Helper()
		mu.Lock()
		ahead += time.Minute
		mu.Unlock()
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if conn.ConnectionState().Version < tls.VersionTLS12 {
			t.Errorf("TLS %x was agreed on", conn.ConnectionState().Version)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("the certificate is number %d, want 1", got)
	}
	certificate(t, cert, key, 2)
	if got := serial(); got != 2 {
		t.Errorf("after a renewal it is number %d, want 2", got)
	}
	if err := os.WriteFile(cert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 || !strings.Contains(s.log.String(), "certificate not renewed") {
		t.Errorf("with a broken file it is number %d, want 2, and a log line", got)
	}
	if _, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestABrokenCertificateKeepsTheServerFromStarting(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certificate(t, cert, key, 1)
	if err := os.WriteFile(key, []byte("SECRET KEY MATERIAL"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := server.New(server.Config{Cert: cert, Key: key, Now: time.Now, Guard: access.New(access.Config{}), Pages: http.NotFoundHandler(),
		Metrics: http.NotFoundHandler(), API: &api.API{}})
	if err == nil || strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), cert) {
		t.Errorf("New = %v, want an error that names the file and not what is in it", err)
	}
	if _, err := server.New(server.Config{Cert: cert, Key: key + ".absent", Now: time.Now, Guard: access.New(access.Config{}),
		Pages: http.NotFoundHandler(), Metrics: http.NotFoundHandler(), API: &api.API{}}); err == nil {
		t.Error("a missing key is no error")
	}
}
