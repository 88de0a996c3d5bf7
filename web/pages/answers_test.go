package pages_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/internal/testkit"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/pages"
)

func TestPagesAreAsReviewed(t *testing.T) {
	s := newSite(t, true)
	s.service.Wrong = []web.Condition{
		{Code: "database_unreachable", Detail: "The database does not answer.", Hint: "Look at its server.", Since: now.Add(-time.Minute), Fatal: true},
		{Code: "alerts_undelivered", Detail: "2 alerts did not get through to platform.", Hint: "Run lifeboat doctor --notify.", Since: now.Add(-2 * time.Hour)},
	}
	for path, file := range map[string]string{
		"/?verdict=failed": "fleet.html", "/targets/payroll": "target.html", "/drills/billing-20261125": "drill.html",
		"/drills/drill-running-0001": "running.html", "/queue": "queue.html", "/alerts": "alerts.html", "/coverage": "coverage.html", "/nowhere": "problem.html",
	} {
		_, body := s.get(t, path)
		testkit.Golden(t, file, body)
	}
}

func TestErrorsArePagesThatSayWhatIsWrong(t *testing.T) {
	s := newSite(t, true)
	_, err := s.service.Store.Cancel(t.Context(), "drill-queued-0001", "ada", now)
	check(t, err)
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/nowhere", 404, "There is no such page."},
		{"GET", "/static/pages.go", 404, "There is no such file."},
		{"GET", "/targets/nobody", 404, "no target of this name"},
		{"GET", "/targets/nobody/artifacts", 404, "no target of this name"},
		{"GET", "/drills/nothing", 404, "no such drill on record"},
		{"GET", "/drills/billing-2026112", 404, "Several drills begin so."},
		{"GET", "/drills/drill-running-0001.json", 404, "no report before the drill ends"},
		{"GET", "/drills/drill-queued-0001.json", 404, "called off before it began"},
		{"GET", "/live/drills/nothing", 404, "no such drill on record"},
		{"DELETE", "/nowhere", 405, "takes no such request"},
		{"POST", "/targets/nobody/drills", 404, "no target of this name"},
		{"POST", "/targets/orders/drills?backup=gone", 404, "not in the source any more"},
		{"POST", "/drills/nothing/cancel", 404, "no such drill on record"},
	} {
		form := url.Values{}
		path, query, _ := strings.Cut(tt.path, "?")
		if v, ok := strings.CutPrefix(query, "backup="); ok {
			form.Set("backup", v)
		}
		status, body, _ := s.send(t, tt.method, path, form)
		if status != tt.status || !strings.Contains(body, tt.want) || !strings.Contains(body, "To the fleet") {
			t.Errorf("%s %s answers %d without %q:\n%.1500s", tt.method, tt.path, status, tt.want, body)
		}
	}
}

// send sends a form without following where it leads.
func (s *site) send(t testing.TB, method, path string, form url.Values) (status int, body, to string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, strings.NewReader(form.Encode()))
	check(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c := *s.server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	check(t, err)
	return resp.StatusCode, text(t, resp), resp.Header.Get("Location")
}

func TestTheBeginningOfAnIdLeadsToItsDrill(t *testing.T) {
	s := newSite(t, true)
	l := running(t, s.store, "wiki", "drill-over-0001")
	rep := fleet[10].report(0)
	rep.Drill, rep.Started, rep.Finished = l.ID, l.Started, now
	finish(t, s.store, l, rep)
	for path, want := range map[string]string{
		"/drills/drill-over-0001":    "",
		"/drills/drill-over":         "/drills/drill-over-0001",
		"/drills/drill-run":          "/drills/drill-running-0001",
		"/drills/drill-queued-0001":  "",
		"/drills/drill-queued-00019": "",
	} {
		if status, _, to := s.send(t, "GET", path, nil); to != want || status == http.StatusInternalServerError {
			t.Errorf("%s answers %d and leads to %q, want %q", path, status, to, want)
		}
	}
}

func TestFormsStartAndStopDrills(t *testing.T) {
	s := newSite(t, true)
	status, _, to := s.send(t, "POST", "/targets/orders/drills", nil)
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/drills/") {
		t.Fatalf("Drill now answers %d and leads to %q", status, to)
	}
	e, err := s.store.Entry(t.Context(), strings.TrimPrefix(to, "/drills/"))
	if err != nil || e.State != history.Queued || e.Trigger != history.Manual || e.By != "local" {
		t.Errorf("the drill is %+v, %v", e, err)
	}
	key := s.service.Backups["orders"][2].Key
	_, _, to = s.send(t, "POST", "/targets/orders/drills", url.Values{"backup": {key}})
	if e, err := s.store.Entry(t.Context(), strings.TrimPrefix(to, "/drills/")); err != nil || e.Backup != key {
		t.Errorf("the drill of one backup is %+v, %v", e, err)
	}
	if status, _, back := s.send(t, "POST", to+"/cancel", url.Values{"back": {"queue"}}); status != http.StatusSeeOther || back != "/queue" {
		t.Errorf("cancel answers %d and leads to %q", status, back)
	}
	if status, _, back := s.send(t, "POST", to+"/cancel", url.Values{"back": {"//evil.example"}}); status != http.StatusSeeOther || back != to {
		t.Errorf("cancel of one that is over answers %d and leads to %q", status, back)
	}
	if e, err := s.store.Entry(t.Context(), strings.TrimPrefix(to, "/drills/")); err != nil || e.State != history.Cancelled {
		t.Errorf("the stopped drill is %+v, %v", e, err)
	}
}

