package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/slack-go/slack"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// webhook posts through an incoming webhook.
type webhook struct {
	address wire.Secret
	client  wire.Client
}

// Send implements notify.Notifier. A webhook has no threads and cannot look, so that an
// alert whose answer never came may be there twice.
func (h *webhook) Send(ctx context.Context, m notify.Message) (string, error) {
	links := false
	body, err := json.Marshal(slack.WebhookMessage{
		Text: escape(fallback(m.Alert), maxText), Blocks: &slack.Blocks{BlockSet: blocks(m.Alert)},
		UnfurlLinks: &links, UnfurlMedia: &links,
	})
	if err != nil {
		return "", fmt.Errorf("slack webhook: %w", err)
	}
	req, err := wire.NewRequest(ctx, http.MethodPost, h.address(), "application/json", body)
	if err != nil {
		return "", fmt.Errorf("slack webhook: %w", err)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("slack webhook: %w", err)
	}
	if resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests {
		// Webhooks say why not in one word, which is worth more than the status.
		if word := strings.TrimSpace(h.client.Words(resp)); next[word] != "" {
			return "", fmt.Errorf("slack webhook: %w", refusal(word))
		} else if word != "" {
			return "", fmt.Errorf("slack webhook: %w: %s: %s", notify.ErrRefused, resp.Status, word)
		}
	}
	if err := h.client.Check(resp); err != nil {
		return "", fmt.Errorf("slack webhook: %w", err)
	}
	return "", nil
}
