package server_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"lifeboat/web/access"
	"lifeboat/web/problem"
	"lifeboat/web/server"
)

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
