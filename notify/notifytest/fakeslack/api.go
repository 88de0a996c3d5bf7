package fakeslack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// scopes of the methods.
var scopes = map[string]string{
	"chat.postMessage": ScopeWrite, "chat.update": ScopeWrite, "auth.test": "",
	"conversations.history": ScopeHistory, "conversations.replies": ScopeHistory, "conversations.list": ScopeList,
}

// object is a JSON object.
type object map[string]any

// api answers one method of the Web API.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	method := r.PathValue("method")
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	refuse := func(word string) {
		body := object{"ok": false, "error": word}
		if word == "missing_scope" {
			body["needed"], body["provided"] = scopes[method], ScopeWrite
		}
		reply(w, body)
	}
	s.serve(w, r, method, func() (func(), string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if word := s.allowed(r, method); word != "" {
			return nil, word
		}
		if method == "chat.postMessage" {
			c := s.channel(r.Form.Get("channel"))
			if c != nil && c.member {
				if wait := s.limited(c.id); wait > 0 {
					return func() { busy(w, wait) }, "ratelimited"
				}
			}
		}
		body, word := s.do(r, method)
		if word != "" {
			return nil, word
		}
		return func() { reply(w, body) }, ""
	}, refuse)
}

// allowed checks token and scope.
func (s *Server) allowed(r *http.Request, method string) string {
	token := r.Form.Get("token")
	if head := r.Header.Get("Authorization"); head != "" {
		token = strings.TrimPrefix(head, "Bearer ")
	}
	scope, known := scopes[method]
	switch {
	case !known:
		return "unknown_method"
	case token == "":
		return "not_authed"
	case token != s.token:
		return "invalid_auth"
	case slices.Contains(s.revoked, scope):
		return "missing_scope"
	}
	return ""
}

// do does what a method says. A refusal has no body.
func (s *Server) do(r *http.Request, method string) (object, string) {
	f := r.Form
	switch method {
	case "auth.test":
		return object{"ok": true, "team": "Acme", "user": "lifeboat", "bot_id": "B0001"}, ""
	case "chat.postMessage":
		return s.post(r)
	case "chat.update":
		return s.update(r)
	case "conversations.list":
		var list []object
		for _, c := range s.channels {
			list = append(list, object{"id": c.id, "name": c.name, "is_channel": true, "is_member": c.member})
		}
		return s.page(f.Get("cursor"), f.Get("limit"), list, "channels")
	}
	c, word := s.readable(f.Get("channel"))
	if word != "" {
		return nil, word
	}
	root := f.Get("ts")
	var list []object
	for _, m := range append(slices.Clone(s.messages), s.extra...) {
		inThread := m.TS == root || m.Thread == root
		if m.Channel != c.id || method == "conversations.replies" && !inThread ||
			method == "conversations.history" && m.Thread != "" && !m.Broadcast {
			continue
		}
		list = append(list, m.json(f.Get("include_all_metadata") == "1"))
	}
	slices.SortFunc(list, func(a, b object) int { return strings.Compare(a["ts"].(string), b["ts"].(string)) })
	if method == "conversations.history" {
		slices.Reverse(list)
	} else if len(list) == 0 {
		return nil, "thread_not_found"
	}
	return s.page(f.Get("cursor"), f.Get("limit"), list, "messages")
}

// readable finds a channel by its id: names are not taken here.
func (s *Server) readable(id string) (*channel, string) {
	c := s.channel(id)
	switch {
	case c == nil || c.id != id:
		return nil, "channel_not_found"
	case !c.member:
		return nil, "not_in_channel"
	}
	return c, ""
}

// page cuts a list as Slack does.
func (s *Server) page(cursor, limit string, list []object, name string) (object, string) {
	from, _ := strconv.Atoi(cursor)
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 || n > 999 {
		n = 100
	}
	from = min(from, len(list))
	to := min(from+n, len(list))
	body := object{"ok": true, name: list[from:to], "has_more": to < len(list)}
	if to < len(list) {
		body["response_metadata"] = object{"next_cursor": strconv.Itoa(to)}
	}
	return body, ""
}

