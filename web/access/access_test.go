package access_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/history"
	"lifeboat/history/sqlite"
	"lifeboat/web/access"
	"lifeboat/web/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a guarded server over a real database.
type gate struct {
	*httptest.Server
	store *sqlite.Store
	clock *clock
}

// clock is moved by tests.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.nanos.Add(int64(d)) }

// guard serves /see to those who may view and /do to those who may operate.
func guard(t *testing.T, change func(*access.Config)) *gate {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeboat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	g := &gate{store: store, clock: &clock{}}
	g.clock.nanos.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	c := access.Config{Store: store, Now: g.clock.now}
	if change != nil {
		change(&c)
	}
	a := access.New(c)
	mux := http.NewServeMux()
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := access.From(r.Context())
		fmt.Fprintf(w, "%s|%s|%s", c.Name, c.Role, c.CSRF)
	})
	mux.Handle("/see", a.Require(history.View, tell))
	mux.Handle("/do", a.Require(history.Operate, tell))
	mux.Handle("/api/see", a.Require(history.View, tell))
	mux.Handle("/api/do", a.Require(history.Operate, tell))
	mux.Handle("POST /login", a.Login())
	mux.Handle("POST /logout", a.Logout())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "open") })
	g.Server = httptest.NewServer(a.Wrap(mux))
	t.Cleanup(g.Close)
	return g
}

// token makes a token of a role.
func (g *gate) token(t *testing.T, role history.Role) string {
	t.Helper()
	plain, token := access.NewToken("of-"+string(role), role, g.clock.now())
	if err := g.store.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return plain
}

// ask sends a request with headers in pairs, and does not follow where it is sent.
func (g *gate) ask(t *testing.T, c *http.Client, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
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

// browser keeps cookies and stays where it is sent from.
func (g *gate) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: g.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// login logs a person in and returns what forms have to carry.
func (g *gate) login(t *testing.T, c *http.Client, token string) string {
	t.Helper()
	res, body := g.ask(t, c, "POST", "/login", url.Values{"token": {token}}.Encode())
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the log-in answers %d: %s", res.StatusCode, body)
	}
	_, who := g.ask(t, c, "GET", "/see", "")
	return who[strings.LastIndex(who, "|")+1:]
}

func TestProgramsAreLetInByToken(t *testing.T) {
	g := guard(t, nil)
	view, operate := "Bearer "+g.token(t, history.View), "bearer "+g.token(t, history.Operate)
	for _, tt := range []struct {
		name, method, path, header string
		want                       int
	}{
		{"a viewer sees", "GET", "/api/see", view, 200},
		{"a viewer does nothing", "POST", "/api/do", view, 403},
		{"an operator sees", "GET", "/api/see", operate, 200},
		{"an operator acts, and needs no secret of a form", "POST", "/api/do", operate, 200},
		{"nobody", "GET", "/api/see", "", 401},
		{"another kind of credentials", "GET", "/api/see", "Basic YTpi", 401},
		{"no token at all", "GET", "/api/see", "Bearer", 401},
		{"a token that was never made", "GET", "/api/see", "Bearer lbt_" + strings.Repeat("a", 32), 401},
		{"the hash of a token", "GET", "/api/see", "Bearer " + access.Hash(strings.TrimPrefix(view, "Bearer ")), 401},
		{"a wrong token where none is needed", "GET", "/", "Bearer x", 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := g.ask(t, g.Client(), tt.method, tt.path, "", "Authorization", tt.header)
			if res.StatusCode != tt.want {
				t.Errorf("answered %d, want %d: %s", res.StatusCode, tt.want, body)
			}
			if tt.want >= 400 && res.Header.Get("Content-Type") != problem.ContentType {
				t.Errorf("the error is %s: %s", res.Header.Get("Content-Type"), body)
			}
			if tt.want == 401 && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("401 does not ask for a token: %v", res.Header)
			}
		})
	}
}

func TestARemovedTokenLetsNobodyInAnyMore(t *testing.T) {
	g := guard(t, nil)
	token, c := g.token(t, history.Operate), g.browser(t)
	g.login(t, c, token)
	if err := g.store.RemoveToken(t.Context(), "of-operate"); err != nil {
		t.Fatal(err)
	}
	if res, _ := g.ask(t, g.Client(), "GET", "/api/see", "", "Authorization", "Bearer "+token); res.StatusCode != 401 {
		t.Errorf("the token is answered %d", res.StatusCode)
	}
	if res, _ := g.ask(t, c, "GET", "/api/see", ""); res.StatusCode != 401 {
		t.Errorf("its session is answered %d", res.StatusCode)
	}
}