func TestWhoMayViewSeesNoButtonsAndStartsNothing(t *testing.T) {
	s := newSite(t, false)
	plain := s.tokenOf(t, "eve", history.View)
	get := func(method, path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, nil)
		check(t, err)
		req.Header.Set("Authorization", "Bearer "+plain)
		resp, err := s.server.Client().Do(req)
		check(t, err)
		return resp.StatusCode, text(t, resp)
	}
	for _, path := range []string{"/targets/orders", "/targets/orders/artifacts", "/drills/drill-running-0001", "/drills/orders-20261125", "/queue"} {
		status, body := get("GET", path)
		if status != http.StatusOK || strings.Contains(body, `method="post"`) {
			t.Errorf("%s answers %d, with a form of %s", path, status, body[max(0, strings.Index(body, `method="post"`)):])
		}
	}
	for _, path := range []string{"/targets/orders/drills", "/drills/drill-running-0001/cancel"} {
		if status, body := get("POST", path); status != http.StatusForbidden || !strings.Contains(body, "not start or stop drills") {
			t.Errorf("POST %s answers %d: %s", path, status, body)
		}
	}
	if n, err := s.store.Count(t.Context(), history.Queued); n != 2 || err != nil {
		t.Errorf("%d drills wait, %v; want the two that did before", n, err)
	}
}

func TestStrangersSeeOnlyTheLogIn(t *testing.T) {
	s := newSite(t, false)
	for _, p := range everyPage {
		status, body := s.get(t, p.path)
		if !strings.Contains(body, `name="token"`) || strings.Contains(body, "<nav") || strings.Contains(body, "public.") {
			t.Errorf("%s answers %d to a stranger: %s", p.path, status, body)
		}
	}
	status, body := s.get(t, "/login?next=/targets/orders%3Fa=%22%3E")
	if status != http.StatusOK || !strings.Contains(body, `value="/targets/orders?a=&#34;&gt;"`) {
		t.Errorf("the log-in forgets where to go: %s", body)
	}
}

func TestAWideDrillShowsTheTablesThatDiffer(t *testing.T) {
	s := newSite(t, true)
	rep := fleet[8].report(0)
	for i := range rep.Tables {
		if rep.Tables[i].Name == "events_0299" {
			rep.Tables[i].Rows = 7
		}
	}
	l := running(t, s.store, "wiki", "drill-wide")
	rep.Drill, rep.Target, rep.Started, rep.Finished = l.ID, "wiki", l.Started, now
	finish(t, s.store, l, rep)
	_, body := s.get(t, "/drills/drill-wide")
	first, _, _ := strings.Cut(body[strings.Index(body, `<tr class="differs">`):], "</tr>")
	for _, want := range []string{"archive.events_0299", "10,299", ">7<", "-10,292"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first table is %s, want %s in it", first, want)
		}
	}
	if strings.Contains(body, "events_0100<") {
		t.Error("all 303 tables are on the page")
	}
}

func TestTheListOfDrillsIsPaged(t *testing.T) {
	s := newSite(t, true)
	seen := make(map[string]bool)
	path := "/targets/orders"
	for range 3 {
		_, body := s.get(t, path)
		_, list, _ := strings.Cut(body, `<h2 id="drills">`)
		list, _, _ = strings.Cut(list, "</section>")
		for _, part := range strings.Split(list, `<a href="/drills/`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if seen[id] {
				t.Errorf("%s is on two pages", id)
			}
			seen[id] = true
		}
		_, next, more := strings.Cut(list, `rel="next" href="`)
		if !more {
			break
		}
		next, _, _ = strings.Cut(next, `#`)
		path = "/targets/orders" + html.UnescapeString(next)
	}
	if len(seen) != days {
		t.Errorf("%d drills are on the pages, want %d", len(seen), days)
	}
}

func TestAStorageThatDoesNotAnswerIsSaidWithoutItsWords(t *testing.T) {
	s := newSite(t, true)
	s.service.StorageErr = errors.New("dial tcp s3.internal.example: secret-key rejected")
	status, body := s.get(t, "/targets/orders/artifacts")
	if status != http.StatusOK || !strings.Contains(body, "The storage did not answer.") || strings.Contains(body, "s3.internal") {
		t.Errorf("it answers %d: %s", status, body)
	}
}

