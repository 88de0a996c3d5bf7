package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/jobs"
	"lifeboat/web/api"
)

// serveTimeout bounds each wait for something a service does.
const serveTimeout = 90 * time.Second

// output keeps what a program writes and wakes those who wait for a part of it.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{} // closed and replaced at each write
	over  bool          // nothing more will be written
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	o.wake()
	return len(p), nil
}

// end says that nothing more will be written.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.wake()
}

func (o *output) wake() {
	close(o.wrote)
	o.wrote = make(chan struct{})
}

func newOutput() *output { return &output{wrote: make(chan struct{})} }

// String is all of it so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) now() (text string, more <-chan struct{}, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.wrote, o.over
}

// await waits until text was written and returns the rest of its line.
func (o *output) await(t testing.TB, text string) string {
	t.Helper()
	limit := time.NewTimer(serveTimeout)
	defer limit.Stop()
	for {
		said, more, over := o.now()
		if _, rest, ok := strings.Cut(said, text); ok {
			if line, _, whole := strings.Cut(rest, "\n"); whole {
				return line
			}
		}
		if over {
			t.Fatalf("it ended without saying %q:\n%s", text, said)
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("%q was not said within %s:\n%s", text, serveTimeout, said)
		}
	}
}

// site is a service as it is seen over HTTP.
type site struct {
	url    string
	token  string // sent along where it is not empty
	client *http.Client
	said   *output
}

// serving is lifeboat serve in this process.
type serving struct {
	site
	cancel context.CancelCauseFunc
	ended  chan error
	err    error
	once   sync.Once
}

// serve runs lifeboat serve in this process until the test is over.
func serve(t testing.TB, config string, change func(*shell), args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &serving{cancel: cancel, ended: make(chan error, 1)}
	s.said, s.client = newOutput(), &http.Client{Timeout: serveTimeout}
	sh := &shell{stdout: s.said, stderr: s.said, now: time.Now, pace: 100 * time.Millisecond}
	if change != nil {
		change(sh)
	}
	root := sh.root()
	root.SetArgs(append([]string{"serve", "--config", config}, args...))
	go func() {
		err := root.ExecuteContext(ctx)
		fmt.Fprintf(s.said, "serve ended: %v\n", err)
		s.said.end()
		s.ended <- err
	}()
	t.Cleanup(func() {
		if err := s.stop(t); err != nil && !t.Failed() {
			t.Errorf("serve: %v\n%s", err, s.said)
		}
	})
	s.url = s.listens(t, config)
	return s
}

// stop stops the service as SIGTERM does and returns what it ended with.
func (s *serving) stop(t testing.TB) error {
	t.Helper()
	s.once.Do(func() {
		s.cancel(jobs.ErrInterrupted)
		select {
		case s.err = <-s.ended:
		case <-time.After(serveTimeout):
			s.err = errors.New("it did not stop within " + serveTimeout.String())
		}
	})
	return s.err
}

// listens waits until a service listens and returns where.
func (s *site) listens(t testing.TB, config string) string {
	t.Helper()
	scheme := "http://"
	if content, err := os.ReadFile(config); err != nil || strings.Contains(string(content), "tls: {cert:") {
		scheme = "https://"
	}
	return scheme + strings.TrimSpace(s.said.await(t, "listening address="))
}

// do sends one request and returns its answer, read whole.
func (s *site) do(t testing.TB, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, s.said)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, string(content)
}

// page gets a page that is there.
func (s *site) page(t testing.TB, path string) string {
	t.Helper()
	res, body := s.do(t, http.MethodGet, path, "")
	if res.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s\n%s", path, res.Status, body)
	}
	return body
}

// ask asks the API and fails t where it refuses.
func ask[T any](t testing.TB, s *site, method, path, body string) T {
	t.Helper()
	res, content := s.do(t, method, api.Prefix+path, body)
	var answer T
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s\n%s", method, path, res.Status, content)
	}
	if err := json.Unmarshal([]byte(content), &answer); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, content)
	}
	return answer
}

// eventually waits until done reports true. There is nothing to be told by: it looks
// from outside, as people do.
func (s *site) eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(serveTimeout); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s\n%s", serveTimeout, what, s.said)
		}
	}
}

// begin queues a drill of a target and returns its id.
func (s *site) begin(t testing.TB, target string) string {
	t.Helper()
	return ask[struct{ Drill api.Drill }](t, s, http.MethodPost, "/targets/"+target+"/drills", "").Drill.ID
}

// drill has a target drilled and returns how that ended.
func (s *site) drill(t testing.TB, target string) api.Drill {
	t.Helper()
	id := s.begin(t, target)
	var d api.Drill
	s.eventually(t, "drill "+id+" ends", func() bool {
		d = ask[api.Drill](t, s, http.MethodGet, "/drills/"+id, "")
		return d.State == "finished" || d.State == "interrupted"
	})
	return d
}

