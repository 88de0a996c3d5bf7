package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifeboat/internal/testkit/pgserver"
	"lifeboat/internal/testkit/s3server"
	"lifeboat/notify/notifytest"
	"lifeboat/notify/notifytest/fakeslack"
	"lifeboat/web/api"
)

// world is everything a service with secrets of every kind talks to.
type world struct {
	slack              *fakeslack.Server
	hook, closed, duty *notifytest.Receiver
	away               *notifytest.Receiver // heartbeats and bad PagerDuty; refuses, and repeats the address
	mail               *mailbox
	storage            *s3server.Server
	bucket             string
	sealed             sealed
	secrets            map[string]string // by what they are
}

// secret makes one up and remembers it.
func (w *world) secret(what string) string {
	value := "sEcReT." + strings.ReplaceAll(what, " ", ".") + "." + "4f9a"
	w.secrets[what] = value
	return value
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{secrets: map[string]string{}}
	w.slack = startSlack(t)
	w.secrets["Slack's token"] = slackToken
	w.hook, w.closed, w.duty, w.away = notifytest.NewReceiver(t), notifytest.NewReceiver(t), notifytest.NewReceiver(t), notifytest.NewReceiver(t)
	w.mail = startMailbox(t, w.secret("mail password"))
	w.storage = s3server.Start(t)
	w.bucket = w.storage.Bucket(t)
	w.secrets["key of S3"] = w.storage.SecretKey
	w.sealed = seal(t, notes(200))
	for i, s := range w.sealed.secrets {
		w.secrets[fmt.Sprintf("decryption %d", i)] = s
	}
	w.storage.Put(t, w.bucket, "good.sql", w.sealed.backup)
	w.storage.Put(t, w.bucket, "page.sql", []byte(errorPage))
	return w
}

