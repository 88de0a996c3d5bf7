package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/live"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is an API over a real database, called over HTTP.
type world struct {
	*httptest.Server
	api     *api.API
	service *webtest.Service
	store   *sqlite.Store
}

// serve starts an API for callers with a role. Its history is full.
func serve(t *testing.T, role history.Role) *world {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	service := webtest.New(t, store, noon)
	hub := live.New(store, live.Options{Every: 5 * time.Millisecond, Now: time.Now})
	a, err := api.New(api.Config{Service: service, Store: store, Hub: hub, Now: service.Now, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", a)
	mux.HandleFunc("GET /badges/{file}", a.Badge)
	mux.HandleFunc("GET /readyz", a.Ready)
	mux.HandleFunc("GET /healthz", api.Live)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := access.Caller{Name: "tester", Role: role}
		if role == "" {
			c = access.Caller{}
		}
		mux.ServeHTTP(w, r.WithContext(access.With(r.Context(), c)))
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(hub.Close)
	return &world{Server: srv, api: a, service: service, store: store}
}

// call sends a request and returns the answer and its body.
func (w *world) call(t *testing.T, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := w.Client().Do(req)
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

// get reads an answer of an operation that succeeds.
func get[T any](t *testing.T, w *world, path string) T {
	t.Helper()
	res, body := w.call(t, "GET", "/api/v1"+path, "")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s answers %d: %s", path, res.StatusCode, body)
	}
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, body)
	}
	return v
}
