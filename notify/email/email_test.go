package email_test

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/notify"
	"lifeboat/notify/email"
	"lifeboat/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func notifier(t *testing.T, c email.Config) notify.Notifier {
	t.Helper()
	n, err := email.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEmailKeepsTheContract(t *testing.T) {
	for _, mode := range []string{email.STARTTLS, email.TLS, email.None} {
		t.Run(mode, func(t *testing.T) {
			notifytest.Run(t, func(t *testing.T) notifytest.Fixture {
				s := newServer(t, mode)
				read := func() []string {
					var list []string
					for _, raw := range s.received() {
						list = append(list, open(t, raw).text)
					}
					return list
				}
				return notifytest.Fixture{
					Notifier: notifier(t, s.config()), Received: read, Fault: s.fault, Hung: s.hung, Threads: true,
					Secrets: []string{password},
				}
			})
		})
	}
}

// letter is a mail taken apart.
type letter struct {
	header     mail.Header
	text, html string
}

func open(t *testing.T, raw string) letter {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{header: msg.Header}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			r = quotedprintable.NewReader(part)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.html = string(body)
		} else {
			l.text = strings.ReplaceAll(string(body), "\r\n", "\n")
		}
	}
}

func TestMailsAreThoseOfTheGoldenFiles(t *testing.T) {
	s := newServer(t, email.STARTTLS)
	n := notifier(t, s.config())
	for i, sample := range notifytest.Samples() {
		if _, err := n.Send(t.Context(), notify.Message{Alert: sample.Alert}); err != nil {
			t.Fatal(err)
		}
		l := open(t, s.received()[i])
		subject, err := (&mime.WordDecoder{}).DecodeHeader(l.header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		testkit.Golden(t, sample.Name+".html", "<!-- "+subject+" -->\n"+strings.ReplaceAll(l.html, "\r\n", "\n"))
		if want := sample.Alert.Text(0); strings.TrimSpace(l.text) != strings.TrimSpace(want) {
			t.Errorf("%s reads\n%s\nwant\n%s", sample.Name, l.text, want)
		}
	}
}

func TestTheMailsOfAProblemAreOneConversation(t *testing.T) {
	s := newServer(t, email.TLS)
	n := notifier(t, s.config())
	thread := ""
	for i, sample := range notifytest.Samples()[:3] {
		handle, err := n.Send(t.Context(), notify.Message{Alert: sample.Alert, Thread: thread})
		if err != nil {
			t.Fatal(err)
		}
		h := open(t, s.received()[i]).header
		if want := "<" + sample.Alert.ID + "@example.com>"; h.Get("Message-Id") != want {
			t.Errorf("mail %d has the id %q, want %q", i, h.Get("Message-Id"), want)
		}
		if h.Get("In-Reply-To") != thread || h.Get("References") != thread {
			t.Errorf("mail %d answers %q, want %q", i, h.Get("In-Reply-To"), thread)
		}
		if to := h.Get("To"); !strings.Contains(to, "ops@example.com") || !strings.Contains(to, "dba@example.com") {
			t.Errorf("mail %d goes to %q", i, to)
		}
		thread = handle
	}
	if _, err := n.Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert, Thread: "C1:2\r\nBcc: x@example.com"}); err != nil {
		t.Fatal(err)
	}
	if h := open(t, s.received()[3]).header; h.Get("In-Reply-To") != "" || h.Get("Bcc") != "" {
		t.Errorf("the handle of another kind became %v", h)
	}
}

func TestHostileTextsAddNoHeadersAndNoMarkup(t *testing.T) {
	s := newServer(t, email.STARTTLS)
	if _, err := notifier(t, s.config()).Send(t.Context(), notify.Message{Alert: notifytest.Hostile()}); err != nil {
		t.Fatal(err)
	}
	l := open(t, s.received()[0])
	if l.header.Get("Bcc") != "" {
		t.Error("a text became a header")
	}
	if strings.Contains(l.html, "<script") {
		t.Error("a text became markup")
	}
}

func TestAServerThatDoesNotEncryptGetsNoPassword(t *testing.T) {
	s := newServer(t, email.None)
	c := s.config()
	c.TLS = email.STARTTLS
	_, err := notifier(t, c).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
	if err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(s.received()) != 0 {
		t.Errorf("got %v and %d mails, want a refusal to go on", err, len(s.received()))
	}
}

func TestACertificateOfNobodyIsNotTrusted(t *testing.T) {
	for _, mode := range []string{email.STARTTLS, email.TLS} {
		s := newServer(t, mode)
		c := s.config()
		c.RootCAs = nil
		_, err := notifier(t, c).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
		if err == nil || !strings.Contains(err.Error(), "certificate") || len(s.received()) != 0 {
			t.Errorf("%s: got %v and %d mails", mode, err, len(s.received()))
		}
	}
}

func TestAWrongPasswordIsRefusedAndNotRepeated(t *testing.T) {
	s := newServer(t, email.STARTTLS)
	s.secret = true
	c := s.config()
	c.Password = "wRoNgPaSsWoRd"
	for _, config := range []email.Config{c, func() email.Config { c := s.config(); c.Username = "nobody"; return c }()} {
		_, err := notifier(t, config).Send(t.Context(), notify.Message{Alert: notifytest.Samples()[0].Alert})
		if !errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), config.Password) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := email.Config{Server: "mail.example.com", From: "a@example.com", To: []string{"b@example.com"}}
	notifier(t, good)
	for name, change := range map[string]func(*email.Config){
		"no server":              func(c *email.Config) { c.Server = "" },
		"a port of letters":      func(c *email.Config) { c.Server = "mail.example.com:smtp!" },
		"unknown encryption":     func(c *email.Config) { c.TLS = "maybe" },
		"none to another host":   func(c *email.Config) { c.TLS = email.None },
		"nobody to send to":      func(c *email.Config) { c.To = nil },
		"no address to send to":  func(c *email.Config) { c.To = []string{"ops"} },
		"no address to send for": func(c *email.Config) { c.From = "Lifeboat" },
	} {
		c := good
		change(&c)
		if _, err := email.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
