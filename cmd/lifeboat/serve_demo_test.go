package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"lifeboat/web/api"
)

// TestTheDemoServesAMonthAndDrillsForReal looks at what a person sees who tries it, stops it
// as they do, and looks for what is left.
func TestTheDemoServesAMonthAndDrillsForReal(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	tmp := t.TempDir()
	c, s := startChild(t, []string{"TMPDIR=" + tmp}, "serve", "--demo")
	s.url = "http://" + strings.TrimSpace(s.said.await(t, "listening address="))
	s.said.await(t, "Stop it with Ctrl-C")

	month := map[string]int{"passed": 150, "failed": 5, "warned": 2, "errored": 4}
	for verdict, least := range month {
		if n := len(s.list(t, "limit=500&verdict="+verdict)); n < least {
			t.Errorf("%d drills %s in the month, want at least %d", n, verdict, least)
		}
	}
	for path, want := range map[string]string{"/": "shop-emptied", "/targets/shop": "<svg", "/queue": "Queue"} {
		if body := s.page(t, path); !strings.Contains(body, want) {
			t.Errorf("GET %s does not show %q", path, want)
		}
	}
	for target, verdict := range map[string]string{
		"notes": "passed", "notes-truncated": "failed", "notes-stale": "failed", "notes-error-page": "failed",
		"shop": "passed", "shop-emptied": "failed", "shop-truncated": "failed",
	} {
		s.eventually(t, target+" is "+verdict, func() bool {
			list := ask[struct{ Drills []api.Drill }](t, s, http.MethodGet, "/drills?limit=1&target="+target, "").Drills
			return len(list) == 1 && list[0].By == "the demo" && list[0].State == "finished" && list[0].Verdict == verdict
		})
	}
	mustLeaveNothing(t, c, s, tmp, syscall.SIGINT)
}

// TestADemoWhoseTerminalIsClosedLeavesNothing stops it in mid-drill.
func TestADemoWhoseTerminalIsClosedLeavesNothing(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	tmp := t.TempDir()
	c, s := startChild(t, []string{"TMPDIR=" + tmp}, "serve", "--demo")
	s.said.await(t, "Stop it with Ctrl-C")
	mustLeaveNothing(t, c, s, tmp, syscall.SIGHUP)
}

func mustLeaveNothing(t *testing.T, c *child, s *site, tmp string, how os.Signal) {
	t.Helper()
	if err := c.Process.Signal(how); err != nil {
		t.Fatal(err)
	}
	if code := c.end(t); code != exitGood {
		t.Errorf("exit %d, want %d\n%s", code, exitGood, s.said)
	}
	mustBeEmpty(t, tmp)
}
