package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
	"lifeboat/web"
	"lifeboat/web/problem"
)

// failure is a problem as the library wants its errors.
type failure struct{ problem.Problem }

// Error implements error.
func (f *failure) Error() string { return f.Detail }

// GetStatus implements huma.StatusError.
func (f *failure) GetStatus() int { return f.Status }

// ContentType implements huma.ContentTypeFilter.
func (f *failure) ContentType(string) string { return problem.ContentType }

func fail(status int, detail, hint string) *failure {
	p := problem.New(status, detail)
	p.Hint = hint
	return &failure{p}
}

// plainErrors turns the library's errors into ours. The values it repeats are left out:
// a caller may have sent a secret in the wrong place.
func plainErrors(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem.New(e.Status, sentence(e.Detail))
	for _, item := range e.Errors {
		if item != nil {
			p.Errors = append(p.Errors, problem.Item{Message: item.Message, Location: item.Location})
		}
	}
	return &failure{p}, nil
}

// sentence makes one of the library's phrases.
func sentence(phrase string) string {
	if phrase == "" {
		return ""
	}
	return strings.ToUpper(phrase[:1]) + strings.TrimSuffix(phrase[1:], ".") + "."
}

// translate makes a problem of an error. What callers cannot act on is logged, and they
// learn no more of it than that.
func (a *API) translate(ctx context.Context, err error) error {
	var known *failure
	var running *history.RunningError
	var queued *history.QueuedError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &running):
		return fail(http.StatusConflict, fmt.Sprintf("Drill %s of %s still runs: it has no report yet.", running.Drill, running.Target),
			"Wait for its end; "+Prefix+"/events tells.")
	case errors.As(err, &queued):
		return fail(http.StatusConflict, sentence(queued.Error()), "Wait for its end; "+Prefix+"/events tells.")
	case errors.Is(err, web.ErrNoTarget):
		return fail(http.StatusNotFound, "The configuration in force has no such target.", "See "+Prefix+"/targets.")
	case errors.Is(err, web.ErrNoBackup):
		return fail(http.StatusUnprocessableEntity, "The target's source holds no such backup.", "See the target's artifacts.")
	case errors.Is(err, history.ErrAmbiguous):
		return fail(http.StatusConflict, "Several drills begin so.", "Give more of the id.")
	case errors.Is(err, history.ErrNotFound):
		return fail(http.StatusNotFound, "There is no such drill.", "")
	case errors.Is(err, history.ErrOver):
		return fail(http.StatusConflict, "The drill is over.", "")
	case errors.Is(err, errInput):
		return fail(http.StatusBadRequest, sentence(err.Error()), "")
	case errors.Is(err, context.Canceled):
		return fail(http.StatusServiceUnavailable, "The request was called off.", "")
	}
	a.Log.ErrorContext(ctx, "request not answered", slog.Any("error", err))
	return fail(http.StatusInternalServerError, "Lifeboat could not answer. Its log says why.", "")
}
