// Package slack tells people in Slack. With a bot token the alerts of one problem are one
// thread whose first message shows how the problem stands, and an alert that may have
// arrived is looked up by its id before it is posted again. With an incoming webhook each
// alert is a message of its own: webhooks cannot reply, and cannot look.
//
// The bot needs the scope chat:write. With channels:history (groups:history for private
// channels) it can look up and mark first messages; with channels:read (groups:read) it
// finds a channel that is configured by its name.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/slack-go/slack"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// eventType of the metadata by which alerts are found again.
const eventType = "lifeboat_alert"

// Config of a notifier: a token and a channel, or the address of a webhook.
type Config struct {
	Token      string // bot token
	Channel    string // id or name
	WebhookURL string
	API        string // address of the Web API; empty for Slack's
	Log        *slog.Logger
}

// New makes a notifier. It asks nobody whether token or address are right.
func New(c Config) (notify.Notifier, error) {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.WebhookURL != "" && c.Token != "":
		return nil, errors.New("slack needs either a token or a webhook, not both")
	case c.WebhookURL != "":
		if err := wire.CheckAddress(c.WebhookURL); err != nil {
			return nil, fmt.Errorf("webhook of slack: %w", err)
		}
		address := wire.Hide(c.WebhookURL)
		return &webhook{address: address, client: wire.Client{Secrets: []wire.Secret{address}}}, nil
	case c.Token == "" || c.Channel == "":
		return nil, errors.New("slack needs a token and a channel, or a webhook")
	}
	api := c.API
	if api == "" {
		api = slack.APIURL
	}
	if err := wire.CheckAddress(api); err != nil {
		return nil, fmt.Errorf("api of slack: %w", err)
	}
	n := &bot{channel: c.Channel, log: log}
	client := slack.New(c.Token, slack.OptionHTTPClient(wire.Client{Answer: maxPage}),
		slack.OptionAPIURL(strings.TrimSuffix(api, "/")+"/"))
	n.api = func() *slack.Client { return client } // a function, because fmt would print the client's token
	return n, nil
}

// bot posts with a token.
type bot struct {
	api     func() *slack.Client
	channel string // as configured
	log     *slog.Logger

	mu    sync.Mutex
	id    string          // of the channel, once known
	noted map[string]bool // scopes whose lack was logged
}

// place is a message in a channel; as text it is the handle of a thread.
type place struct{ channel, ts string }

func (p place) String() string { return p.channel + ":" + p.ts }

// placed reads a handle. One that is not its own is none.
func placed(handle string) (place, bool) {
	channel, ts, ok := strings.Cut(handle, ":")
	return place{channel, ts}, ok && channel != "" && ts != ""
}

// Send implements notify.Notifier.
func (b *bot) Send(ctx context.Context, m notify.Message) (string, error) {
	root, threaded := placed(m.Thread)
	if threaded && isID(b.channel) && root.channel != b.channel {
		threaded = false // another channel is configured since
	}
	if m.Again {
		at, found, err := b.look(ctx, m.Alert.ID, root, threaded)
		switch {
		case err != nil:
			return "", fmt.Errorf("look whether the alert arrived: %w: %w", notify.ErrUnanswered, err)
		case found && threaded:
			b.mark(ctx, root, m.Alert)
			return m.Thread, nil
		case found:
			return at.String(), nil
		}
	}
	at, err := b.post(ctx, m.Alert, root, threaded)
	if err != nil {
		return "", err
	}
	if threaded && at == root {
		b.mark(ctx, root, m.Alert)
		return m.Thread, nil
	}
	return at.String(), nil
}

// post posts an alert, into its thread where there is one, and returns the thread's first
// message. A thread that was deleted is begun anew.
func (b *bot) post(ctx context.Context, a notify.Alert, root place, threaded bool) (place, error) {
	channel := b.channel
	options := []slack.MsgOption{
		slack.MsgOptionText(escape(fallback(a), maxText), false),
		slack.MsgOptionBlocks(blocks(a)...),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{
			"alert": a.ID, "problem": a.Problem, "kind": string(a.Kind), "reason": string(a.Reason),
		}}),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	replies := options
	if threaded {
		channel = root.channel
		replies = append(replies, slack.MsgOptionTS(root.ts))
		if broadcast(a) {
			replies = append(replies, slack.MsgOptionBroadcast())
		}
	}
	id, ts, err := b.api().PostMessageContext(ctx, channel, replies...)
	if threaded && refusedAs(err, "thread_not_found", "message_not_found") {
		id, ts, err = b.api().PostMessageContext(ctx, b.channel, options...)
		threaded = false
	}
	if err == nil && ts == "" {
		err = errors.New("no time stamp")
	}
	if err != nil {
		return place{}, translate("chat.postMessage", err)
	}
	b.learn(id)
	if !threaded {
		return place{id, ts}, nil
	}
	return root, nil
}

// broadcast reports whether a reply is shown in the channel as well.
func broadcast(a notify.Alert) bool {
	switch a.Reason {
	case notify.Repeated, notify.Worse, notify.Different, notify.Recovered:
		return true
	}
	return a.Kind == notify.Service
}

// channelID is how Slack names a channel to programs.
var channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{8,}$`)

func isID(channel string) bool { return channelID.MatchString(channel) }

// learn remembers the id of the channel.
func (b *bot) learn(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.id = id
}

// note logs once that a scope is missing, and what that costs.
func (b *bot) note(ctx context.Context, costs string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.noted[costs] {
		return
	}
	if b.noted == nil {
		b.noted = make(map[string]bool)
	}
	b.noted[costs] = true
	b.log.WarnContext(ctx, "slack lets the bot post and not look: give it channels:history and channels:read, and invite it",
		slog.String("costs", costs), slog.Any("error", translate("look", err)))
}
