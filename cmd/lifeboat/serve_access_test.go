package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// browser is a person with a browser: it keeps cookies and shows each answer as it comes.
type browser struct {
	*site
	cookies map[string]*http.Cookie
}

func (s *site) browser() *browser {
	client := *s.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own := *s
	own.client, own.token = &client, ""
	return &browser{site: &own, cookies: map[string]*http.Cookie{}}
}

// open gets a page, or sends a form where there is one.
func (b *browser) open(t testing.TB, path string, form url.Values) (*http.Response, string) {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.url)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range b.cookies {
		req.AddCookie(c)
	}
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		b.cookies[c.Name] = c
	}
	return res, string(body)
}

// csrf is what a page sends along with its forms.
func (b *browser) csrf(t testing.TB, path string) string {
	t.Helper()
	_, body := b.open(t, path, nil)
	found := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("%s has no form of a person who logged in:\n%s", path, body)
	}
	return found[1]
}

// login logs in with a token and returns the session's cookie.
func (b *browser) login(t testing.TB, token string) *http.Cookie {
	t.Helper()
	res, body := b.open(t, "/login", url.Values{"token": {token}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("login: %s with cookies %v\n%s", res.Status, res.Cookies(), body)
	}
	return res.Cookies()[0]
}

func wantStatus(t testing.TB, what string, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		t.Errorf("%s: %s, want %d", what, res.Status, want)
	}
}