// post stores a message.
func (s *Server) post(r *http.Request) (object, string) {
	f := r.Form
	c := s.channel(f.Get("channel"))
	switch {
	case c == nil:
		return nil, "channel_not_found"
	case !c.member:
		return nil, "not_in_channel"
	}
	m := Message{Channel: c.id, Thread: f.Get("thread_ts"), Broadcast: f.Get("reply_broadcast") == "true", Text: f.Get("text")}
	if word := m.fill(f.Get("blocks"), f.Get("metadata")); word != "" {
		return nil, word
	}
	if m.Thread != "" && s.find(c.id, m.Thread) == nil {
		return nil, "thread_not_found"
	}
	m.TS = s.ts()
	s.messages = append(s.messages, m)
	return object{"ok": true, "channel": c.id, "ts": m.TS, "message": m.json(false)}, ""
}

// update changes a message. What is not given stays.
func (s *Server) update(r *http.Request) (object, string) {
	f := r.Form
	if c := s.channel(f.Get("channel")); c == nil || c.id != f.Get("channel") {
		return nil, "channel_not_found"
	}
	m := s.find(f.Get("channel"), f.Get("ts"))
	if m == nil {
		return nil, "message_not_found"
	}
	changed := *m
	if f.Has("text") {
		changed.Text = f.Get("text")
	}
	if word := changed.fill(f.Get("blocks"), f.Get("metadata")); word != "" {
		return nil, word
	}
	changed.Edits++
	*m = changed
	return object{"ok": true, "channel": m.Channel, "ts": m.TS, "text": m.Text, "message": m.json(false)}, ""
}

// find returns a message. s.mu is held.
func (s *Server) find(channel, ts string) *Message {
	for i := range s.messages {
		if m := &s.messages[i]; m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

// fill takes blocks and metadata, or says what is wrong with them.
func (m *Message) fill(blocks, metadata string) string {
	if blocks != "" {
		if why := CheckBlocks([]byte(blocks)); why != nil {
			return "invalid_blocks"
		}
		m.Blocks = json.RawMessage(blocks)
	}
	if metadata != "" {
		var meta struct {
			Type    string          `json:"event_type"`
			Payload json.RawMessage `json:"event_payload"`
		}
		if json.Unmarshal([]byte(metadata), &meta) != nil || meta.Type == "" || len(meta.Payload) == 0 {
			return "invalid_metadata_format"
		}
		m.Metadata = json.RawMessage(metadata)
	}
	switch {
	case m.Text == "" && m.Blocks == nil:
		return "no_text"
	case len([]rune(m.Text)) > 40_000:
		return "msg_too_long"
	}
	return ""
}

// json is how the API shows a message.
func (m Message) json(metadata bool) object {
	o := object{"type": "message", "ts": m.TS, "text": m.Text, "bot_id": "B0001"}
	if m.Thread != "" {
		o["thread_ts"] = m.Thread
	}
	if m.Broadcast {
		o["subtype"] = "thread_broadcast"
	}
	if m.Blocks != nil {
		o["blocks"] = m.Blocks
	}
	if metadata && m.Metadata != nil {
		o["metadata"] = m.Metadata
	}
	return o
}

// reply writes an answer of the Web API, which has status 200 whatever it says.
func reply(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

// webhook answers as an incoming webhook: in plain words and with statuses.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	statuses := map[string]int{"no_service": 404, "channel_not_found": 404, "channel_is_archived": 410, "action_prohibited": 403}
	refuse := func(word string) {
		status := statuses[word]
		if status == 0 {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, word)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.serve(w, r, "webhook", func() (func(), string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.URL.Path != s.hook {
			return nil, "no_service"
		}
		var p struct {
			Text   string          `json:"text"`
			Blocks json.RawMessage `json:"blocks"`
		}
		if json.Unmarshal(body, &p) != nil {
			return nil, "invalid_payload"
		}
		m := Message{Channel: s.channels[0].id, Text: p.Text}
		if word := m.fill(string(p.Blocks), ""); word != "" {
			return nil, word
		}
		if wait := s.limited(m.Channel); wait > 0 {
			return func() { busy(w, wait) }, "ratelimited"
		}
		m.TS = s.ts()
		s.messages = append(s.messages, m)
		return func() { _, _ = fmt.Fprint(w, "ok") }, ""
	}, refuse)
}