func TestPeopleLogInForAWorkingDay(t *testing.T) {
	g := guard(t, nil)
	token, c := g.token(t, history.View), g.browser(t)
	res, _ := g.ask(t, c, "GET", "/see?page=2", "")
	if got := res.Header.Get("Location"); res.StatusCode != 303 || got != "/login?next=%2Fsee%3Fpage%3D2" {
		t.Errorf("a stranger is answered %d and sent to %q", res.StatusCode, got)
	}
	res, _ = g.ask(t, c, "POST", "/login", url.Values{"token": {" " + token + "\n"}, "next": {"/see?page=2"}}.Encode())
	if got := res.Header.Get("Location"); res.StatusCode != 303 || got != "/see?page=2" {
		t.Errorf("after the log-in: %d to %q", res.StatusCode, got)
	}
	cookie := res.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.MaxAge != 12*3600 || cookie.Path != "/" {
		t.Errorf("the cookie is %+v", cookie)
	}
	if strings.Contains(cookie.Value, token) {
		t.Error("the cookie holds the token")
	}
	g.clock.forward(12*time.Hour - time.Second)
	if res, body := g.ask(t, c, "GET", "/see", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "of-view|view|") {
		t.Errorf("within the day it is %d: %s", res.StatusCode, body)
	}
	g.clock.forward(time.Second)
	if res, _ := g.ask(t, c, "GET", "/see", ""); res.StatusCode != 303 {
		t.Errorf("after the day it is %d", res.StatusCode)
	}
}

func TestOverTLSTheCookieIsBoundToTheHost(t *testing.T) {
	g := guard(t, func(c *access.Config) { c.Secure = true })
	res, _ := g.ask(t, g.browser(t), "POST", "/login", url.Values{"token": {g.token(t, history.View)}}.Encode())
	if c := res.Cookies()[0]; !c.Secure || c.Name != "__Host-lifeboat" || c.Domain != "" {
		t.Errorf("the cookie is %+v", c)
	}
}

func TestAfterLogOutTheCookieIsWorthNothing(t *testing.T) {
	g := guard(t, nil)
	c := g.browser(t)
	csrf := g.login(t, c, g.token(t, history.View))
	u, _ := url.Parse(g.URL)
	stolen := c.Jar.Cookies(u)[0]
	if res, _ := g.ask(t, c, "POST", "/logout", ""); res.StatusCode != 403 {
		t.Errorf("another page logs people out: %d", res.StatusCode)
	}
	if res, _ := g.ask(t, c, "POST", "/logout", url.Values{"csrf": {csrf}}.Encode()); res.StatusCode != 303 {
		t.Errorf("the log-out answers %d", res.StatusCode)
	}
	if res, _ := g.ask(t, g.Client(), "GET", "/api/see", "", "Cookie", stolen.Name+"="+stolen.Value); res.StatusCode != 401 {
		t.Errorf("the old cookie is answered %d", res.StatusCode)
	}
}

func TestAnotherPageCannotActInAPersonsName(t *testing.T) {
	g := guard(t, nil)
	c := g.browser(t)
	csrf := g.login(t, c, g.token(t, history.Operate))
	form := url.Values{"csrf": {csrf}}.Encode()
	for _, tt := range []struct {
		name, body string
		headers    []string
		want       int
	}{
		{"a form of ours", form, nil, 200},
		{"a script of ours", "", []string{"X-CSRF-Token", csrf, "Sec-Fetch-Site", "same-origin"}, 200},
		{"a form without the secret", "a=b", nil, 403},
		{"nothing at all", "", nil, 403},
		{"an empty secret", "csrf=", nil, 403},
		{"a made-up secret", "csrf=" + strings.Repeat("A", len(csrf)), nil, 403},
		{"the secret from another site", form, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"the secret from a neighbour", form, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"the secret with another origin", form, []string{"Origin", "https://evil.example"}, 403},
		{"the secret in a text", form, []string{"Content-Type", "text/plain"}, 403},
		{"a form of megabytes", "a=" + strings.Repeat("x", 1<<20) + "&" + form, nil, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if res, body := g.ask(t, c, "POST", "/do", tt.body, tt.headers...); res.StatusCode != tt.want {
				t.Errorf("answered %d, want %d: %s", res.StatusCode, tt.want, body)
			}
		})
	}
}

