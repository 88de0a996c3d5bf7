// Package service sends alerts as plain text through any of the services of the shoutrrr
// library: Discord, Matrix, Telegram, Teams, ntfy, Gotify, Pushover and more, each given by
// its URL, which is a credential.
//
// The library does not tell its failures apart and cannot be stopped. Every failure is
// therefore tried again, and its own words are shown only where they hold no part of the URL.
// A delivery that hangs is left behind, and no other is begun while it does.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"strings"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// maxText is what the strictest of the services take in one message, with room to spare.
const maxText = 3800

// Config of a notifier.
type Config struct {
	URL string // of the service, such as discord://token@id
}

// New makes a notifier. An error says what kind of service it is and nothing more of
// the URL.
func New(c Config) (notify.Notifier, error) {
	scheme := "?"
	if u, err := url.Parse(c.URL); err == nil && u.Scheme != "" {
		scheme = u.Scheme
	}
	// The library logs answers, and addresses with them.
	sender, err := shoutrrr.NewSender(log.New(io.Discard, "", 0))
	if err != nil {
		return nil, errors.New("the library of services does not start")
	}
	located, err := sender.Locate(c.URL)
	if err != nil {
		return nil, fmt.Errorf("service %s:// is not known, or its URL is not whole", scheme)
	}
	n := &notifier{scheme: scheme, url: wire.Hide(c.URL), busy: make(chan struct{}, 1)}
	n.send = func(text string) error { return located.Send(text, &types.Params{}) }
	return n, nil
}

type notifier struct {
	scheme string
	url    wire.Secret
	send   func(text string) error
	busy   chan struct{} // holds one while a delivery goes on
}

// Send implements notify.Notifier. There are no threads, and no looking whether an alert
// arrived.
func (n *notifier) Send(ctx context.Context, m notify.Message) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wire.Timeout, fmt.Errorf("no answer within %s", wire.Timeout))
	defer cancel()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: not sent: %w", n.scheme, context.Cause(ctx))
	}
	select {
	case n.busy <- struct{}{}:
	case <-ctx.Done():
		return "", fmt.Errorf("%s: not sent: the delivery before has no answer yet: %w", n.scheme, context.Cause(ctx))
	}
	answered := make(chan error, 1)
	go func() {
		defer func() { <-n.busy }()
		answered <- n.send(render(m.Alert))
	}()
	select {
	case err := <-answered:
		if err != nil {
			return "", fmt.Errorf("%s: %w", n.scheme, n.redact(err))
		}
		return "", nil
	case <-ctx.Done():
		return "", fmt.Errorf("%s: %w: %w", n.scheme, notify.ErrUnanswered, context.Cause(ctx))
	}
}

// redact keeps an error's words only where they are harmless.
func (n *notifier) redact(err error) error {
	words := err.Error()
	if strings.Contains(words, "://") || wire.Holds(words, n.url) {
		return errors.New("the service did not take it; its words hold a part of the URL and are not shown")
	}
	return errors.New(notify.Short(words, 300))
}

// quiet breaks what would call people in one service or another: a name out of a dump
// must not.
var quiet = strings.NewReplacer("@", "@\u200b", "<!", "<\u200b!")

// render writes an alert as one message. Its links come last and are never cut.
func render(a notify.Alert) string {
	links := ""
	if a.ReportURL != "" {
		links += "\nReport: " + a.ReportURL
	}
	if a.AgainURL != "" && a.Reason != notify.Recovered {
		links += "\nDrill again: " + a.AgainURL
	}
	a.ReportURL, a.AgainURL = "", ""
	head := a.Line() + "\n\n"
	body := []rune(quiet.Replace(head + a.Text(unwrapped)))
	if room := maxText - len([]rune(links)); len(body) > room && room > 0 {
		body = append(body[:room-1], '…')
	}
	return strings.TrimRight(string(body), "\n") + "\n" + links
}

// unwrapped is a width that breaks no line: services wrap by themselves.
const unwrapped = 1 << 20
