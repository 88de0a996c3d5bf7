package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"lifeboat/history"
	"lifeboat/web"
	"lifeboat/web/access"
	"lifeboat/web/problem"
)

// readyTimeout is how long a database may take to show that it lives.
const readyTimeout = 5 * time.Second

// Live answers that the process lives, and asks nothing for it: a database that is away
// is no reason to restart Lifeboat.
func Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

// Ready answers whether Lifeboat can do its work. Everybody may ask; what exactly is
// wrong is told to those who may view.
func (a *API) Ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var fatal []web.Condition
	for _, c := range a.Service.Conditions(ctx) {
		if c.Fatal {
			fatal = append(fatal, c)
		}
	}
	if err := a.Store.Ping(ctx); err != nil && len(fatal) == 0 {
		a.Log.ErrorContext(ctx, "database does not answer", slog.Any("error", err))
		fatal = append(fatal, web.Condition{Code: "database_unreachable", Detail: "Lifeboat's database does not answer.",
			Hint: "Lifeboat's log says why."})
	}
	if len(fatal) == 0 {
		Live(w, r)
		return
	}
	p := problem.New(http.StatusServiceUnavailable, "Lifeboat cannot do its work.")
	for _, c := range fatal {
		item := problem.Item{Message: c.Code}
		if access.From(r.Context()).May(history.View) {
			item.Message += ": " + c.Detail + " " + c.Hint
		}
		p.Errors = append(p.Errors, item)
	}
	problem.Write(w, p)
}