// config is a configuration in which everything that takes a secret has one, and half of
// it is wrong.
func (w *world) config(history string) (rest, server string) {
	wrong := w.secret("wrong decryption")
	source := s3Source(w.storage, w.bucket)
	decrypt := indent(w.sealed.decrypt)
	beat := w.hook.URL + "/" + w.secret("heartbeat")
	w.closed.Answer(refuse("no such hook as " + w.secret("closed webhook")))
	w.away.Answer(refuse("wrong key " + w.secret("wrong PagerDuty key") + " or " + w.secret("refused heartbeat")))
	w.duty.Answer(func(rw http.ResponseWriter) {
		rw.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(rw, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
	})
	rest = "sources:\n  offsite:\n    kind: s3\n" + indent(source) +
		"  locked:\n    kind: s3\n" + indent(strings.Replace(source, w.storage.SecretKey, w.secret("wrong S3 key"), 1)+
		fmt.Sprintf("session_token: %q\n", w.secret("session token"))) +
		"targets:\n" +
		fmt.Sprintf("  good:\n    source: offsite\n    match: good.sql\n    heartbeat: %q\n", beat) + decrypt +
		"  wrong:\n    source: offsite\n    match: good.sql\n    notify: [hook]\n" + strings.Replace(decrypt, w.sealed.secrets[0], wrong, 1) +
		fmt.Sprintf("  bad:\n    source: offsite\n    match: page.sql\n    notify: [%s]\n    heartbeat: %q\n", allNotifiers,
			w.away.URL+"/"+w.secrets["refused heartbeat"]) +
		"  unreadable:\n    source: locked\n    match: good.sql\n    operators: [hook]\n" +
		"notifiers:\n" +
		"  slackbot: " + slackNotifier(w.slack, ", fallback: hook") + "\n" +
		"  slackwrong: " + strings.Replace(slackNotifier(w.slack, ""), slackToken, w.secret("wrong Slack token"), 1) + "\n" +
		fmt.Sprintf("  slackhook: {kind: slack, webhook_url: %q}\n", w.slack.WebhookURL()) +
		fmt.Sprintf("  slackgone: {kind: slack, webhook_url: %q}\n", w.slack.WebhookURL()+w.secret("wrong Slack webhook")) +
		fmt.Sprintf("  hook: {kind: webhook, url: %q, secret: %q}\n", w.hook.URL+"/"+w.secret("webhook"), w.secret("webhook signature")) +
		fmt.Sprintf("  hookbad: {kind: webhook, url: %q, secret: %q}\n", w.closed.URL+"/"+w.secrets["closed webhook"], w.secret("other signature")) +
		fmt.Sprintf("  hookgone: {kind: webhook, url: \"http://nobody:%s@127.0.0.1:1/%s\"}\n", w.secret("password of a webhook"), w.secret("webhook of nobody")) +
		w.mailNotifier("mail", w.mail.password) + w.mailNotifier("mailbad", w.secret("wrong mail password")) +
		fmt.Sprintf("  duty: {kind: pagerduty, routing_key: %q, endpoint: %q}\n", w.secret("PagerDuty key"), w.duty.URL+"/enqueue") +
		fmt.Sprintf("  dutybad: {kind: pagerduty, routing_key: %q, endpoint: %q}\n", w.secrets["wrong PagerDuty key"], w.away.URL+"/enqueue") +
		fmt.Sprintf("  chat: {kind: service, url: \"ntfy://nobody:%s@127.0.0.1:1/%s?scheme=http\"}\n", w.secret("password of ntfy"), w.secret("topic of ntfy"))
	server = fmt.Sprintf("access: tokens\nhistory: %q\nheartbeat: %q\noperators: [hook]\nalerts: {unverified_after: 1}\n",
		history, w.hook.URL+"/"+w.secret("heartbeat of the service"))
	return rest, server
}

const allNotifiers = "slackbot, slackwrong, slackhook, slackgone, hook, hookbad, hookgone, mail, mailbad, duty, dutybad, chat"

func (w *world) mailNotifier(name, password string) string {
	return fmt.Sprintf("  %s: {kind: email, server: %q, tls: none, username: lifeboat, password: %q, from: a@example.com, to: [b@example.com]}\n",
		name, w.mail.address, password)
}

func refuse(words string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { http.Error(w, words, http.StatusForbidden) }
}

// TestTheServiceWritesNoSecretAnywhere runs a service in which half of everything goes
// wrong, with all it has to say, on both databases, and looks for every secret in all that
// it says to anybody.
func TestTheServiceWritesNoSecretAnywhere(t *testing.T) {
	t.Parallel()
	for name, history := range map[string]func(testing.TB, *world) string{
		"SQLite": func(testing.TB, *world) string { return "lifeboat.db" },
		"PostgreSQL": func(t testing.TB, w *world) string {
			server := pgserver.Start(t)
			w.secrets["password of the history"] = server.Password
			return server.DSN(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			where := history(t, w)
			rest, server := w.config(where)
			config := writeService(t, rest, server)
			said := w.live(t, config, rest, server)
			said["the database"] = dumped(t, config, where)
			for place, text := range said {
				if len(text) < 20 {
					t.Errorf("%s says nothing: %q", place, text)
				}
				for what, secret := range w.secrets {
					for _, form := range forms(secret) {
						if i := strings.Index(text, form); i >= 0 {
							t.Errorf("%s holds the %s: ...%s", place, what, text[max(0, i-100):min(len(text), i+len(form))])
						}
					}
				}
			}
		})
	}
}

// live runs the service through good and bad, and returns all that was said, by place.
func (w *world) live(t *testing.T, config, rest, server string) map[string]string {
	c, s := startChild(t, nil, "serve", "--config", config, "--log-level", "debug")
	s.url = s.listens(t, config)
	w.secrets["token"] = newToken(t, config, "anna", "operate")
	s.token = w.secrets["token"]
	person := s.browser()
	w.secrets["session"] = person.login(t, s.token).Value
	events := s.stream(t, "/api/v1/events")

	for target, verdict := range map[string]string{"good": "passed", "wrong": "failed", "bad": "failed", "unreadable": "errored"} {
		if d := s.drill(t, target); d.Verdict != verdict {
			t.Errorf("drill of %s: %s, want %s: %s", target, d.Verdict, verdict, d.Summary)
		}
	}
	w.mistakes(t, c, s, config, rest, server)
	s.eventually(t, "every alert was tried", func() bool {
		list := ask[struct{ Deliveries []api.Delivery }](t, s, http.MethodGet, "/alerts?limit=500", "").Deliveries
		return len(list) > 20 && !slices.ContainsFunc(list, func(d api.Delivery) bool {
			nobody := d.Notifier == "hookgone" || d.Notifier == "chat" // their later alerts wait for the first one
			return d.State == "pending" && (!nobody || d.Alert.Reason == "opened" && d.Attempts == 0)
		})
	})
	rewriteService(t, config, rest, server)
	said := map[string]string{"the answers to programs": s.crawl(t), "the pages": person.crawl(t)}
	for _, args := range [][]string{
		{"check-config"}, {"doctor"}, {"doctor", "--notify"}, {"status"}, {"history", "bad"}, {"token", "list"}, {"serve"},
	} {
		if args[0] == "serve" {
			rewriteService(t, config, rest, strings.Replace(server, "access:", "listen: \""+strings.TrimPrefix(s.url, "http://")+"\"\naccess:", 1))
		}
		_, stdout, stderr := lifeboat(t, append(args, "--config", config, "--log-level", "debug")...)
		said["lifeboat "+strings.Join(args, " ")] = stdout + stderr
		if strings.Contains(stderr, "mistake") {
			t.Errorf("%v: the file is meant to be right: %s", args, stderr)
		}
	}
	c.stop(t, exitGood, s)
	said["the log"], said["the live events"] = s.said.String()+c.stdout.String(), events.String()
	w.received(t, said)
	return said
}

// mistakes are made with secrets in hand: wrong tokens, and files that cannot be used.
func (w *world) mistakes(t *testing.T, c *child, s *site, config, rest, server string) {
	t.Helper()
	stranger := s.browser()
	guess := "lbt_" + strings.Repeat("z", 32)
	w.secrets["guess at a token"] = guess
	if res, _ := stranger.open(t, "/login", url.Values{"token": {guess}}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("login with a guess: %s", res.Status)
	}
	stranger.token = guess
	if res, _ := stranger.do(t, http.MethodGet, "/api/v1/targets", ""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("API with a guess: %s", res.Status)
	}
	for i, bad := range []struct{ rest, server, want string }{
		{strings.Replace(rest, "secret_key: ", "secret_kay: ", 1), server, "secret_kay"},
		{strings.Replace(rest, "AGE-SECRET-KEY-", "", 1) + "  more: {kind: webhook, url: \"" + w.secret("address that is none") + "\"}\n", server, "notifiers.more.url"},
		{strings.Replace(rest, "kind: pagerduty, routing_key:", "kind: pagerduty, token:", 1), server, "token"},
		{rest, strings.Replace(server, "history: ", "history: \"postgres://u:"+w.secret("password of another history")+"@127.0.0.1:1/db\" #", 1), "server.history"},
		{strings.Replace(rest, "decrypt:", "decrypt: [", 1), server, ""}, // no YAML
	} {
		rewriteService(t, config, bad.rest, bad.server)
		if err := c.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		res, body := s.do(t, http.MethodPost, "/api/v1/reload", "")
		if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, bad.want) {
			t.Errorf("reload: %s, want a mistake about %q\n%s", res.Status, bad.want, body)
		}
		s.eventually(t, "the signal and the request are answered in the log", func() bool {
			return strings.Count(s.said.String(), "configuration not put in force") == 2*(i+1)
		})
		for what, secret := range w.secrets {
			if strings.Contains(body, secret) {
				t.Errorf("the answer to a reload holds the %s:\n%s", what, body)
			}
		}
	}
	s.eventually(t, "the last mistake is a condition", func() bool { return s.condition(t, "config_invalid") != "" })
}

