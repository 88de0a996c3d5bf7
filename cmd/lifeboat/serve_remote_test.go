package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"lifeboat/verify"
	"lifeboat/web/api"
)

// remotely runs lifeboat drill --server with a token.
func remotely(t testing.TB, s *site, token string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := start(t, []string{tokenVariable + "=" + token}, append([]string{"drill", "--server", s.url}, args...)...)
	code = c.end(t)
	return code, c.stdout.String(), strings.Join(c.seen, "\n")
}

// newToken makes a token beside a service.
func newToken(t testing.TB, config, name, role string) string {
	t.Helper()
	code, stdout, stderr := lifeboat(t, "token", "create", name, "--role", role, "--config", config)
	if code != exitGood {
		t.Fatalf("token create: exit %d\n%s", code, stderr)
	}
	return strings.TrimSpace(stdout)
}

// TestAServiceDrillsForTheCommandLine covers what the command says and ends with.
func TestAServiceDrillsForTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := backups{"good.sql": notes(5), "page.sql": []byte(errorPage)}.write(t)
	config := writeService(t, overFolder(dir,
		"bad: {source: s, match: page.sql}", "good: {source: s, match: good.sql}"), "access: tokens\n")
	s := serve(t, config, nil)
	operator, viewer := newToken(t, config, "anna", "operate"), newToken(t, config, "prometheus", "view")

	for _, c := range []struct {
		name, token string
		args        []string
		code        int
		says        []string
	}{
		{"a good backup", operator, []string{"good"}, exitGood, []string{"good: passed", "good.sql"}},
		{"a bad backup", operator, []string{"bad"}, exitFailed, []string{"bad: FAILED", "not_a_backup"}},
		{"several", operator, []string{"good", "bad", "good"}, exitFailed, []string{"bad: FAILED", "passed"}},
		{"one backup", operator, []string{"good", "--backup", "good.sql"}, exitGood, []string{"good: passed"}},
		{"a target that is not there", operator, []string{"orders"}, exitUsage, []string{"orders: the server says", "no such target"}},
		{"one of two is not there", operator, []string{"good", "orders"}, exitErrored, []string{"good: passed", "orders: the server says"}},
		{"a backup that is not there", operator, []string{"good", "--backup", "none.sql"}, exitUsage, []string{"no such backup"}},
		{"no token", "", []string{"good"}, exitUsage, []string{tokenVariable, "lifeboat token create"}},
		{"a wrong token", "lbt_nonsense", []string{"good"}, exitUsage, []string{"no such token", tokenVariable}},
		{"a token that may only look", viewer, []string{"good"}, exitUsage, []string{"may view, not operate"}},
		{"a sandbox to look into", operator, []string{"good", "--keep", "1h"}, exitUsage, []string{"on its own host"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := remotely(t, &s.site, c.token, c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if t.Failed() {
				t.Logf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
			}
			if c.token != "" && strings.Contains(stdout+stderr, c.token) {
				t.Error("it prints the token")
			}
		})
	}

	code, stdout, stderr := remotely(t, &s.site, operator, "--json", "good", "bad")
	var reports []verify.Report
	for line := range strings.Lines(stdout) {
		var rep verify.Report
		if err := json.Unmarshal([]byte(line), &rep); err != nil {
			t.Fatalf("no report: %v\n%s", err, line)
		}
		reports = append(reports, rep)
	}
	if code != exitFailed || len(reports) != 2 || reports[0].Verdict != verify.Passed || reports[1].Verdict != verify.Failed {
		t.Errorf("exit %d with %d reports: %s%s", code, len(reports), stdout, stderr)
	}
	s.token = operator
	if by := s.list(t, "target=good&limit=1")[0].By; by != "anna" {
		t.Errorf("the record says that %q asked, want the name of the token", by)
	}
}

// TestAllTargetsOfAServiceAreDrilled has more of them than one page of its API.
func TestAllTargetsOfAServiceAreDrilled(t *testing.T) {
	t.Parallel()
	dir := backups{"good.sql": notes(1)}.write(t)
	var targets []string
	for i := range 120 {
		targets = append(targets, fmt.Sprintf("t%03d: {source: s, match: good.sql}", i))
	}
	s := serve(t, writeService(t, overFolder(dir, targets...), "concurrency: 8\n"), nil)
	code, stdout, stderr := remotely(t, &s.site, "")
	if n := strings.Count(stdout, "passed"); code != exitGood || n < len(targets) {
		t.Errorf("exit %d, %d of %d passed\n%s%s", code, n, len(targets), stdout, stderr)
	}
}

// TestAServerThatIsNotThereIsNoVerdict covers addresses where no Lifeboat answers.
func TestAServerThatIsNotThereIsNoVerdict(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address, want string
		code                int
	}{
		{"nobody listens", nobody, "connection refused", exitErrored},
		{"no address", "lifeboat", "--server wants an address", exitUsage},
	} {
		code, stdout, stderr := lifeboat(t, "drill", "t", "--server", c.address)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit %d, want %d and %q\n%s", c.name, code, c.code, c.want, stderr)
		}
	}
}

// TestWhoeverStopsWaitingDoesNotStopTheDrill sends what Ctrl-C sends.
func TestWhoeverStopsWaitingDoesNotStopTheDrill(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	dir := backups{"db.sql": slowDump(t, "4")}.write(t)
	s := serve(t, writeService(t, overFolder(dir, "t: {source: s, match: db.sql}"), ""), nil)
	c := start(t, nil, "drill", "t", "--server", s.url)
	c.until(t, "t: ")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t); code != exitInterrupted {
		t.Errorf("exit %d, want %d", code, exitInterrupted)
	}
	if last := c.seen[len(c.seen)-1]; !strings.Contains(last, "the drills go on at the server") {
		t.Errorf("last words: %q", last)
	}
	s.eventually(t, "the drill ends by itself", func() bool {
		list := s.list(t, "target=t")
		return len(list) == 1 && list[0].State == "finished" && list[0].Verdict != "errored"
	})
	if e := ask[api.Drill](t, &s.site, "GET", "/drills/"+s.list(t, "target=t")[0].ID, ""); e.CancelledBy != "" {
		t.Errorf("it was called off: %+v", e)
	}
}
