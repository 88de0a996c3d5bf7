package configs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lifeboat/internal/units"
)

// validate reports what only several values together can tell.
func (r *reader) validate(c *Config) {
	if len(c.Sources) == 0 {
		r.invalid("sources", "names no source", "")
	}
	if len(c.Targets) == 0 {
		r.invalid("targets", "names no target; without one there is nothing to prove", "")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s := c.Sources[name]
		r.source(join("sources", shownKey(name)), &s)
		c.Sources[name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(c.Notifiers)) {
		r.notifier(join("notifiers", shownKey(name)), c.Notifiers[name])
	}
	r.fallbacks("notifiers", c.Notifiers)
	r.server("server", &c.Server, c.Notifiers)
	for _, name := range slices.Sorted(maps.Keys(c.Targets)) {
		t := c.Targets[name]
		r.target(join("targets", shownKey(name)), t, c)
		if t.Poll == 0 {
			t.Poll = c.Server.Poll
		}
		c.Targets[name] = t
	}
}

func (r *reader) source(at string, s *Source) {
	if s.Kind != KindS3 {
		return
	}
	keys := r.written(at + ".access_key")
	switch {
	case keys && !r.written(at+".secret_key"):
		r.invalid(at+".secret_key", "is missing: access_key needs it", "")
	case !keys && r.written(at+".secret_key"):
		r.invalid(at+".access_key", "is missing: secret_key needs it", "")
	case !keys && r.written(at+".session_token"):
		r.invalid(at+".access_key", "is missing: session_token needs it", "")
	}
	if keys && s.Anonymous {
		r.invalid(at+".anonymous", "contradicts access_key", "")
	}
	switch scheme, host := splitEndpoint(s.Endpoint); scheme {
	case "https":
		if s.Insecure {
			r.invalid(at+".insecure", "contradicts https:// in endpoint", "")
		}
		s.Endpoint = host
	case "http":
		if r.written(at+".insecure") && !s.Insecure {
			r.invalid(at+".insecure", "contradicts http:// in endpoint", "")
		}
		s.Endpoint, s.Insecure = host, true
	}
	if s.Insecure && s.CAFile != "" {
		r.invalid(at+".ca_file", "is of no use without TLS", "")
	}
}

func (r *reader) notifier(at string, n Notifier) {
	switch n.Kind {
	case KindSlack:
		r.slack(at)
	case KindWebhook:
		r.address(at+".url", n.URL, formats["url"])
	case KindService:
		r.address(at+".url", n.URL, serviceAddress)
	case KindEmail:
		r.email(at, n)
	}
}

// address looks at one whose form follows from the kind.
func (r *reader) address(at string, url Secret, form format) {
	if r.written(at) && form.check(url.Reveal()) != nil {
		r.invalid(at, "must be "+form.what, "")
	}
}

func (r *reader) email(at string, n Notifier) {
	named, password := r.written(at+".username"), r.written(at+".password")
	switch {
	case named && !password:
		r.invalid(at+".password", "is missing: username needs it", "")
	case password && !named:
		r.invalid(at+".username", "is missing: password needs it", "")
	}
	if n.TLS == EmailPlain && n.Server != "" && !onlyHere(n.Server) {
		r.invalid(at+".tls", "is none, which is for a server on this machine alone", n.TLS)
	}
	if r.written(at+".to") && len(n.To) == 0 {
		r.invalid(at+".to", "names no receiver", "")
	}
}

func (r *reader) slack(at string) {
	token, channel, hook := r.written(at+".token"), r.written(at+".channel"), r.written(at+".webhook_url")
	if hook && token {
		r.invalid(at+".token", "is not needed with webhook_url; keep one of them", "")
	}
	if hook && channel {
		r.invalid(at+".channel", "belongs to a token; the webhook knows its channel", "")
	}
	switch {
	case hook:
	case token && !channel:
		r.invalid(at+".channel", "is missing: token needs it", "")
	case channel && !token:
		r.invalid(at+".token", "is missing: channel needs it", "")
	case !token:
		r.invalid(at+".token", "is missing: either token and channel, or webhook_url", "")
	}
}

func (r *reader) target(at string, t Target, c *Config) {
	if _, ok := c.Sources[t.Source]; !ok && len(c.Sources) > 0 && t.Source != "" {
		r.invalid(at+".source", "is no source here"+didYouMean(t.Source, slices.Sorted(maps.Keys(c.Sources))), t.Source)
	}
	if rto, limit := t.Objectives.RTO, t.Sandbox.Timeout; rto > 0 && limit > 0 && rto >= limit && !r.bad[at+".sandbox.timeout"] {
		r.invalid(at+".objectives.rto", "must be shorter than sandbox.timeout ("+units.Duration(limit)+
			"), or a slow restore is cut off before it can be called slow", units.Duration(rto))
	}
	if a := t.Decrypt.Age; a != nil && !r.written(at+".decrypt.age.identity") && !r.written(at+".decrypt.age.passphrase") {
		r.invalid(at+".decrypt.age", "must have an identity or a passphrase", "")
	}
	if p := t.Decrypt.OpenPGP; p != nil && !r.written(at+".decrypt.openpgp.key") && !r.written(at+".decrypt.openpgp.passphrase") {
		r.invalid(at+".decrypt.openpgp", "must have a key or a passphrase", "")
	}
	r.times(at, t)
	r.notified(at+".notify", t.Notify, c.Notifiers)
	r.notified(at+".operators", t.Operators, c.Notifiers)
	asked := make(map[string]bool)
	for i, check := range t.Checks {
		r.check(at+".checks["+strconv.Itoa(i)+"]", check, asked)
	}
}

func (r *reader) notified(at string, notify []string, known map[string]Notifier) {
	seen := make(map[string]bool)
	for i, name := range notify {
		one := fmt.Sprintf("%s[%d]", at, i)
		_, ok := known[name]
		switch {
		case !ok && !r.bad["notifiers"]:
			r.invalid(one, "is no notifier here"+didYouMean(name, slices.Sorted(maps.Keys(known))), name)
		case seen[name]:
			r.invalid(one, "is named twice", name)
		}
		seen[name] = true
	}
}

// check looks at one configured check; asked holds the names of queries before it.
func (r *reader) check(at string, c CheckConfig, asked map[string]bool) {
	switch {
	case c.Rows != nil:
		at += ".rows"
		min, max, exact := c.Rows.Min, c.Rows.Max, c.Rows.Exact
		switch {
		case min == nil && max == nil && exact == nil:
			r.invalid(at, "must have min, max or exact", "")
		case exact != nil && (min != nil || max != nil):
			r.invalid(at+".exact", "cannot stand beside min and max", "")
		case min != nil && max != nil && *min > *max:
			r.invalid(at+".max", fmt.Sprintf("must not be below min (%d)", *min), strconv.FormatInt(*max, 10))
		}
	case c.Query != nil:
		at += ".query"
		expect, pattern := r.written(at+".expect"), r.written(at+".pattern")
		switch {
		case !expect && !pattern:
			r.invalid(at, "must have expect or pattern", "")
		case expect && pattern:
			r.invalid(at+".pattern", "cannot stand beside expect", "")
		}
		if c.Query.Name != "" && asked[c.Query.Name] {
			r.invalid(at+".name", "is used by another query of this target", c.Query.Name)
		}
		asked[c.Query.Name] = true
	}
}