// list returns the drills that began, newest first.
func (s *site) list(t testing.TB, query string) []api.Drill {
	t.Helper()
	return ask[struct{ Drills []api.Drill }](t, s, http.MethodGet, "/drills?"+query, "").Drills
}

// condition returns what is said about a code, empty when it is not wrong.
func (s *site) condition(t testing.TB, code string) string {
	t.Helper()
	list := ask[struct{ Conditions []api.Condition }](t, s, http.MethodGet, "/conditions", "").Conditions
	for _, c := range list {
		if c.Code == code {
			return c.Detail + " " + c.Hint
		}
	}
	return ""
}

// notes is a dump of an SQLite database with so many notes.
func notes(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);\n")
	for i := range rows {
		fmt.Fprintf(&b, "INSERT INTO notes VALUES(%d,'note %d');\n", i+1, i+1)
	}
	b.WriteString("COMMIT;\n")
	return b.Bytes()
}

// writeService writes a configuration that listens on a free port of this machine. rest
// are its other parts, and lines of its server.
func writeService(t testing.TB, rest, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lifeboat.yaml")
	rewriteService(t, path, rest, server)
	return path
}

func rewriteService(t testing.TB, path, rest, server string) {
	t.Helper()
	if !strings.Contains(server, "listen:") {
		server = "listen: 127.0.0.1:0\n" + server
	}
	if err := os.WriteFile(path, []byte(rest+"server:\n"+strings.ReplaceAll(indent(server), "    ", "  ")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// overFolder are the sources and targets of a configuration over one folder. Each target
// is one line.
func overFolder(dir string, targets ...string) string {
	return fmt.Sprintf("sources: {s: {kind: dir, path: %q}}\ntargets:\n  %s\n", dir, strings.Join(targets, "\n  "))
}

// soon is a clock that will reach a full minute in a moment, so that nobody waits for
// a schedule.
func soon(lead time.Duration) func() time.Time {
	now := time.Now()
	ahead := now.Add(lead).Truncate(time.Minute).Add(time.Minute).Sub(now.Add(lead))
	return func() time.Time { return time.Now().Add(ahead) }
}

// TestTheServiceDrillsWhenItIsTime is the whole of it: a schedule that comes round, drills
// of both engines, and what people and programs see of them.
func TestTheServiceDrillsWhenItIsTime(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	dir := backups{"notes.sql": notes(30), "shop.dump": shopDump}.write(t)
	config := writeService(t, overFolder(dir,
		`notes: {source: s, match: notes.sql, schedule: "* * * * *"}`,
		`shop: {source: s, match: shop.dump, ignore: [{code: role_absent, reason: made by provisioning}]}`), "")
	s := serve(t, config, func(sh *shell) { sh.now = soon(2 * time.Second) })

	for _, path := range []string{"/healthz", "/readyz"} {
		if got := s.page(t, path); got != "ok\n" {
			t.Errorf("%s = %q", path, got)
		}
	}
	var scheduled api.Drill
	s.eventually(t, "the schedule fires", func() bool {
		list := s.list(t, "target=notes&verdict=passed")
		if len(list) > 0 {
			scheduled = list[0]
		}
		return len(list) > 0
	})
	if scheduled.Trigger != "schedule" || scheduled.ScheduledFor == nil || scheduled.ScheduledFor.Second() != 0 || scheduled.Rows != 30 {
		t.Errorf("drill = %+v, want one of the schedule, for a full minute, with 30 rows", scheduled)
	}
	if shop := s.drill(t, "shop"); shop.Verdict != "passed" || shop.Trigger != "manual" || shop.By != "local" {
		t.Errorf("drill of the shop = %+v, want passed, asked for by local", shop)
	}
	for path, want := range map[string]string{
		"/": "notes", "/targets/shop": "shop.dump", "/drills/" + scheduled.ID: "notes.sql", "/queue": "Queue", "/alerts": "Alerts",
		"/coverage": "Coverage", "/api/v1/docs": "Lifeboat", "/badges/shop.svg": "passed",
		"/metrics": `lifeboat_target_verdict{target="shop",verdict="passed"} 1`,
	} {
		if body := s.page(t, path); !strings.Contains(body, want) {
			t.Errorf("GET %s does not say %q:\n%s", path, want, body)
		}
	}
	if err := s.stop(t); err != nil {
		t.Errorf("stopped with %v\n%s", err, s.said)
	}
	if found := left(t, config); found != "" {
		t.Errorf("left behind: %s", found)
	}
}

// debugging has a service say all it has to say.
func debugging(sh *shell) { sh.logLevel = slog.LevelDebug }
