package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/web/webtest"
)

// TestNamesOutOfDumpsStayWords reads every page with a parser: what a dump calls itself
// must not become an element, an attribute or an address of its own.
func TestNamesOutOfDumpsStayWords(t *testing.T) {
	s := hostile(t)
	paths := []string{"/", "/queue", "/alerts", "/coverage", "/?q=" + url.QueryEscape(webtest.HostileText),
		"/alerts?target=" + url.QueryEscape(webtest.HostileText), "/targets/" + url.PathEscape(webtest.Hostile),
		"/targets/" + url.PathEscape(webtest.Hostile) + "/artifacts", "/targets/" + webtest.Running}
	list, err := s.store.List(t.Context(), history.Filter{Limit: 200})
	check(t, err)
	for _, e := range list {
		if e.Target != webtest.Passed {
			paths = append(paths, "/drills/"+e.ID)
		}
	}
	for _, path := range paths {
		status, body := s.get(t, path)
		if status != http.StatusOK {
			t.Errorf("%s answers %d: %.500s", path, status, body)
		}
		for _, bad := range elements(t, body) {
			t.Errorf("%s holds %s", path, bad)
		}
	}
}

// steering are characters that turn the direction of a text, or begin a terminal's commands.
const steering = "\u202e\x1b"

// elements are those that no page has.
func elements(t testing.TB, page string) []string {
	t.Helper()
	var bad []string
	z := html.NewTokenizer(strings.NewReader(page))
	scripts := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return bad
		case html.TextToken:
			if s := z.Token().Data; strings.ContainsAny(s, steering) {
				bad = append(bad, "text that changes how the rest reads: "+strconv.Quote(s))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if token.Data == "script" {
				scripts++
			}
			if token.Data == "img" || token.Data == "script" && scripts > 1 {
				bad = append(bad, token.String())
			}
			for _, a := range token.Attr {
				if a.Key != "value" && strings.ContainsAny(a.Val, steering) { // a form sends a key as it is
					bad = append(bad, token.String())
				}
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") {
					bad = append(bad, token.String())
				}
			}
		}
	}
}

// hostile is a site over the history in which backups and tables choose malicious names.
func hostile(t testing.TB) *site {
	t.Helper()
	store, err := sqlite.Open(context.WithoutCancel(t.Context()), filepath.Join(t.TempDir(), "lifeboat.db"))
	check(t, err)
	t.Cleanup(func() { store.Close() })
	s := &site{store: store, service: webtest.New(t, store, now)}
	s.serve(t, true)
	return s
}
