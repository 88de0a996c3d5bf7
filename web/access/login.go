package access

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/web/problem"
)

// sessionLength is how long people stay logged in: a working day.
const sessionLength = 12 * time.Hour

// cookie is the name of the session's cookie. Over TLS its prefix makes browsers refuse
// one that another host, or a page without TLS, has set.
func (g *Guard) cookie() string {
	if g.Secure {
		return "__Host-lifeboat"
	}
	return "lifeboat"
}

// session finds the person who logged in. It returns the zero Caller when nobody did.
func (g *Guard) session(r *http.Request) (Caller, error) {
	c, err := r.Cookie(g.cookie())
	if err != nil || c.Value == "" {
		return Caller{}, nil
	}
	hash := Hash(c.Value)
	s, err := g.Store.FindSession(r.Context(), hash, g.Now())
	if errors.Is(err, history.ErrNotFound) {
		return Caller{}, nil
	}
	if err != nil {
		return Caller{}, err
	}
	if !sameSecret(s.Hash, hash) || !g.Now().Before(s.Expires) {
		return Caller{}, nil
	}
	return Caller{Name: s.Token, Role: s.Role, CSRF: s.CSRF}, nil
}

// Login takes the form of the log-in page: a token, and where to go next.
func (g *Guard) Login() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if g.Off {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if g.cross.Check(r) != nil {
			g.form(w, r, http.StatusForbidden, "The form was sent by a page of another site.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, formMax)
		if err := r.ParseForm(); err != nil {
			g.form(w, r, http.StatusBadRequest, "The form could not be read.")
			return
		}
		t, wait, err := g.token(r, strings.TrimSpace(r.PostForm.Get("token")))
		switch {
		case wait > 0:
			problem.RetryAfter(w, wait)
			g.form(w, r, http.StatusTooManyRequests, tooMany)
			return
		case errors.Is(err, history.ErrNotFound):
			g.Log.WarnContext(r.Context(), "log-in refused", slog.String("address", client(r.RemoteAddr)))
			g.form(w, r, http.StatusUnauthorized, "There is no such token, or it was removed.")
			return
		}
		if err == nil {
			err = g.open(w, r, t)
		}
		if err != nil {
			no := g.unavailable(r.Context(), err)
			g.form(w, r, no.status, no.words)
			return
		}
		http.Redirect(w, r, local(r.PostForm.Get("next")), http.StatusSeeOther)
	})
}

// open begins a session for the holder of t.
func (g *Guard) open(w http.ResponseWriter, r *http.Request, t history.Token) error {
	value := secret()
	s := history.Session{
		Hash: Hash(value), Token: t.Name, Role: t.Role, CSRF: secret(), Expires: g.Now().Add(sessionLength),
	}
	if err := g.Store.AddSession(r.Context(), s); err != nil {
		return err
	}
	g.setCookie(w, value, int(sessionLength/time.Second))
	return nil
}

func (g *Guard) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookie(), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: g.Secure, SameSite: http.SameSiteStrictMode,
	})
}

// Logout ends the session of whoever sends it. Wrap has seen to it that they meant to.
func (g *Guard) Logout() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if c, err := r.Cookie(g.cookie()); err == nil && !g.Off {
			err := g.Store.RemoveSession(r.Context(), Hash(c.Value))
			if err != nil && !errors.Is(err, history.ErrNotFound) {
				no := g.unavailable(r.Context(), err)
				g.refuse(w, r, no.status, no.words)
				return
			}
		}
		g.setCookie(w, "", -1)
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
}

// form shows the log-in page again.
func (g *Guard) form(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	if g.Form != nil {
		g.Form(w, r, status, wrong)
		return
	}
	http.Error(w, wrong, status)
}

// local is where to go after log-in: a page of ours, whatever the form says.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(u.Path, "/login") {
		return "/"
	}
	return next
}

// sameSecret compares in a time that does not tell where two differ. Nothing is not the same as nothing.
func sameSecret(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
