package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit/pgserver"
	"lifeboat/web/api"
)

// TestServicesShareOneRecordOnPostgreSQL has two of them on one database, and the command
// line beside them.
func TestServicesShareOneRecordOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	dir := backups{"t.sql": notes(9), "u.sql": notes(8)}.write(t)
	config := writeService(t, overFolder(dir, `t: {source: s, match: t.sql, schedule: "* * * * *"}`, "u: {source: s, match: u.sql}"),
		fmt.Sprintf("history: %q\naccess: tokens\n", server.DSN(t)))
	clock := soon(3 * time.Second)
	here := func(sh *shell) { sh.now, sh.lease = clock, 2*time.Second }
	a, b := serve(t, config, here), serve(t, config, here)
	a.token = newToken(t, config, "anna", "operate")
	b.token = a.token

	id := a.begin(t, "u")
	b.eventually(t, "each sees what the other drills", func() bool {
		return ask[api.Drill](t, &b.site, http.MethodGet, "/drills/"+id, "").Verdict == "passed"
	})
	for _, s := range []*serving{a, b} {
		s.eventually(t, "the schedule fires", func() bool { return len(s.list(t, "target=t&verdict=passed")) > 0 })
	}
	fired := make(map[time.Time]string)
	for _, d := range b.list(t, "target=t") {
		if d.Trigger != "schedule" || d.ScheduledFor == nil {
			t.Errorf("drill %+v, want one of the schedule", d)
			continue
		}
		if other, twice := fired[*d.ScheduledFor]; twice {
			t.Errorf("drills %s and %s of one occurrence, %s", other, d.ID, d.ScheduledFor)
		}
		fired[*d.ScheduledFor] = d.ID
	}

	if err := a.stop(t); err != nil {
		t.Error(err)
	}
	if d := b.drill(t, "u"); d.Verdict != "passed" {
		t.Errorf("drill by the one that is left: %+v", d)
	}
	for _, c := range []struct{ args, want string }{
		{"status", "passed"}, {"history u", "passed"}, {"token list", "anna"}, {"show " + id, "u: passed"},
	} {
		code, stdout, stderr := lifeboat(t, append(strings.Fields(c.args), "--config", config)...)
		if code != exitGood || !strings.Contains(stdout, c.want) || strings.Contains(stdout+stderr, server.Password) {
			t.Errorf("%s: exit %d, want %q\n%s%s", c.args, code, c.want, stdout, stderr)
		}
	}
	if said := a.said.String() + b.said.String(); strings.Contains(said, server.Password) {
		t.Errorf("the database's password is in the log:\n%s", said)
	}
}

// TestADatabaseThatDoesNotAnswerIsNamedWithoutItsPassword starts a service on one.
func TestADatabaseThatDoesNotAnswerIsNamedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	const password = "pAsSwOrD-of-the-history"
	config := writeService(t, overFolder("nowhere", "t: {source: s, match: x}"), `history: "postgres://lifeboat:`+password+`@127.0.0.1:1/lifeboat"`)
	code, stdout, stderr := lifeboat(t, "serve", "--config", config)
	if code != exitErrored || !strings.Contains(stderr, "connection refused") || strings.Contains(stdout+stderr, password) {
		t.Errorf("exit %d, want %d and the cause\n%s%s", code, exitErrored, stdout, stderr)
	}
}
