// Package wire sends the requests of notifiers over HTTP and says what became of them in
// the words of package notify. It follows no redirects, keeps no connections, and lets
// no address into an error: those of webhooks are credentials.
package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"lifeboat/notify"
)

const (
	// Timeout is how long one request may take, its answer included.
	Timeout = 20 * time.Second
	// defaultWait is for receivers that are busy and do not say for how long.
	defaultWait = 30 * time.Second
	// maxWait bounds what a receiver may ask for: an alert is no good a day later.
	maxWait = time.Hour
	// maxAnswer bounds what is read of an answer, unless the client expects more.
	maxAnswer = 64 << 10
	// maxWords bounds what is quoted of an answer.
	maxWords = 200
)

// errTimeout is the cause of a request that took too long.
var errTimeout = fmt.Errorf("no answer within %s", Timeout)

// Secret is a credential that cannot be printed. It is a function because fmt prints an
// unexported field without asking the methods of its type.
type Secret func() string

// Hide makes a secret.
func Hide(value string) Secret { return func() string { return value } }

// Client sends requests. The zero value is ready to use.
type Client struct {
	// Timeout of one request; 0 means the package's.
	Timeout time.Duration
	// Answer bounds what is read of an answer, in bytes; 0 means the package's.
	Answer int64
	// Secrets are credentials and addresses that no error may hold, also where the
	// receiver repeats them in its answer.
	Secrets []Secret
}

// transport has no connection to keep: alerts are rare, and a connection that its other
// end closed meanwhile leaves open whether the alert arrived.
var transport = func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	return t
}()

var client = &http.Client{
	Transport:     transport,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Do sends a request. Its error wraps notify.ErrUnanswered when the request went out and
// no answer came, and names no address. The answer's body is whole and bounded, so that
// it cannot break off later.
func (c Client) Do(req *http.Request) (*http.Response, error) {
	limit, cause := c.Timeout, errTimeout
	if limit == 0 {
		limit = Timeout
	} else {
		cause = fmt.Errorf("no answer within %s", limit)
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), limit, cause)
	defer cancel()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) {
		if i.Err == nil {
			sent.Store(true)
		}
	}}
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err == nil {
		var body []byte
		body, err = io.ReadAll(io.LimitReader(resp.Body, cmp.Or(c.Answer, maxAnswer)))
		_ = resp.Body.Close()
		if err == nil {
			resp.Body = io.NopCloser(strings.NewReader(string(body)))
			return resp, nil
		}
	}
	err = Redact(err)
	if c := context.Cause(ctx); c != nil {
		err = c
	}
	if sent.Load() {
		return nil, fmt.Errorf("%w: %w", notify.ErrUnanswered, err)
	}
	return nil, &notSentError{err}
}

// notSentError is a request that never went out whole.
type notSentError struct{ err error }

func (e *notSentError) Error() string { return "not sent: " + e.err.Error() }
func (e *notSentError) Unwrap() error { return e.err }

// NotSent reports whether a request of Do never went out, so that it cannot have arrived.
func NotSent(err error) bool {
	var e *notSentError
	return errors.As(err, &e)
}

// Redact takes the address out of an error of net/http.
func Redact(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return errors.New("the host's name is not known to the name server")
		}
		return errors.New("the name server does not answer")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	if strings.Contains(err.Error(), "://") {
		return errors.New("the address cannot be used")
	}
	return err
}

// NewRequest makes a request. Its error does not name the address.
func NewRequest(ctx context.Context, method, address, contentType string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("%w: the address cannot be used", notify.ErrRefused)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("User-Agent", "Lifeboat")
	return req, nil
}

// Check says what a status means: nil for success, else an error of package notify with
// the receiver's own words.
func (c Client) Check(resp *http.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	err := fmt.Errorf("%s", resp.Status)
	if words := c.Words(resp); words != "" {
		err = fmt.Errorf("%s: %s", resp.Status, words)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return &notify.RetryError{After: RetryAfter(resp), Err: err}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusConflict:
		return err
	case code >= 500: // it may have acted before it failed
		return fmt.Errorf("%w: %w", notify.ErrUnanswered, err)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: %s: it redirects elsewhere, which is not followed; configure the address it leads to",
			notify.ErrRefused, resp.Status)
	}
	return fmt.Errorf("%w: %w", notify.ErrRefused, err)
}

// Words are the first of an answer, on one line; nothing where they hold a secret, an
// address, or a page.
func (c Client) Words(resp *http.Response) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	s := notify.Short(string(body), maxWords)
	if strings.HasPrefix(s, "<") || strings.Contains(s, "://") || Holds(string(body), c.Secrets...) {
		return ""
	}
	return s
}

// minPart is the length from which a part of an address is taken for a credential.
const minPart = 6

// Holds reports whether s holds a secret or, where a secret is an address, a part of it
// that may be one.
func Holds(s string, secrets ...Secret) bool {
	for _, secret := range secrets {
		for _, part := range parts(secret()) {
			if strings.Contains(s, part) {
				return true
			}
		}
	}
	return false
}

// parts of a secret that must not be seen.
func parts(secret string) []string {
	var list []string
	add := func(part string, atLeast int) {
		if len(part) >= atLeast {
			list = append(list, part)
		}
	}
	add(secret, 1)
	u, err := url.Parse(secret)
	if err != nil || u.Scheme == "" {
		return list
	}
	if u.User != nil {
		add(u.User.Username(), minPart)
		password, _ := u.User.Password()
		add(password, 1)
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		add(segment, minPart)
	}
	add(u.Opaque, minPart)
	for _, values := range u.Query() {
		for _, v := range values {
			add(v, minPart)
		}
	}
	return list
}

// RetryAfter is how long an answer asks to wait. A date is held against the answer's own.
func RetryAfter(resp *http.Response) time.Duration {
	head := strings.TrimSpace(resp.Header.Get("Retry-After"))
	wait := defaultWait
	if n, err := strconv.ParseInt(head, 10, 32); err == nil && n >= 0 {
		wait = time.Duration(n) * time.Second
	} else if until, err := http.ParseTime(head); err == nil {
		if now, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			wait = until.Sub(now)
		}
	}
	return min(max(wait, time.Second), maxWait)
}

// CheckAddress reports whether an address can be posted to, without repeating it.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("the address is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the address must begin with https:// or http://")
	}
	return nil
}
