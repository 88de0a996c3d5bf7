package slack

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/slack-go/slack"

	"lifeboat/notify"
)

const (
	// lookLimit is how many messages are asked for at once, lookPages how often: beyond
	// that an alert that was sent minutes ago is not looked for.
	lookLimit = 200
	lookPages = 5
	// maxPage bounds a page of messages, in bytes: an alert is some thousand, and a message
	// of anybody else's may have 40,000 characters.
	maxPage = 16 << 20
)

// look searches for an alert that may have arrived: in its thread, or in the channel. A
// bot that may not look finds nothing, which is said in the log once.
func (b *bot) look(ctx context.Context, alert string, root place, threaded bool) (place, bool, error) {
	const costs = "after an answer that never came, an alert may be posted twice"
	channel := root.channel
	if !threaded {
		id, err := b.find(ctx)
		switch {
		case mayNot(err):
			b.note(ctx, costs, err)
			return place{}, false, nil
		case err != nil:
			return place{}, false, translate("conversations.list", err)
		case id == "":
			return place{}, false, nil // the post will say that there is no such channel
		}
		channel = id
	}
	cursor := ""
	for range lookPages {
		messages, next, err := b.page(ctx, channel, root.ts, cursor, threaded)
		switch {
		case mayNot(err):
			b.note(ctx, costs, err)
			return place{}, false, nil
		case threaded && refusedAs(err, "thread_not_found", "message_not_found"):
			return place{}, false, nil
		case err != nil:
			return place{}, false, translate("conversations.history", err)
		}
		for _, m := range messages {
			if m.Metadata.EventType == eventType && m.Metadata.EventPayload["alert"] == alert {
				return place{channel, m.Timestamp}, true, nil
			}
		}
		if next == "" {
			break
		}
		cursor = next
	}
	return place{}, false, nil
}

// page reads one page of a thread or of a channel, with metadata.
func (b *bot) page(ctx context.Context, channel, ts, cursor string, threaded bool) ([]slack.Message, string, error) {
	if threaded {
		messages, _, next, err := b.api().GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: ts, Cursor: cursor, Limit: lookLimit, IncludeAllMetadata: true})
		return messages, next, err
	}
	r, err := b.api().GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
		ChannelID: channel, Cursor: cursor, Limit: lookLimit, IncludeAllMetadata: true})
	if err != nil {
		return nil, "", err
	}
	return r.Messages, r.ResponseMetaData.NextCursor, nil
}

// find returns the id of the channel, empty when it is not listed. Only names need
// to be asked for.
func (b *bot) find(ctx context.Context) (string, error) {
	if isID(b.channel) {
		return b.channel, nil
	}
	b.mu.Lock()
	id := b.id
	b.mu.Unlock()
	if id != "" {
		return id, nil
	}
	name, cursor := strings.TrimPrefix(b.channel, "#"), ""
	types := []string{"public_channel", "private_channel"}
	for range 10 * lookPages {
		list, next, err := b.api().GetConversationsContext(ctx, &slack.GetConversationsParameters{
			Cursor: cursor, Limit: lookLimit, ExcludeArchived: true, Types: types})
		if refusedAs(err, "missing_scope") && len(types) == 2 {
			types = types[:1] // a bot of public channels alone has no groups:read
			continue
		}
		if err != nil {
			return "", err
		}
		for _, c := range list {
			if c.Name == name {
				b.learn(c.ID)
				return c.ID, nil
			}
		}
		if next == "" {
			break
		}
		cursor = next
	}
	return "", nil
}

// mark writes into the first message of a problem how it stands now. The alert itself
// has arrived, so that a failure is logged and not returned: trying again would post it twice
// where the bot may not look.
func (b *bot) mark(ctx context.Context, root place, a notify.Alert) {
	const costs = "the first message of a problem does not show that it is over"
	if a.Kind == notify.Service {
		return // has no end
	}
	messages, _, _, err := b.api().GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: root.channel, Timestamp: root.ts, Limit: 1, Inclusive: true, IncludeAllMetadata: true})
	switch {
	case mayNot(err):
		b.note(ctx, costs, err)
		return
	case err == nil && (len(messages) == 0 || messages[0].Timestamp != root.ts):
		return // deleted
	case err == nil:
		err = b.rewrite(ctx, root, messages[0], a)
	}
	if err != nil {
		b.log.WarnContext(ctx, "first message of the problem not updated", slog.String("problem", a.Problem),
			slog.Any("error", translate("chat.update", err)))
	}
}

// rewrite puts a new headline onto a message and leaves the rest as it is.
func (b *bot) rewrite(ctx context.Context, root place, m slack.Message, a notify.Alert) error {
	set := m.Blocks.BlockSet
	if len(set) == 0 {
		return nil
	}
	if _, ok := set[0].(*slack.HeaderBlock); !ok {
		return nil
	}
	set[0] = headline(a)
	options := []slack.MsgOption{slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(set...)}
	if m.Metadata.EventType != "" {
		options = append(options, slack.MsgOptionMetadata(m.Metadata))
	}
	_, _, _, err := b.api().UpdateMessageContext(ctx, root.channel, root.ts, options...)
	return err
}

// mayNot reports whether the bot is not allowed to look.
func mayNot(err error) bool {
	return refusedAs(err, "missing_scope", "not_in_channel", "channel_not_found", "no_permission",
		"not_allowed_token_type", "access_denied")
}

// refusedAs reports whether Slack refused with one of these words.
func refusedAs(err error, words ...string) bool {
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) {
		return false
	}
	for _, w := range words {
		if refused.Err == w {
			return true
		}
	}
	return false
}
