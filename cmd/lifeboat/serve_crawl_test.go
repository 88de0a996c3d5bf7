package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// stream keeps what an endless answer says, until the test is over.
func (s *site) stream(t testing.TB, path string) *output {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %v %v", path, res, err)
	}
	o, over := newOutput(), make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(o, res.Body)
	}()
	t.Cleanup(func() {
		cancel()
		<-over
		_ = res.Body.Close()
	})
	return o
}

// links are the addresses of this site in a page or an answer.
var links = regexp.MustCompile(`(?:href|src|action)="(/[^"#]*)`)

// crawl opens everything that can be reached from the front, as whoever b is.
func (b *browser) crawl(t testing.TB) string {
	t.Helper()
	return crawl(func(path string) string {
		_, body := b.open(t, path, nil)
		return body
	}, "/", "/nowhere", "/targets/nobody", "/drills/none")
}

// crawl opens everything that programs can.
func (s *site) crawl(t testing.TB) string {
	t.Helper()
	paths := []string{
		"/metrics", "/readyz", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/targets", "/api/v1/drills", "/api/v1/queue", "/api/v1/alerts?limit=500",
		"/api/v1/coverage", "/api/v1/conditions", "/api/v1/nowhere",
	}
	for _, d := range s.list(t, "limit=500") {
		paths = append(paths, "/api/v1/drills/"+d.ID, "/api/v1/drills/"+d.ID+"/report")
	}
	for _, target := range []string{"good", "wrong", "bad", "unreadable"} {
		paths = append(paths, "/api/v1/targets/"+target, "/api/v1/targets/"+target+"/artifacts", "/badges/"+target+".svg")
	}
	return crawl(func(path string) string {
		_, body := s.do(t, http.MethodGet, path, "")
		return body
	}, paths...)
}

func crawl(open func(path string) string, paths ...string) string {
	var all strings.Builder
	seen := map[string]bool{}
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		if seen[path] || strings.HasPrefix(path, "/live/") || path == "/logout" {
			continue
		}
		seen[path] = true
		body := open(path)
		fmt.Fprintf(&all, "%s\n%s\n", path, body)
		for _, link := range links.FindAllStringSubmatch(body, -1) {
			paths = append(paths, strings.ReplaceAll(link[1], "&amp;", "&"))
		}
	}
	return all.String()
}
