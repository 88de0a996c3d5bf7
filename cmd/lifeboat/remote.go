package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"lifeboat/history"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

// tokenVariable is where the token for a server is taken from: a command line can be
// read by everybody on the machine.
const tokenVariable = "LIFEBOAT_TOKEN"

// Bounds of talking to a server.
const (
	answerTimeout = 30 * time.Second // one answer
	answerMax     = 64 << 20         // bytes of one answer; the report of 5,000 tables is one
	followPace    = time.Second
	lostAfter     = 5 * time.Minute // a server that gives no answer for so long is gone
)

// remote is a Lifeboat that runs as a service elsewhere.
type remote struct {
	base  *url.URL
	token string
	http  *http.Client
}

// dialRemote checks an address. It asks nobody yet.
func dialRemote(address string) (*remote, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--server wants an address such as http://127.0.0.1:8080, not %q", address)
	}
	return &remote{base: u.JoinPath("api/v1"), token: os.Getenv(tokenVariable), http: &http.Client{Timeout: answerTimeout}}, nil
}

// refusalError is what a server said instead of an answer.
type refusalError struct {
	status int
	detail string
}

func (e *refusalError) Error() string { return e.detail }

// refusedWith marks what a server refused: as a mistake of usage where it is the asker's, as
// something left unverified else.
func refusedWith(err error) error {
	var refusal *refusalError
	if errors.As(err, &refusal) && refusal.status < 500 && refusal.status != http.StatusTooManyRequests {
		return usage(err)
	}
	return unable(err)
}

// call sends one request and reads its answer into out. path may have a query.
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	path, query, _ := strings.Cut(path, "?")
	address := r.base.JoinPath(path)
	address.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, answerMax))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if res.StatusCode >= 300 {
		return refused(res, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the server at %s does not answer as a Lifeboat does: %w", r.base.Host, err)
	}
	return nil
}

// refused reads what is wrong out of problem details.
func refused(res *http.Response, answer []byte) error {
	var p struct{ Title, Detail string }
	_ = json.Unmarshal(answer, &p)
	detail := strings.TrimSpace(p.Detail)
	if detail == "" {
		detail = strings.TrimSpace(res.Status + " " + p.Title)
	}
	if res.StatusCode == http.StatusUnauthorized {
		detail += " Put a token into " + tokenVariable + "; lifeboat token create makes one."
	}
	return &refusalError{res.StatusCode, "the server says: " + detail}
}

// remoteDrill is what is looked at of a drill on a server.
type remoteDrill struct {
	ID      string
	State   history.State
	Summary string
	Waits   struct{ Why string }
	// CancelledBy called it off.
	CancelledBy string `json:"cancelled_by"`
	// Progress is there while it runs.
	Progress struct {
		Phases []struct {
			Name  string
			Ended *time.Time
		}
	}
}

// targetsPage is how many targets are asked for at once.
const targetsPage = 1000

// targets are the names of those a server has, sorted: it lists first what needs a person.
func (r *remote) targets(ctx context.Context) ([]string, error) {
	var names []string
	for {
		var list struct{ Targets []struct{ Name string } }
		if err := r.call(ctx, http.MethodGet, fmt.Sprintf("targets?limit=%d&offset=%d", targetsPage, len(names)), nil, &list); err != nil {
			return nil, err
		}
		for _, t := range list.Targets {
			names = append(names, t.Name)
		}
		if len(list.Targets) < targetsPage {
			slices.Sort(names)
			return names, nil
		}
	}
}

// start queues a drill and returns its id.
func (r *remote) start(ctx context.Context, target, backup string) (string, error) {
	var in any
	if backup != "" {
		in = map[string]string{"backup": backup}
	}
	var answer struct{ Drill remoteDrill }
	err := r.call(ctx, http.MethodPost, "targets/"+url.PathEscape(target)+"/drills", in, &answer)
	if err == nil && answer.Drill.ID == "" {
		err = fmt.Errorf("the server at %s does not answer as a Lifeboat does: it names no drill", r.base.Host)
	}
	return answer.Drill.ID, err
}

// follow waits for a drill to end and returns its report. say is told what it does.
func (r *remote) follow(ctx context.Context, id string, say func(string)) (verify.Report, error) {
	var rep verify.Report
	path := "drills/" + url.PathEscape(id)
	var lost int // looks in a row that got no answer
	for told := ""; ; {
		var d remoteDrill
		err := r.call(ctx, http.MethodGet, path, nil, &d)
		var refusal *refusalError
		switch {
		case errors.As(err, &refusal) && refusal.status < 500:
			return rep, err
		case err != nil && ctx.Err() == nil:
			if lost++; time.Duration(lost)*followPace > lostAfter {
				return rep, err
			}
			d.Waits.Why = "the server does not answer"
		case d.State == history.Cancelled:
			return rep, fmt.Errorf("drill %s was called off before it began, by %s", id, cmp.Or(d.CancelledBy, "somebody"))
		case d.State == history.Finished || d.State == history.Interrupted:
			return rep, r.call(ctx, http.MethodGet, path+"/report", nil, &rep)
		default:
			lost = 0
		}
		if now := d.words(); now != told && now != "" {
			say(now)
			told = now
		}
		select {
		case <-ctx.Done():
			return rep, context.Cause(ctx)
		case <-time.After(followPace):
		}
	}
}

// words say what a drill does now.
func (d remoteDrill) words() string {
	for _, p := range d.Progress.Phases {
		if p.Ended == nil {
			return text.Doing(p.Name)
		}
	}
	return d.Waits.Why
}
