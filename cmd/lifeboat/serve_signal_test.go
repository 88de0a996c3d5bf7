package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/web/api"
)

// serveChild runs lifeboat serve as a process of its own.
func serveChild(t testing.TB, config string, env ...string) (*child, *site) {
	t.Helper()
	c, s := startChild(t, env, "serve", "--config", config)
	s.url = s.listens(t, config)
	return c, s
}

// startChild runs lifeboat as a process of its own and keeps reading what it says.
func startChild(t testing.TB, env []string, args ...string) (*child, *site) {
	t.Helper()
	c := start(t, env, args...)
	s := &site{client: &http.Client{Timeout: serveTimeout}, said: newOutput()}
	over, words := make(chan struct{}), c.stderr
	go func() { // a child whose words nobody reads would stand still
		defer close(over)
		for words.Scan() {
			_, _ = s.said.Write([]byte(words.Text() + "\n"))
		}
		s.said.end()
	}()
	c.stderr, c.over = nil, over
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-over
	})
	return c, s
}

// names are those of the targets in force.
func (s *site) names(t testing.TB) string {
	t.Helper()
	var names []string
	for _, target := range ask[struct{ Targets []api.Target }](t, s, http.MethodGet, "/targets", "").Targets {
		names = append(names, target.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestAReloadIsAllOrNothing sends SIGHUP after each change of the file.
func TestAReloadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dir := backups{"t.sql": notes(3), "u.sql": notes(4)}.write(t)
	first := overFolder(dir, "t: {source: s, match: t.sql}")
	both := overFolder(dir, "t: {source: s, match: t.sql}", "u: {source: s, match: u.sql}")
	config := writeService(t, first, "")
	c, s := serveChild(t, config)
	hangup := func(rest, server string) {
		t.Helper()
		rewriteService(t, config, rest, server)
		if err := c.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}

	hangup(both, "")
	s.eventually(t, "the new target is in force", func() bool { return s.names(t) == "t u" })
	if d := s.drill(t, "u"); d.Verdict != "passed" || d.Rows != 4 {
		t.Errorf("drill of the new target = %+v", d)
	}

	hangup(strings.NewReplacer("source: s, match: u.sql", "source: x, match: u.sql, schedule: sometimes", "t: {", "t: {speed: 1, ").Replace(both), "")
	mistakes := []string{"3 mistakes", "targets.t.speed", "targets.u.source", "targets.u.schedule"}
	s.eventually(t, "the bad file is a condition", func() bool { return s.condition(t, "config_invalid") != "" })
	s.said.await(t, "configuration not put in force")
	if said := s.said.String(); strings.Count(said, "targets.t.speed") != 1 || strings.Contains(said, "loop") {
		t.Errorf("the log says of one reload more than that it was refused:\n%s", said)
	}
	for where, said := range map[string]string{"the condition": s.condition(t, "config_invalid"), "the log": s.said.String(), "the page": s.page(t, "/")} {
		for _, mistake := range mistakes {
			if !strings.Contains(said, mistake) {
				t.Errorf("%s does not say %q:\n%s", where, mistake, said)
			}
		}
	}
	if s.page(t, "/readyz") != "ok\n" || s.names(t) != "t u" {
		t.Errorf("the configuration before is not in force any more: %s", s.names(t))
	}
	res, body := s.do(t, http.MethodPost, "/api/v1/reload", "")
	for _, mistake := range mistakes {
		if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, mistake) {
			t.Errorf("reload through the API: %s, without %q\n%s", res.Status, mistake, body)
		}
	}

	hangup(first, "")
	s.eventually(t, "the file is mended", func() bool { return s.condition(t, "config_invalid") == "" })
	if s.names(t) != "t" || strings.Contains(s.page(t, "/"), "mistakes") {
		t.Errorf("targets %q after the file was mended", s.names(t))
	}

	hangup(both, "listen: \"127.0.0.1:1\"\nhistory: other.db\naccess: tokens\n")
	s.eventually(t, "what takes a restart is refused", func() bool { return s.condition(t, "config_invalid") != "" })
	if got := s.condition(t, "config_invalid"); !strings.Contains(got, "server.access, server.history and server.listen need a restart of Lifeboat") {
		t.Errorf("condition = %q", got)
	}
	if s.names(t) != "t" {
		t.Errorf("targets = %q: a part of the file was put in force", s.names(t))
	}
	c.stop(t, exitGood, s)
}

// stop sends SIGTERM and wants an exit code.
func (c *child) stop(t testing.TB, code int, s *site) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := c.end(t); got != code {
		t.Errorf("exit %d, want %d\n%s", got, code, s.said)
	}
}

// TestAStopHandsOverWhatDoesNotEndInTime stops a service in the middle of a drill that
// takes longer than server.drain, and starts it again.
func TestAStopHandsOverWhatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	dir := backups{"db.sql": slowDump(t, "300")}.write(t)
	config := writeService(t, overFolder(dir, "t: {source: s, match: db.sql, sandbox: {timeout: 10m}}"), "drain: 1s\n")
	tmp := t.TempDir()
	c, s := serveChild(t, config, "TMPDIR="+tmp)
	id := s.begin(t, "t")
	s.eventually(t, "the drill has a container", func() bool { return left(t, config) != "" })

	asked := time.Now()
	c.stop(t, exitGood, s)
	if took := time.Since(asked); took > 30*time.Second {
		t.Errorf("the stop took %s with server.drain of 1s", took)
	}
	if said := s.said.String(); !strings.Contains(said, "drain=1s") || !strings.Contains(said, "stopped") {
		t.Errorf("the log does not tell of the stop:\n%s", said)
	}
	e, err := record(t, config).Entry(t.Context(), id)
	if err != nil || e.State != history.Queued || !strings.Contains(e.Why, "stopped") {
		t.Errorf("the drill is %+v, %v; want it queued again, with the reason", e, err)
	}
	if found := left(t, config); found != "" {
		t.Errorf("left behind: %s", found)
	}
	mustBeEmpty(t, filepath.Join(tmp, fmt.Sprintf("lifeboat-%d", os.Getuid())))
	if live, err := os.ReadDir(strings.TrimSuffix(config, ".yaml") + ".db.alive"); err != nil || len(live) != 0 {
		t.Errorf("signs of life after the end: %v, %v", live, err)
	}

	c, s = serveChild(t, config, "TMPDIR="+tmp)
	s.eventually(t, "the same drill begins again", func() bool {
		return ask[api.Drill](t, s, http.MethodGet, "/drills/"+id, "").State == "running"
	})
	if res, body := s.do(t, http.MethodPost, "/api/v1/drills/"+id+"/cancel", ""); res.StatusCode != http.StatusAccepted {
		t.Errorf("cancel: %s\n%s", res.Status, body)
	}
	s.eventually(t, "it is called off", func() bool {
		return ask[api.Drill](t, s, http.MethodGet, "/drills/"+id, "").State == "finished"
	})
	c.stop(t, exitGood, s)
	if found := left(t, config); found != "" {
		t.Errorf("left behind: %s", found)
	}
}