// broken is a database that fails.
type broken struct{ pages.Store }

func (broken) Fleet(context.Context, history.FleetQuery) (history.Fleet, error) {
	return history.Fleet{}, errors.New("open /var/lib/lifeboat/secret.db: disk I/O error")
}

func TestADatabaseThatFailsIsAnErrorPageWithoutItsWords(t *testing.T) {
	s := newSite(t, true)
	s.pages.Store = broken{s.store}
	status, body := s.get(t, "/")
	if status != http.StatusInternalServerError || !strings.Contains(body, "could not read what this page shows") || strings.Contains(body, "secret.db") {
		t.Errorf("it answers %d: %s", status, body)
	}
}

func TestALiveDrillSendsItsPartsAndItsEnd(t *testing.T) {
	s := newSite(t, true)
	l := running(t, s.store, "wiki", "drill-moving")
	ctx, cancel := context.WithTimeout(t.Context(), stepLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+"/live/drills/drill-moving", nil)
	check(t, err)
	resp, err := s.server.Client().Do(req)
	check(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	until(`19 of 32 tables`)
	until(`data: "running"`)
	beat(t, s.store, l, 90)
	until(`28 of 32 tables`)
	rep := fleet[10].report(0)
	rep.Drill, rep.Started, rep.Finished = l.ID, l.Started, now
	finish(t, s.store, l, rep)
	until(`The drill is over: passed.`)
	until(`data: "finished"`)
	until(`event: over`)
}

// codes are the constants of package verify.
func codes(t testing.TB) []string {
	t.Helper()
	source, err := os.ReadFile("../../verify/code.go")
	check(t, err)
	var list []string
	for _, m := range regexp.MustCompile(`= "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		list = append(list, m[1])
	}
	if len(list) < 40 {
		t.Fatalf("%d codes were found; the search is wrong", len(list))
	}
	return list
}

func TestEveryCodeHasWords(t *testing.T) {
	s := newSite(t, true)
	for i, code := range codes(t) {
		l := running(t, s.store, "wiki", fmt.Sprintf("drill-code-%d", i))
		rep := fleet[10].report(0)
		rep.Drill, rep.Verdict, rep.Started, rep.Finished = l.ID, verify.Failed, l.Started, now
		rep.Results = []verify.Result{{Check: "any", Verdict: verify.Failed, Code: code, Subject: "public.t", Observed: "1", Expected: "2"}}
		finish(t, s.store, l, rep)
		_, body := s.get(t, "/drills/"+l.ID)
		_, found, _ := strings.Cut(body, `<p class="sentence">`)
		found, _, _ = strings.Cut(found, "</p>")
		if strings.Contains(found, ">"+code) || !strings.Contains(found, "public.t: 1, expected 2") {
			t.Errorf("%s is not put into words: %s", code, found)
		}
	}
}

func TestSchedulesAreSaidInWords(t *testing.T) {
	s := newSite(t, true)
	for spec, want := range map[string]string{
		"":               "on request only",
		"on-new-backup":  "as soon as a new backup appears",
		"@every 90m":     "every 90m",
		"@weekly":        "every Sunday at 00:00, Europe/Berlin",
		"5 4 * * *":      "every day at 04:05, Europe/Berlin",
		"30 2,14 * * *":  "every day at 02:30 and 14:30, Europe/Berlin",
		"0 3 * * 1-5":    "on weekdays at 03:00, Europe/Berlin",
		"0 3 * * sat,0":  "every Saturday and Sunday at 03:00, Europe/Berlin",
		"15 * * * *":     "every hour at minute 15, Europe/Berlin",
		"*/10 * * * *":   "every 10 minutes, Europe/Berlin",
		"0 */6 * * *":    "every 6 hours at minute 0, Europe/Berlin",
		"0 1 1 * *":      "on day 1 of every month at 01:00, Europe/Berlin",
		"*/7 * * * *":    "by the schedule */7 * * * *, Europe/Berlin",
		"0 */5 * * *":    "by the schedule 0 */5 * * *, Europe/Berlin",
		"0 1 31 * *":     "on day 31 of every month that has one at 01:00, Europe/Berlin",
		"0 1 1 */3 *":    "by the schedule 0 1 1 */3 *, Europe/Berlin",
		"1-5 1 * * 9":    "by the schedule 1-5 1 * * 9, Europe/Berlin",
		"0 3 * * 1-5,99": "by the schedule 0 3 * * 1-5,99, Europe/Berlin",
		"0 */6 * * 1":    "by the schedule 0 */6 * * 1, Europe/Berlin",
	} {
		s.service.List[0].Schedule = spec
		if _, body := s.get(t, "/targets/orders"); !strings.Contains(body, "<dd>"+want+"<") {
			_, got, _ := strings.Cut(body, "<dt>Schedule</dt>")
			t.Errorf("%q is said as %.120s, want %s", spec, got, want)
		}
	}
}
