package slack

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slack-go/slack"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// bounds of a pause that Slack asks for.
const (
	minWait     = time.Second
	defaultWait = 30 * time.Second
	maxWait     = time.Hour
)

// next says what people have to do about a refusal.
var next = map[string]string{
	"not_in_channel":                    "invite the bot to the channel: /invite @lifeboat",
	"channel_not_found":                 "check the channel; a private one is found only when the bot is in it: /invite @lifeboat",
	"is_archived":                       "unarchive the channel, or configure another one",
	"channel_is_archived":               "unarchive the channel, or configure another one",
	"invalid_auth":                      "the token is wrong: take the bot token (xoxb-) of the app's page",
	"not_authed":                        "the token is empty: take the bot token (xoxb-) of the app's page",
	"token_revoked":                     "the token was revoked: install the app again and take its new token",
	"token_expired":                     "the token is expired: install the app again and take its new token",
	"account_inactive":                  "the bot was removed: install the app again and take its new token",
	"missing_scope":                     "give the bot the scope chat:write and install the app again",
	"no_permission":                     "give the bot the scope chat:write and install the app again",
	"restricted_action":                 "the channel does not let the bot post: change its posting permissions",
	"action_prohibited":                 "the workspace forbids this: ask its owner",
	"no_service":                        "the webhook was removed: make a new one",
	"no_team":                           "the workspace is gone: make a new webhook",
	"invalid_token":                     "the webhook is wrong: copy it again from the app's page",
	"user_not_found":                    "the channel is a person who is gone: configure another one",
	"posting_to_general_channel_denied": "the webhook may not post to the general channel: make one for another channel",
}

// passing are refusals that pass by themselves. What came of the request is not known
// of those that map to true.
var passing = map[string]bool{
	"internal_error": true, "fatal_error": true, "request_timeout": true, "rollup_error": true,
	"service_unavailable": false, "team_added_to_org": false, "message_limit_exceeded": false,
}

// refusal translates Slack's word for why not.
func refusal(word string) error {
	unknown, passes := passing[word]
	switch {
	case passes && unknown:
		return fmt.Errorf("%w: %s", notify.ErrUnanswered, word)
	case passes:
		return errors.New(word)
	case word == "ratelimited" || word == "rate_limited":
		return &notify.RetryError{After: defaultWait, Err: errors.New(word)}
	}
	if step := next[word]; step != "" {
		return fmt.Errorf("%w: %s: %s", notify.ErrRefused, word, step)
	}
	return fmt.Errorf("%w: %s", notify.ErrRefused, notify.Short(word, 100))
}

// translate maps what Slack, its library or the network said onto what callers act on.
func translate(op string, err error) error {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var refused slack.SlackErrorResponse
	switch {
	case errors.As(err, &limited):
		return &notify.RetryError{After: min(max(limited.RetryAfter, minWait), maxWait), Err: fmt.Errorf("slack %s: too many requests", op)}
	case errors.As(err, &status):
		switch {
		case status.Code == http.StatusTooManyRequests, status.Code == http.StatusServiceUnavailable:
			return &notify.RetryError{After: defaultWait, Err: fmt.Errorf("slack %s: %s", op, status.Status)}
		case status.Code >= 500:
			return fmt.Errorf("slack %s: %w: %s", op, notify.ErrUnanswered, status.Status)
		}
		return fmt.Errorf("slack %s: %w: %s", op, notify.ErrRefused, status.Status)
	case errors.As(err, &refused):
		return fmt.Errorf("slack %s: %w", op, refusal(refused.Err))
	case errors.Is(err, notify.ErrUnanswered), errors.Is(err, notify.ErrRefused), wire.NotSent(err):
		return fmt.Errorf("slack %s: %w", op, err)
	}
	// An answer that is not Slack's: its text may be anything.
	return fmt.Errorf("slack %s: %w: an answer that cannot be read", op, notify.ErrUnanswered)
}
