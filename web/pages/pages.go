// Package pages is the dashboard: what people see of Lifeboat in a browser. It renders
// what the record holds and asks the service for the rest. It decides nothing, knows no
// storage and no sandbox, and shows no secret: it is given none. Every page can be read without
// JavaScript; what moves is a part of the same page, rendered by the same template.
package pages

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/access"
	"lifeboat/web/live"
)

//go:embed templates static
var files embed.FS

// Limits of a page. Queries that take longer than queryTimeout end in an error page, so that a
// slow database does not pile up requests.
const (
	queryTimeout = 10 * time.Second
	maxForm      = 64 << 10
)

// Store is what pages read of the database.
type Store interface {
	history.Record
	Fleet(ctx context.Context, q history.FleetQuery) (history.Fleet, error)
	Standing(ctx context.Context, target string) (history.Standing, error)
	Deliveries(ctx context.Context, f history.DeliveryFilter) ([]history.Delivery, error)
}

// Service is what pages ask of the service.
type Service interface {
	Targets() []web.Target
	Target(name string) (web.Target, bool)
	Drill(ctx context.Context, a web.Ask) (drill string, fresh bool, err error)
	Cancel(ctx context.Context, drill, by string) error
	Artifacts(ctx context.Context, target string) ([]verify.Candidate, error)
	Conditions(ctx context.Context) []web.Condition
	Coverage(ctx context.Context) (web.Coverage, error)
}

// Config is what pages need. All but Log is required.
type Config struct {
	Store   Store
	Service Service
	Hub     *live.Hub // tells how drills go
	Now     func() time.Time
	Version string
	Log     *slog.Logger // nil: discarded
}

// Pages is the dashboard as an http.Handler. Who asks is found in the request's context, as package
// access leaves it there; requests that are not let in get no further than the page of the login.
type Pages struct {
	Config
	mux       *http.ServeMux
	templates map[string]*template.Template
	assets    map[string]asset
}

// New makes the dashboard. An error means that something required is missing, or that a
// template is broken.
func New(c Config) (*Pages, error) {
	if c.Store == nil || c.Service == nil || c.Hub == nil || c.Now == nil {
		return nil, errors.New("pages: store, service, hub and clock are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pages{Config: c, mux: http.NewServeMux()}
	if err := p.readAssets(); err != nil {
		return nil, err
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	for pattern, page := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":                      p.fleet,
		"GET /targets/{name}":           p.target,
		"GET /targets/{name}/artifacts": p.artifacts,
		"GET /targets/{name}/strip":     p.stripJSON,
		"POST /targets/{name}/drills":   p.startDrill,
		"GET /drills/{id}":              p.drill,
		"POST /drills/{id}/cancel":      p.cancel,
		"GET /queue":                    p.queue,
		"GET /alerts":                   p.alerts,
		"GET /coverage":                 p.coverage,
		"GET /login":                    p.login,
		"GET /live/fleet":               p.liveFleet,
		"GET /live/queue":               p.liveQueue,
		"GET /live/drills/{id}":         p.liveDrill,
		"GET /live/targets/{name}":      p.liveTarget,
		"GET /static/{file}":            p.static,
		"/":                             p.nowhere,
	} {
		p.mux.HandleFunc(pattern, p.handle(page))
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// handle turns what a page returns into an answer.
func (p *Pages) handle(page func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := page(w, r)
		var at *problem
		switch {
		case err == nil || r.Context().Err() != nil:
		case errors.As(err, &at):
			p.Problem(w, r, at.status, at.text)
		case errors.Is(err, history.ErrNotFound):
			p.Problem(w, r, http.StatusNotFound, "There is no such drill on record. It may belong to another installation.")
		case errors.Is(err, web.ErrNoTarget):
			p.Problem(w, r, http.StatusNotFound, "The configuration in force has no target of this name, and the record knows none.")
		default:
			p.Log.ErrorContext(r.Context(), "page not rendered", slog.String("path", r.URL.Path), slog.Any("error", err))
			p.Problem(w, r, http.StatusInternalServerError, "Lifeboat could not read what this page shows. Its log says why.")
		}
	}
}

// problem is an answer that is a page of its own.
type problem struct {
	status int
	text   string
}

// Error implements error.
func (p *problem) Error() string { return p.text }

// nowhere answers what no pattern matches.
func (p *Pages) nowhere(_ http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &problem{http.StatusMethodNotAllowed, "This address takes no such request."}
	}
	return &problem{http.StatusNotFound, "There is no such page."}
}

// operator lets only those pass who may start and stop drills.
func operator(r *http.Request) (access.Caller, error) {
	c := access.From(r.Context())
	if !c.May(history.Operate) {
		return c, &problem{http.StatusForbidden,
			"You may look, but not start or stop drills. Log in with a token of the role operate for that."}
	}
	return c, nil
}