// received adds what arrived at those who are told, without what they have to know.
func (w *world) received(t *testing.T, said map[string]string) {
	t.Helper()
	for _, m := range w.slack.Messages() {
		said["Slack"] += m.Text + string(m.Blocks) + string(m.Metadata) + "\n"
	}
	said["the webhook"] = strings.Join(w.hook.Bodies(), "\n")
	said["PagerDuty"] = strings.ReplaceAll(strings.Join(w.duty.Bodies(), "\n"), w.secrets["PagerDuty key"], "")
	said["mail"] = strings.Join(w.mail.received(), "\n")
	for place, want := range map[string]string{"Slack": "page.sql", "the webhook": "page.sql", "PagerDuty": "bad", "mail": "bad", "the log": "alert given up", "the pages": "page.sql",
		"lifeboat doctor --notify": "bad   hookbad", "lifeboat doctor": "bad   unreadable", "lifeboat status": "bad", "lifeboat serve": "already in use"} {
		if !strings.Contains(said[place], want) {
			t.Errorf("%s does not say %q; the search is wrong:\n%s", place, want, said[place])
		}
	}
	w.secrets["Slack's webhook"] = strings.TrimPrefix(w.slack.WebhookURL(), strings.TrimSuffix(w.slack.API(), "/api/"))
}

// dumped is all that a history holds, as text.
func dumped(t testing.TB, config, history string) string {
	t.Helper()
	if strings.HasPrefix(history, "postgres://") {
		programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
		if err != nil || len(programs) == 0 {
			t.Fatalf("no pg_dump: %v", err)
		}
		return string(tool(t, nil, programs[len(programs)-1], "--inserts", history))
	}
	var all strings.Builder
	files, err := filepath.Glob(strings.TrimSuffix(config, ".yaml") + ".db*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err == nil { // what is no file proves that processes live
			all.Write(content)
		}
	}
	return all.String()
}
