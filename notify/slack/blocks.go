package slack

import (
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"lifeboat/notify"
	"lifeboat/verify"
)

// Slack's limits, in characters.
const (
	maxText   = 3000
	maxHeader = 150
	maxField  = 2000
	maxFields = 10
	maxURL    = 3000
)

// escaped are the characters that mean something in Slack's texts: with them, what
// stands in a dump could call a whole channel.
var escaped = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// escape makes s a text that is only read, of at most limit characters.
func escape(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range notify.Short(s, limit) {
		part := escaped[r]
		if part == "" {
			part = string(r)
		}
		size := utf8.RuneCountInString(part)
		if n+size > limit-1 {
			return b.String() + "…"
		}
		b.WriteString(part)
		n += size
	}
	return b.String()
}

// markdown is a text whose names and addresses Slack does not turn into links.
func markdown(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, s, false, true)
}

// labelled is a fact with its label in bold.
func labelled(label, value string, limit int) *slack.TextBlockObject {
	return markdown("*" + label + "*\n" + escape(value, limit-len(label)-3))
}

// fallback is the text of notifications.
func fallback(a notify.Alert) string {
	if a.Reason == notify.Notice || a.Kind == notify.Service {
		return a.Title
	}
	return a.Headline() + " (" + a.State() + "). " + a.Title
}

// sign is how grave it is, as a color that is seen from afar.
func sign(a notify.Alert) string {
	switch {
	case a.Kind == notify.Test:
		return ":bell:"
	case a.Reason == notify.Recovered:
		return ":large_green_circle:"
	case a.Kind == notify.Digest && a.Verdict == verify.Passed:
		return ":large_green_circle:"
	case a.Verdict == verify.Failed && a.Reason != notify.Contradicted, a.Kind == notify.Digest && a.Verdict == verify.Failed:
		return ":red_circle:"
	case a.Reason == notify.Contradicted:
		return ":large_orange_circle:"
	}
	return ":large_yellow_circle:"
}

// headline is the first block of a message.
func headline(a notify.Alert) *slack.HeaderBlock {
	text := sign(a) + " " + a.Headline()
	if s := a.State(); s != "" && a.Reason != notify.Opened {
		text += " (" + s + ")"
	}
	return slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, notify.Short(text, maxHeader), true, false))
}

// wide are the facts that need a line of their own.
var wide = map[string]bool{
	"Detail": true, "Backup": true, "Last proven good": true,
	"Not proven": true, "Proven": true, "Covered by no target": true,
}

// blocks is a message that somebody can act on at night: what is wrong, in what backup,
// since when, what to restore from instead, and what to do.
func blocks(a notify.Alert) []slack.Block {
	set := []slack.Block{headline(a), slack.NewSectionBlock(markdown(escape(a.Title, maxText)), nil, nil)}
	var fields []*slack.TextBlockObject
	flush := func() {
		if len(fields) > 0 {
			set = append(set, slack.NewSectionBlock(nil, fields, nil))
			fields = nil
		}
	}
	for _, f := range a.Facts() {
		if wide[f.Label] {
			flush()
			set = append(set, slack.NewSectionBlock(labelled(f.Label, f.Value, maxText), nil, nil))
			continue
		}
		if len(fields) == maxFields {
			flush()
		}
		fields = append(fields, labelled(f.Label, f.Value, maxField))
	}
	flush()
	if a.Hint != "" {
		set = append(set, slack.NewSectionBlock(labelled("What to do", a.Hint, maxText), nil, nil))
	}
	if buttons := buttons(a); len(buttons) > 0 {
		set = append(set, slack.NewActionBlock("", buttons...))
	}
	return append(set, slack.NewContextBlock("", markdown("Lifeboat, alert "+escape(a.ID, maxHeader))))
}

// buttons are links: Slack asks nobody when one is pressed.
func buttons(a notify.Alert) []slack.BlockElement {
	var list []slack.BlockElement
	add := func(action, label, address string) {
		if address == "" || len(address) > maxURL {
			return
		}
		b := slack.NewButtonBlockElement(action, "", slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
		b.URL = address
		list = append(list, b)
	}
	add("open_report", "Open report", a.ReportURL)
	if a.Reason != notify.Recovered {
		add("drill_again", "Drill again", a.AgainURL)
	}
	return list
}
