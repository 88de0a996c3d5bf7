package access

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/web/problem"
)

// Config is how access is guarded.
type Config struct {
	Store  history.Access
	Off    bool     // everybody may operate; for listening on loopback only
	Hosts  []string // names besides those of loopback by which it may be called when Off
	Secure bool     // people reach it over TLS: cookies never travel without
	Now    func() time.Time
	Log    *slog.Logger
	// Form writes the log-in page with a status and what was wrong. Plain words are sent where it is nil.
	Form func(w http.ResponseWriter, r *http.Request, status int, wrong string)
	// Page writes a page that says why a person is refused. Plain words are sent where it is nil.
	Page func(w http.ResponseWriter, r *http.Request, status int, words string)
}

// Guard stands before all handlers.
type Guard struct {
	Config
	cross *http.CrossOriginProtection
	limit limiter
}

// New returns a guard.
func New(c Config) *Guard {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{Config: c, cross: http.NewCrossOriginProtection()}
}

// formMax bounds the forms whose token is looked at.
const formMax = 64 << 10

// Wrap finds out who calls and refuses requests that another web page makes in their
// name. It lets strangers pass: Require does not.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, refused := g.caller(r)
		if refused != nil {
			if refused.wait > 0 {
				problem.RetryAfter(w, refused.wait)
			}
			if refused.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="lifeboat", error="invalid_token"`)
			}
			g.refuse(w, r, refused.status, refused.words)
			return
		}
		ctx := With(r.Context(), c)
		if again := g.again(r); again != nil {
			ctx = context.WithValue(ctx, stillKey{}, again)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// again looks a second time for what let the sender of r in, nil where nothing did.
func (g *Guard) again(r *http.Request) func(context.Context) error {
	if g.Off {
		return nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		_, plain, _ := strings.Cut(header, " ")
		return func(ctx context.Context) error {
			_, err := g.Store.FindToken(ctx, Hash(strings.TrimSpace(plain)), g.Now())
			return err
		}
	}
	cookie, err := r.Cookie(g.cookie())
	if err != nil {
		return nil
	}
	return func(ctx context.Context) error {
		_, err := g.Store.FindSession(ctx, Hash(cookie.Value), g.Now())
		return err
	}
}

// refusal is why a request goes no further.
type refusal struct {
	status int
	words  string
	wait   time.Duration
}

// caller finds out who sends r, and that it is they who send it.
func (g *Guard) caller(r *http.Request) (Caller, *refusal) {
	if g.Off {
		return g.anybody(r)
	}
	if header := r.Header.Get("Authorization"); header != "" {
		return g.bearer(r, header) // no browser adds it by itself: nothing to forge
	}
	c, err := g.session(r)
	if err != nil {
		return Caller{}, g.unavailable(r.Context(), err)
	}
	if c.Name == "" || safe(r.Method) || r.URL.Path == "/login" { // the log-in form is not a session's, and looks itself
		return c, nil
	}
	if g.cross.Check(r) != nil || !sameSecret(formToken(r), c.CSRF) {
		return Caller{}, &refusal{status: http.StatusForbidden,
			words: "The request does not come from a page of Lifeboat, or that page is too old. Reload the page and try again."}
	}
	return c, nil
}

// anybody lets everyone in who calls this machine by its own name. A web page from
// elsewhere that points its name to this machine is told by the name.
func (g *Guard) anybody(r *http.Request) (Caller, *refusal) {
	if !g.known(r.Host) {
		return Caller{}, &refusal{status: http.StatusMisdirectedRequest,
			words: "Without access control Lifeboat answers on this machine's own names only, such as localhost. Set server.url, or turn access control on."}
	}
	if g.cross.Check(r) != nil {
		return Caller{}, &refusal{status: http.StatusForbidden, words: "The request was made by a page of another site."}
	}
	return Caller{Name: "local", Role: history.Operate}, nil
}

// bearer looks up the token of a program.
func (g *Guard) bearer(r *http.Request, header string) (Caller, *refusal) {
	kind, plain, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return Caller{}, &refusal{status: http.StatusUnauthorized, words: "Send a token: Authorization: Bearer lbt_..."}
	}
	t, wait, err := g.token(r, strings.TrimSpace(plain))
	switch {
	case wait > 0:
		return Caller{}, &refusal{status: http.StatusTooManyRequests, words: tooMany, wait: wait}
	case errors.Is(err, history.ErrNotFound):
		return Caller{}, &refusal{status: http.StatusUnauthorized, words: "There is no such token, or it was removed."}
	case err != nil:
		return Caller{}, g.unavailable(r.Context(), err)
	}
	return Caller{Name: t.Name, Role: t.Role}, nil
}

const tooMany = "Too many wrong tokens came from your address, or from everywhere. Wait and try again."

// token finds the token somebody shows. It returns how long to wait where too many wrong
// ones were shown before.
func (g *Guard) token(r *http.Request, plain string) (history.Token, time.Duration, error) {
	now := g.Now()
	hash := Hash(plain)
	wait, right := g.limit.try(client(r.RemoteAddr), hash, now)
	if wait > 0 {
		return history.Token{}, wait, nil
	}
	if !wellFormed(plain) {
		return history.Token{}, 0, history.ErrNotFound
	}
	t, err := g.Store.FindToken(r.Context(), hash, now)
	if err == nil && !sameSecret(t.Hash, hash) {
		err = history.ErrNotFound
	}
	if errors.Is(err, history.ErrNotFound) {
		g.limit.drop(hash)
	} else {
		right(err == nil) // a database that does not answer is not a wrong token
	}
	return t, 0, err
}

// unavailable is the answer when the database cannot say who somebody is.
func (g *Guard) unavailable(ctx context.Context, err error) *refusal {
	g.Log.ErrorContext(ctx, "access not checked", slog.Any("error", err))
	return &refusal{status: http.StatusServiceUnavailable,
		words: "Lifeboat's database does not answer, so access cannot be checked.", wait: 5 * time.Second}
}

// Require lets callers with a role through to next. People without a session are sent
// to the log-in page, programs are told.
func (g *Guard) Require(role history.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch c := From(r.Context()); {
		case c.May(role):
			next.ServeHTTP(w, r)
		case c.Name != "":
			g.refuse(w, r, http.StatusForbidden, "Your token may view, not operate. Ask for one with the role operate.")
		case machine(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="lifeboat"`)
			g.refuse(w, r, http.StatusUnauthorized, "Log in, or send a token: Authorization: Bearer lbt_...")
		default:
			to := "/login"
			if safe(r.Method) && r.URL.RequestURI() != "/" {
				to += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			w.Header().Set("Cache-Control", "no-store")
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	})
}

// refuse answers programs with problem details and people in plain words.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, status int, words string) {
	if machine(r) {
		problem.Write(w, problem.New(status, words))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if g.Page != nil {
		g.Page(w, r, status, words)
		return
	}
	http.Error(w, words, status)
}

// machine reports whether r is a program's.
func machine(r *http.Request) bool {
	for _, prefix := range []string{"/api/", "/badges/", "/live/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return true
		}
	}
	return r.URL.Path == "/metrics" || r.URL.Path == "/readyz" || r.Header.Get("Authorization") != ""
}

// safe reports whether a method changes nothing.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// formToken is what a page sends along to prove that it is one of ours.
func formToken(r *http.Request) string {
	if h := r.Header.Get("X-CSRF-Token"); h != "" {
		return h
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return ""
	}
	r.Body = http.MaxBytesReader(nil, r.Body, formMax)
	if r.ParseForm() != nil {
		return ""
	}
	return r.PostForm.Get("csrf")
}