// TestOnlyWhoHasATokenIsLetIn goes to every door, as a stranger, as one who may look and
// as one who may drill.
func TestOnlyWhoHasATokenIsLetIn(t *testing.T) {
	t.Parallel()
	dir := backups{"t.sql": notes(3)}.write(t)
	config := writeService(t, overFolder(dir, "t: {source: s, match: t.sql}"), "access: tokens\n")
	s := serve(t, config, debugging)
	viewer, operator := newToken(t, config, "prometheus", "view"), newToken(t, config, "anna", "operate")

	stranger := s.browser()
	for path, want := range map[string]int{
		"/": 303, "/targets/t": 303, "/queue": 303, "/alerts": 303, "/coverage": 303, "/drills/x": 303, "/login": 200, "/healthz": 200, "/readyz": 200,
		"/api/v1/targets": 401, "/api/v1/docs": 401, "/metrics": 401, "/badges/t.svg": 401, "/live/fleet": 401,
	} {
		res, body := stranger.open(t, path, nil)
		wantStatus(t, "a stranger opens "+path, res, want)
		if want == 303 && !strings.HasPrefix(res.Header.Get("Location"), "/login") || want != 200 && strings.Contains(body, "t.sql") {
			t.Errorf("a stranger opens %s and is sent to %q with %s", path, res.Header.Get("Location"), body)
		}
	}
	res, body := stranger.open(t, "/login", url.Values{"token": {"lbt_" + strings.Repeat("a", 32)}})
	wantStatus(t, "a login with a wrong token", res, http.StatusUnauthorized)
	if !strings.Contains(body, "There is no such token") || len(res.Cookies()) != 0 {
		t.Errorf("a wrong token is answered with %s and cookies %v", body, res.Cookies())
	}

	looks := s.browser()
	if c := looks.login(t, viewer); !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure {
		t.Errorf("cookie = %+v, want HttpOnly and SameSite strict", c)
	}
	res, _ = looks.open(t, "/targets/t", nil)
	wantStatus(t, "one who may look opens the page", res, http.StatusOK)
	res, body = looks.open(t, "/targets/t/drills", url.Values{"csrf": {looks.csrf(t, "/")}})
	wantStatus(t, "one who may look drills", res, http.StatusForbidden)
	if !strings.Contains(body, "</html>") || !strings.Contains(body, "a token of the role operate") {
		t.Errorf("a person is refused without a page that says why: %s", body)
	}

	drills := s.browser()
	drills.login(t, operator)
	res, _ = drills.open(t, "/targets/t/drills", url.Values{})
	wantStatus(t, "a form without the session's secret", res, http.StatusForbidden)
	res, _ = drills.open(t, "/targets/t/drills", url.Values{"csrf": {looks.csrf(t, "/")}})
	wantStatus(t, "a form with the secret of another session", res, http.StatusForbidden)
	res, _ = drills.open(t, "/targets/t/drills", url.Values{"csrf": {drills.csrf(t, "/targets/t")}})
	wantStatus(t, "one who may drill drills", res, http.StatusSeeOther)

	for _, c := range []struct {
		who, token, method, path string
		want                     int
	}{
		{"a program without a token", "", http.MethodPost, "/api/v1/targets/t/drills", 401},
		{"a program that may look", viewer, http.MethodGet, "/api/v1/targets", 200},
		{"a program that may look", viewer, http.MethodGet, "/metrics", 200},
		{"a program that may look", viewer, http.MethodPost, "/api/v1/targets/t/drills", 403},
		{"a program that may look", viewer, http.MethodPost, "/api/v1/reload", 403},
		{"a program that may drill", operator, http.MethodPost, "/api/v1/targets/t/drills", 202},
		{"a program that may drill", operator, http.MethodPost, "/api/v1/reload", 200},
	} {
		s.token = c.token
		res, body := s.do(t, c.method, c.path, "")
		wantStatus(t, c.who+" asks for "+c.path, res, c.want)
		if c.want >= 400 && !strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s is answered with %s: %s", c.who, res.Header.Get("Content-Type"), body)
		}
	}
	s.token = operator
	s.eventually(t, "the record says that anna drilled", func() bool {
		list := s.list(t, "limit=1")
		return len(list) == 1 && list[0].By == "anna"
	})

	secret := drills.csrf(t, "/")
	if code, _, stderr := lifeboat(t, "token", "remove", "prometheus", "--config", config); code != exitGood {
		t.Errorf("token remove: exit %d\n%s", code, stderr)
	}
	res, _ = looks.open(t, "/", nil)
	wantStatus(t, "one whose token was removed opens the page", res, http.StatusSeeOther)
	res, _ = drills.open(t, "/logout", url.Values{"csrf": {secret}})
	wantStatus(t, "log out", res, http.StatusSeeOther)

	files, err := filepath.Glob(strings.TrimSuffix(config, ".yaml") + ".db*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no database: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // the folder with signs of life
		}
		for _, token := range []string{viewer, operator} {
			if strings.Contains(string(content), token) || strings.Contains(s.said.String(), token) {
				t.Errorf("%s or the log holds a token", file)
			}
		}
	}
}

// TestThePageSpeaksTLS has a certificate that somebody made for themselves.
func TestThePageSpeaksTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	tool(t, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
		"-subj", "/CN=lifeboat", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert)
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("certificate: %v", err)
	}
	config := writeService(t, overFolder(backups{"t.sql": notes(3)}.write(t), "t: {source: s, match: t.sql}"),
		"access: tokens\ntls: {cert: \""+cert+"\", key: \""+key+"\"}\n")
	s := serve(t, config, nil)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	token := newToken(t, config, "anna", "operate")

	b := s.browser()
	if c := b.login(t, token); !c.Secure || c.Name != "__Host-lifeboat" {
		t.Errorf("cookie = %+v, want one that never travels without TLS", c)
	}
	b.csrf(t, "/")
	c := start(t, []string{tokenVariable + "=" + token, "SSL_CERT_FILE=" + cert}, "drill", "t", "--server", s.url)
	if code := c.end(t); code != exitGood || !strings.Contains(c.stdout.String(), "t: passed") {
		t.Errorf("drill --server over TLS: exit %d\n%s%v", code, c.stdout, c.seen)
	}
	code, _, stderr := lifeboat(t, "drill", "t", "--server", s.url)
	if code != exitErrored || !strings.Contains(stderr, "certificate") {
		t.Errorf("drill --server that does not trust the certificate: exit %d\n%s", code, stderr)
	}
}