func TestAfterLogInPeopleStayHere(t *testing.T) {
	g := guard(t, nil)
	token := g.token(t, history.View)
	for next, want := range map[string]string{
		"": "/", "/targets/a?b=c": "/targets/a?b=c", "//evil.example": "/", "https://evil.example/": "/", `/\evil.example`: "/",
		"javascript:alert(1)": "/", "/login?next=/": "/", "/\t/evil.example": "/", "/%2f/evil": "/%2f/evil",
	} {
		res, _ := g.ask(t, g.browser(t), "POST", "/login", url.Values{"token": {token}, "next": {next}}.Encode())
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestALogInFromAnotherSiteIsRefused(t *testing.T) {
	g := guard(t, nil)
	form := url.Values{"token": {g.token(t, history.View)}}.Encode()
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if res, _ := g.ask(t, g.browser(t), "POST", "/login", form, headers...); res.StatusCode != 403 || len(res.Cookies()) > 0 {
			t.Errorf("with %v it answers %d", headers, res.StatusCode)
		}
	}
}

func TestGuessesAreSlowedDownAndHoldersOfTokensAreNot(t *testing.T) {
	g := guard(t, nil)
	good := g.token(t, history.View)
	guess := func() int {
		res, body := g.ask(t, g.browser(t), "POST", "/login", "token=lbt_"+strings.Repeat("b", 32))
		if res.StatusCode == 429 && res.Header.Get("Retry-After") == "" {
			t.Errorf("429 does not say when: %s", body)
		}
		return res.StatusCode
	}
	if res, _ := g.ask(t, g.Client(), "GET", "/api/see", "", "Authorization", "Bearer "+good); res.StatusCode != 200 {
		t.Fatalf("a good token is answered %d", res.StatusCode)
	}
	counts := make(map[int]int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			code := guess()
			mu.Lock()
			counts[code]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if counts[401] != 10 || counts[429] != 20 {
		t.Errorf("30 guesses at once are answered %v, want 10 times 401 and 20 times 429", counts)
	}
	if res, _ := g.ask(t, g.Client(), "GET", "/api/see", "", "Authorization", "Bearer lbt_x"); res.StatusCode != 429 {
		t.Errorf("a guess by header is answered %d", res.StatusCode)
	}
	for range 20 { // the same address, behind a proxy perhaps
		if res, _ := g.ask(t, g.Client(), "GET", "/api/see", "", "Authorization", "Bearer "+good); res.StatusCode != 200 {
			t.Fatalf("who holds a token is shut out: %d", res.StatusCode)
		}
	}
	g.clock.forward(6 * time.Second)
	if first, second := guess(), guess(); first != 401 || second != 429 {
		t.Errorf("after 6 s two guesses are answered %d and %d, want 401 and 429", first, second)
	}
}

func TestWithoutAccessControlOnlyThisMachinesNamesAreAnswered(t *testing.T) {
	g := guard(t, func(c *access.Config) { c.Off, c.Hosts = true, []string{"lifeboat.internal"} })
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "127.8.9.1": 200, "[::1]:8080": 200, "LOCALHOST": 200,
		"lifeboat.internal": 200, "lifeboat.internal:8080": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "192.168.1.4": 421, "0.0.0.0": 421, "127.0.0.1.evil.example": 421,
	} {
		if res, body := g.ask(t, g.Client(), "GET", "/see", "", "Host", host); res.StatusCode != want {
			t.Errorf("as %s it answers %d, want %d: %s", host, res.StatusCode, want, body)
		}
	}
	if res, body := g.ask(t, g.Client(), "POST", "/do", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "local|operate|") {
		t.Errorf("a program's request is answered %d: %s", res.StatusCode, body)
	}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://evil.example"}, {"Origin", "null"},
	} {
		if res, _ := g.ask(t, g.Client(), "POST", "/do", "", headers...); res.StatusCode != 403 {
			t.Errorf("with %v it answers %d, want 403", headers, res.StatusCode)
		}
	}
}

func TestWithoutADatabaseNobodyIsLetIn(t *testing.T) {
	g := guard(t, nil)
	token := g.token(t, history.Operate)
	c := g.browser(t)
	g.login(t, c, token)
	g.store.Close()
	if res, body := g.ask(t, g.Client(), "GET", "/api/see", "", "Authorization", "Bearer "+token); res.StatusCode != 503 {
		t.Errorf("a token is answered %d: %s", res.StatusCode, body)
	}
	if res, body := g.ask(t, c, "GET", "/see", ""); res.StatusCode != 503 {
		t.Errorf("a session is answered %d: %s", res.StatusCode, body)
	}
	if res, body := g.ask(t, g.browser(t), "POST", "/login", "token="+token); res.StatusCode != 503 || strings.Contains(body, token) {
		t.Errorf("a log-in is answered %d: %s", res.StatusCode, body)
	}
}

func TestOnlyHashesAreStored(t *testing.T) {
	g := guard(t, nil)
	plain := g.token(t, history.View)
	if !strings.HasPrefix(plain, "lbt_") || len(plain) != 36 {
		t.Errorf("a token looks like %q", plain)
	}
	tokens, err := g.store.Tokens(t.Context())
	if err != nil || len(tokens) != 1 || tokens[0].Hash != access.Hash(plain) || strings.Contains(tokens[0].Hash, plain[4:]) {
		t.Errorf("stored is %+v, %v", tokens, err)
	}
	if _, err := g.store.FindToken(t.Context(), plain, g.clock.now()); !errors.Is(err, history.ErrNotFound) {
		t.Errorf("the token itself finds %v", err)
	}
}
