package fakeslack

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// block is what the limits are about.
type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []struct {
		Type     string          `json:"type"`
		Text     json.RawMessage `json:"text"`
		URL      string          `json:"url"`
		ActionID string          `json:"action_id"`
	} `json:"elements"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// within says what is wrong with a text.
func (t *text) within(limit int) error {
	switch n := utf8.RuneCountInString(t.Text); {
	case n == 0:
		return errors.New("a text is empty")
	case n > limit:
		return fmt.Errorf("a text has %d characters, more than %d", n, limit)
	case t.Type == "mrkdwn" && (strings.Contains(t.Text, "<!") || strings.Contains(t.Text, "<@")):
		return fmt.Errorf("a text calls people: %q", t.Text)
	}
	return nil
}

// CheckBlocks holds blocks against Slack's limits, and refuses besides what Lifeboat must
// never send: a text that calls people.
func CheckBlocks(raw []byte) error {
	var blocks []block
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return err
	}
	if len(blocks) == 0 || len(blocks) > 50 {
		return fmt.Errorf("there are %d blocks", len(blocks))
	}
	for i, b := range blocks {
		if err := b.check(); err != nil {
			return fmt.Errorf("block %d (%s): %w", i, b.Type, err)
		}
	}
	return nil
}

func (b block) check() error {
	limit := 3000
	switch b.Type {
	case "header":
		limit = 150
		if b.Text == nil || b.Text.Type != "plain_text" {
			return errors.New("its text is not plain")
		}
	case "section":
		if b.Text == nil && len(b.Fields) == 0 {
			return errors.New("it is empty")
		}
	case "context", "actions":
		if n := len(b.Elements); n == 0 || b.Type == "context" && n > 10 || n > 25 {
			return fmt.Errorf("it has %d elements", n)
		}
	case "divider":
	default:
		return errors.New("it is of no known type")
	}
	if b.Text != nil {
		if err := b.Text.within(limit); err != nil {
			return err
		}
	}
	if len(b.Fields) > 10 {
		return fmt.Errorf("it has %d fields", len(b.Fields))
	}
	for _, f := range b.Fields {
		if err := f.within(2000); err != nil {
			return err
		}
	}
	for _, e := range b.Elements {
		t := text{Type: e.Type}
		limit := 3000
		if e.Type == "button" {
			limit = 75
			if err := json.Unmarshal(e.Text, &t); err != nil {
				return err
			}
			if len(e.URL) > 3000 || e.ActionID == "" {
				return errors.New("a button has a bad address or no action")
			}
		} else if err := json.Unmarshal(e.Text, &t.Text); err != nil {
			return err
		}
		if err := t.within(limit); err != nil {
			return err
		}
	}
	return nil
}
