// Package email sends alerts as mails over SMTP. It encrypts always, except to a server on
// this very machine. The mails of one problem are one conversation: each has an id that
// follows from its alert's, and refers to the first.
package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// Ways to encrypt.
const (
	STARTTLS = "starttls" // plain at first; a server that then does not encrypt is refused
	TLS      = "tls"      // from the first byte
	None     = "none"     // not at all; only to a server on this machine
)

// timeout of one mail, and of connecting to its server.
const timeout = 30 * time.Second

var errTimeout = fmt.Errorf("no answer within %s", timeout)

// Config of a notifier.
type Config struct {
	Server   string // host, or host and port; the port follows from TLS
	TLS      string // STARTTLS, TLS or None; empty means STARTTLS
	Username string // empty: the server asks for none
	Password string
	From     string
	To       []string
	RootCAs  *x509.CertPool // nil: the system's
}

// ports by the way to encrypt.
var ports = map[string]int{STARTTLS: 587, TLS: 465, None: 25}

// New makes a notifier. It asks no server.
func New(c Config) (notify.Notifier, error) {
	if c.TLS == "" {
		c.TLS = STARTTLS
	}
	port, known := ports[c.TLS]
	if !known {
		return nil, fmt.Errorf("email: tls must be %s, %s or %s, not %q", STARTTLS, TLS, None, c.TLS)
	}
	host := c.Server
	if h, p, err := net.SplitHostPort(c.Server); err == nil {
		if host, port = h, 0; p != "" {
			port, _ = strconv.Atoi(p)
		}
	}
	switch {
	case host == "" || port < 1 || port > 65535:
		return nil, fmt.Errorf("email: server must be a host, or a host and a port, not %q", c.Server)
	case c.TLS == None && !loopback(host):
		return nil, fmt.Errorf("email: tls is %s, which is for a server on this machine alone, not for %s", None, host)
	case len(c.To) == 0:
		return nil, errors.New("email: there is nobody to send to")
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("email: from is not an address: %q", c.From)
	}
	n := &notifier{
		host: host, port: port, mode: c.TLS, username: c.Username, password: wire.Hide(c.Password), from: from, roots: c.RootCAs,
	}
	n.domain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	for _, to := range c.To {
		address, err := netmail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("email: to is not an address: %q", to)
		}
		n.to = append(n.to, address)
	}
	return n, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type notifier struct {
	host     string
	port     int
	mode     string
	username string
	password wire.Secret
	from     *netmail.Address
	to       []*netmail.Address
	domain   string // of the ids
	roots    *x509.CertPool
}

// Send implements notify.Notifier. The handle of a thread is the id of its first mail. A
// mail that comes twice has the same id, by which most readers show it once.
func (n *notifier) Send(ctx context.Context, m notify.Message) (string, error) {
	msg, id, err := n.message(m)
	if err != nil {
		return "", fmt.Errorf("email: %w: %w", notify.ErrRefused, err)
	}
	if err := n.deliver(ctx, msg); err != nil {
		return "", err
	}
	if messageID.MatchString(m.Thread) {
		return m.Thread, nil
	}
	return id, nil
}

// deliver hands a mail to the server.
func (n *notifier) deliver(ctx context.Context, msg *mail.Msg) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	d := &dialer{mode: n.mode, tls: n.tls()}
	defer d.close()
	defer context.AfterFunc(ctx, d.close)() // the library asks its context only while it connects
	client, err := n.client(d)
	if err != nil {
		return fmt.Errorf("email: %w: %w", notify.ErrRefused, err)
	}
	smtp, err := client.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = client.SendWithSMTPClient(smtp, msg)
		if msg.IsDelivered() {
			_ = client.CloseWithSMTPClient(smtp)
			return nil // whatever failed afterwards
		}
	}
	return n.translate(ctx, err)
}

func (n *notifier) tls() *tls.Config {
	return &tls.Config{ServerName: n.host, RootCAs: n.roots, MinVersion: tls.VersionTLS12}
}

func (n *notifier) client(d *dialer) (*mail.Client, error) {
	policy := mail.TLSMandatory
	switch n.mode {
	case None:
		policy = mail.NoTLS
	case TLS: // the dialer encrypts; the library then finds an encrypted connection
		policy = mail.TLSOpportunistic
	}
	options := []mail.Option{
		mail.WithPort(n.port), mail.WithTimeout(timeout), mail.WithTLSConfig(n.tls()), mail.WithTLSPolicy(policy),
		mail.WithDialContextFunc(d.dial), mail.WithoutNoop(),
	}
	if n.username != "" {
		auth := mail.SMTPAuthAutoDiscover
		if n.mode == None {
			auth = mail.SMTPAuthPlainNoEnc // to this machine
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(n.username), mail.WithPassword(n.password()))
	}
	return mail.NewClient(n.host, options...)
}

// translate says what a failure means. Until the server has all of the mail, nothing can
// have arrived.
func (n *notifier) translate(ctx context.Context, err error) error {
	var se *mail.SendError
	code := 0
	unanswered := false
	if errors.As(err, &se) {
		code = se.ErrorCode()
		unanswered = se.Reason == mail.ErrSMTPDataClose && code == 0
	} else {
		code = replyCode(err)
	}
	cause := context.Cause(ctx)
	switch {
	case cause != nil && unanswered:
		return fmt.Errorf("email: %w: %w", notify.ErrUnanswered, cause)
	case cause != nil:
		return fmt.Errorf("email: not sent: %w", cause)
	}
	words := notify.Short(err.Error(), 300)
	if password := n.password(); password != "" {
		encoded := base64.StdEncoding.EncodeToString([]byte(password))
		if wire.Holds(words, n.password, wire.Hide(encoded)) {
			words = "the server repeats the password in its answer, which is therefore not shown"
		}
	}
	switch {
	case unanswered:
		return fmt.Errorf("email: %w: %s", notify.ErrUnanswered, words)
	case code >= 500 && code < 600:
		return fmt.Errorf("email: %w: %s", notify.ErrRefused, words)
	}
	return errors.New("email: " + words)
}

// replyCode finds the code of a server's answer at the end of an error's chain.
func replyCode(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if len(text) > 3 && (text[3] == ' ' || text[3] == '-') {
			if n, e := strconv.Atoi(text[:3]); e == nil && n >= 400 && n < 600 {
				return n
			}
		}
	}
	return 0
}
