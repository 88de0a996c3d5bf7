// Package problem writes the errors of the HTTP API in the form of RFC 9457. It decides
// nothing, and shows only what its callers put into words: never an error's own text.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// ContentType is that of every error below /api.
const ContentType = "application/problem+json"

// Problem is one error. Type is left out where the status says it all.
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"` // what to do
	Errors []Item `json:"errors,omitempty"`
}

// Item is one of several things that are wrong.
type Item struct {
	Message  string `json:"message"`
	Location string `json:"location,omitempty"` // such as body.backup
}

// New is a problem of a status, in words.
func New(status int, detail string) Problem {
	return Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// Write answers with p. It is never cached.
func Write(w http.ResponseWriter, p Problem) {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	body, err := json.Marshal(p) // escapes < and >, so it is harmless even where a browser guesses
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a caller who went away is no news
}

// RetryAfter tells the caller how long to wait, in whole seconds, at least one.
func RetryAfter(w http.ResponseWriter, d time.Duration) {
	seconds := max(1, int64((d+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
}
