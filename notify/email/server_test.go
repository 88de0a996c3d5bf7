package email_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"lifeboat/notify/email"
	"lifeboat/notify/notifytest"
)

const (
	username = "lifeboat"
	password = "mAiLsEcReT"
)

// server is an SMTP server: STARTTLS or TLS, AUTH PLAIN, and it misbehaves when asked to.
type server struct {
	listener net.Listener
	mode     string
	tls      *tls.Config
	roots    *x509.CertPool
	hung     chan struct{}
	stopped  chan struct{}
	done     sync.WaitGroup

	mu     sync.Mutex
	mails  []string
	faults []notifytest.Fault
	conns  []net.Conn
	secret bool // it repeats the password in its refusals
}

func newServer(t *testing.T, mode string) *server {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	s := &server{mode: mode, tls: &tls.Config{Certificates: web.TLS.Certificates}, roots: x509.NewCertPool(),
		hung: make(chan struct{}, 10), stopped: make(chan struct{})}
	s.roots.AddCert(web.Certificate())
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.done.Go(s.accept)
	t.Cleanup(func() {
		close(s.stopped)
		_ = s.listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.done.Wait()
	})
	return s
}

func (s *server) config() email.Config {
	return email.Config{Server: s.listener.Addr().String(), TLS: s.mode, Username: username, Password: password,
		From: "Lifeboat <lifeboat@example.com>", To: []string{"ops@example.com", "dba@example.com"}, RootCAs: s.roots}
}

func (s *server) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

func (s *server) fault(f notifytest.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		var f notifytest.Fault
		if len(s.faults) > 0 {
			f, s.faults = s.faults[0], s.faults[1:]
		}
		s.mu.Unlock()
		s.done.Go(func() {
			defer conn.Close()
			s.talk(conn, f)
		})
	}
}

// talk is one session. A client that goes away ends it.
func (s *server) talk(conn net.Conn, f notifytest.Fault) {
	encrypted := s.mode == email.TLS
	if encrypted {
		conn = tls.Server(conn, s.tls)
	}
	text := textproto.NewConn(conn)
	say := func(line string) { _ = text.PrintfLine("%s", line) }
	say("220 mail.example.com ESMTP")
	authenticated, recipients := false, 0
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail.example.com")
			if s.mode == email.STARTTLS && !encrypted {
				say("250-STARTTLS")
			}
			if encrypted || s.mode == email.None {
				say("250-AUTH PLAIN LOGIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.tls)
			text, encrypted = textproto.NewConn(conn), true
		case "AUTH":
			want := base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + password))
			authenticated = rest == "PLAIN "+want
			switch {
			case authenticated:
				say("235 welcome")
			case s.secret:
				say("535 5.7.8 no such password: " + rest + " " + password)
			default:
				say("535 5.7.8 authentication failed")
			}
		case "MAIL":
			switch {
			case !authenticated:
				say("530 5.7.0 authentication required")
			case f == notifytest.Busy:
				say("450 4.7.1 greylisted, come back later")
			case f == notifytest.Refuse:
				say("550 5.7.1 this sender is not welcome")
			case f == notifytest.Broken:
				say("451 4.3.0 disk error")
			default:
				say("250 ok")
			}
		case "RCPT":
			recipients++
			say("250 ok")
		case "DATA":
			say("354 go on")
			body, err := text.ReadDotBytes()
			if err != nil || recipients == 0 {
				return
			}
			s.mu.Lock()
			s.mails = append(s.mails, string(body))
			s.mu.Unlock()
			switch f {
			case notifytest.Lost:
				return
			case notifytest.Hang:
				s.hung <- struct{}{}
				<-s.stopped
				return
			}
			say("250 ok")
		case "RSET", "NOOP":
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}
