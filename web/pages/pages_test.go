package pages_test

import (
	"context"
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
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web/access"
	"lifeboat/web/api"
	"lifeboat/web/live"
	"lifeboat/web/pages"
	"lifeboat/web/server"
	"lifeboat/web/webtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is the dashboard over a real store.
type site struct {
	store   history.Store
	service *webtest.Service
	pages   *pages.Pages
	server  *httptest.Server
	guard   *access.Guard
}

// newSite serves the seeded history. Without access control everybody may operate.
func newSite(t testing.TB, off bool) *site {
	t.Helper()
	store, err := sqlite.Open(context.WithoutCancel(t.Context()), filepath.Join(t.TempDir(), "lifeboat.db"))
	check(t, err)
	t.Cleanup(func() { store.Close() })
	s := &site{store: store, service: seed(t, store)}
	s.serve(t, off)
	return s
}

func (s *site) serve(t testing.TB, off bool) {
	t.Helper()
	hub := live.New(s.store, live.Options{Every: 20 * time.Millisecond, Now: time.Now})
	t.Cleanup(hub.Close)
	var err error
	s.pages, err = pages.New(pages.Config{
		Store: s.store, Service: s.service, Hub: hub, Now: func() time.Time { return now }, Version: "v1.4.0",
	})
	check(t, err)
	s.guard = access.New(access.Config{Store: s.store, Off: off, Now: func() time.Time { return now }, Form: s.pages.LoginForm})
	programs, err := api.New(api.Config{Service: s.service, Store: s.store, Hub: hub, Now: func() time.Time { return now }})
	check(t, err)
	whole, err := server.New(server.Config{Guard: s.guard, Pages: s.pages, API: programs, Metrics: http.NotFoundHandler(), Hub: hub, Now: time.Now})
	check(t, err)
	s.server = httptest.NewServer(whole.Handler())
	t.Cleanup(s.server.Close)
	t.Cleanup(hub.Close) // first: it ends the streams the server waits for
}

// tokenOf makes a token.
func (s *site) tokenOf(t testing.TB, name string, role history.Role) string {
	t.Helper()
	plain, token := access.NewToken(name, role, now)
	check(t, s.store.AddToken(t.Context(), token))
	return plain
}

// finish ends a drill; nobody is told.
func finish(t testing.TB, store history.Store, l history.Lease, r verify.Report) {
	t.Helper()
	check(t, store.Finish(t.Context(), l, r, func(prev notify.State) history.Effects { return history.Effects{State: prev} }))
}

// get asks for a page and returns its status and text.
func (s *site) get(t testing.TB, path string) (int, string) {
	t.Helper()
	resp, err := s.server.Client().Get(s.server.URL + path)
	check(t, err)
	return resp.StatusCode, text(t, resp)
}

// text reads an answer to its end.
func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(t, err)
	return string(b)
}

func TestEveryPageAnswers(t *testing.T) {
	s := newSite(t, true)
	for path, want := range map[string]string{
		"/":                             "Needs a person",
		"/?verdict=failed":              "billing",
		"/?q=pay":                       "payroll",
		"/targets/orders":               "every day at 05:00, Europe/Berlin",
		"/targets/orders/artifacts":     "still growing",
		"/targets/billing/strip":        `"drill": "billing-20261125"`,
		"/targets/legacy-erp":           "There was no drill yet.",
		"/drills/billing-20261125":      "Rows are missing after the restore",
		"/drills/analytics-20261125":    "The first 200 of 303 are shown.",
		"/drills/drill-running-0001":    "19 of 32 tables",
		"/drills/drill-queued-0001":     "needs 40 GiB of disk",
		"/queue":                        "needs 40 GiB of disk",
		"/alerts":                       "is bad: rows are missing",
		"/alerts?state=suppressed":      "inside the maintenance window",
		"/coverage":                     "postgres/shipping/",
		"/login":                        "lifeboat token create",
		"/drills/billing-20261125.json": `"code": "rows_missing"`,
	} {
		status, body := s.get(t, path)
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d without %q:\n%.3000s", path, status, want, body)
		}
	}
}
