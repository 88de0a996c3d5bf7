// Package api is the HTTP interface for programs, below /api/v1, with its OpenAPI
// document and a page to read it. It holds no rules of its own: it reads the record and
// asks the service.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"lifeboat/history"
	"lifeboat/web"
	"lifeboat/web/access"
	"lifeboat/web/live"
	"lifeboat/web/problem"
)

// Prefix is the path below which all of the API lies.
const Prefix = "/api/v1"

// Reader is what the API reads of the database.
type Reader interface {
	history.Record
	history.Standings
	Deliveries(ctx context.Context, f history.DeliveryFilter) ([]history.Delivery, error)
	Ping(ctx context.Context) error
}

// Config is what the API stands on.
type Config struct {
	Service web.Service
	Store   Reader
	Hub     *live.Hub
	Now     func() time.Time
	Log     *slog.Logger
	Version string // of Lifeboat
}

// API answers programs.
type API struct {
	Config
	huma huma.API
	mux  *http.ServeMux
	docs documents
}

// New returns the API. It is mounted at Prefix and at /badges/, /healthz and /readyz.
func New(c Config) (*API, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{Config: c, mux: http.NewServeMux()}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, settings(c.Version))
	a.huma.UseMiddleware(uncached)
	a.targets()
	a.drills()
	a.events()
	a.service()
	a.notifications()
	if err := a.document(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("/", a.notThere)
	return a, nil
}

// ServeHTTP implements http.Handler for everything below /api.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// settings of the library: no document and page of its own, no links to schemas in
// answers, no unknown parameters.
func settings(version string) huma.Config {
	c := huma.DefaultConfig("Lifeboat", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.Transformers = []huma.Transformer{plainErrors}
	c.Info.Description = "Lifeboat proves on a schedule that database backups restore. Times are RFC 3339 in UTC, " +
		"durations are seconds, sizes are bytes. Errors are problem details (RFC 9457)."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token made by `lifeboat token create`."},
		"session": {Type: "apiKey", In: "cookie", Name: "lifeboat", Description: "A person who logged in. Requests that change something send X-CSRF-Token as well."},
	}
	return c
}

// schemaName tells the parts of a report from the API's own forms of the same name.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if pkg := t.PkgPath(); strings.HasPrefix(pkg, "lifeboat/") && pkg != "lifeboat/web/api" && t.Name() != "Report" {
		return "Report" + name
	}
	return name
}

// format writes an answer in one piece, once it is known to be whole. A caller who went
// away is no news.
var format = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		b, err := json.Marshal(v)
		if err == nil {
			_, _ = w.Write(append(b, '\n'))
		}
		return err
	},
	Unmarshal: json.Unmarshal,
}

// uncached keeps answers out of caches: they are of now, and not for everybody.
func uncached(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

// register adds an operation that takes a role.
func register[I, O any](a *API, role history.Role, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	op.Middlewares = append(op.Middlewares, a.require(role))
	op.Description += "\n\nRole: " + string(role) + "."
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusInternalServerError)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.translate(ctx, err)
		}
		return out, nil
	})
}

// require lets callers with a role through.
func (a *API) require(role history.Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := access.From(ctx.Context())
		if c.May(role) {
			next(ctx)
			return
		}
		_, w := humago.Unwrap(ctx)
		if c.Name == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="lifeboat"`)
			problem.Write(w, problem.New(http.StatusUnauthorized, "Send a token: Authorization: Bearer lbt_..."))
			return
		}
		problem.Write(w, problem.New(http.StatusForbidden, "This token may view, not operate. Use one with the role operate."))
	}
}

// notThere answers what no operation does: 405 where the path exists for another method.
func (a *API) notThere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := a.mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		problem.Write(w, problem.New(http.StatusNotFound, "There is no such resource. See "+Prefix+"/docs."))
		return
	}
	for _, m := range allowed {
		w.Header().Add("Allow", m)
	}
	problem.Write(w, problem.New(http.StatusMethodNotAllowed, "This resource does not know the method. See "+Prefix+"/docs."))
}

// errInput is a request that says something wrong.
var errInput = errors.New("the request cannot be understood")
