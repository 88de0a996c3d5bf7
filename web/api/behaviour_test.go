package api_test

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web"
	"lifeboat/web/api"
	"lifeboat/web/problem"
	"lifeboat/web/webtest"
)

func TestAReportIsServedAsItWasStored(t *testing.T) {
	w := serve(t, history.View)
	fleet := get[struct{ Targets []api.Target }](t, w, "/targets?search="+webtest.Wide)
	id := fleet.Targets[0].Standing.Last.ID
	want, err := w.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	_, got := w.call(t, "GET", "/api/v1/drills/"+id+"/report", "")
	if strings.TrimSpace(got) != string(plain) {
		t.Errorf("the report differs: %.300s\nwant %.300s", got, plain)
	}
	if r := get[verify.Report](t, w, "/drills/"+id+"/report"); len(r.Tables) != 5000 {
		t.Errorf("the report has %d tables, want 5000", len(r.Tables))
	}
}

func TestPagesOfDrillsLeaveNoneOut(t *testing.T) {
	w := serve(t, history.View)
	type page struct {
		Drills []api.Drill
		Next   string
	}
	var ids []string
	cursor := ""
	for {
		p := get[page](t, w, "/drills?limit=7&cursor="+url.QueryEscape(cursor))
		for _, d := range p.Drills {
			ids = append(ids, d.ID)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	all := get[page](t, w, "/drills?limit=500")
	var want []string
	for _, d := range all.Drills {
		want = append(want, d.ID)
	}
	if !slices.Equal(ids, want) || len(want) < 70 {
		t.Errorf("%d drills in pages, %d at once:\n%v\n%v", len(ids), len(want), ids, want)
	}
}

func TestAStartedDrillIsInTheQueueUnderTheCallersName(t *testing.T) {
	w := serve(t, history.Operate)
	res, body := w.call(t, "POST", "/api/v1/targets/orders/drills", "")
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("answered %d: %s", res.StatusCode, body)
	}
	d := get[api.Drill](t, w, strings.TrimPrefix(res.Header.Get("Location"), "/api/v1"))
	if d.State != "queued" || d.By != "tester" || d.Trigger != "manual" || d.Target != "orders" {
		t.Errorf("the drill is %+v", d)
	}
	res, body = w.call(t, "POST", "/api/v1/targets/orders/drills", "")
	if res.Header.Get("Location") != "/api/v1/drills/"+d.ID || !strings.Contains(body, `"fresh":false`) {
		t.Errorf("asked twice it is %s: %s", res.Header.Get("Location"), body)
	}
}

func TestViewersChangeNothingAndStrangersSeeNothing(t *testing.T) {
	viewer, stranger := serve(t, history.View), serve(t, "")
	for _, o := range operations {
		if o.method == "POST" {
			if res, body := viewer.call(t, o.method, "/api/v1"+o.path, o.body); res.StatusCode != http.StatusForbidden {
				t.Errorf("a viewer's %s %s is answered %d: %s", o.method, o.path, res.StatusCode, body)
			}
		}
		res, body := stranger.call(t, o.method, "/api/v1"+o.path, o.body)
		if res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("a stranger's %s %s is answered %d: %s", o.method, o.path, res.StatusCode, body)
		}
	}
	for _, path := range []string{"/openapi.json", "/openapi.yaml", "/docs", "/events"} {
		if res, _ := stranger.call(t, "GET", "/api/v1"+path, ""); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger's GET %s is answered %d", path, res.StatusCode)
		}
	}
	if viewer.service.Reloads() != 0 || len(viewer.service.News()) != 0 || len(stranger.service.News()) != 0 {
		t.Error("somebody without the role changed something")
	}
}

func TestEveryErrorIsAProblem(t *testing.T) {
	w := serve(t, history.Operate)
	const secret = "hunter2-super-secret"
	for _, tt := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"no such path", "GET", "/api/v1/nothing", "", 404},
		{"no such version", "GET", "/api/v2/targets", "", 404},
		{"another method", "DELETE", "/api/v1/targets", "", 405},
		{"reading what changes", "GET", "/api/v1/reload", "", 405},
		{"a path that climbs", "GET", "/api/v1/drills/..%2f..%2fetc%2fpasswd", "", 404},
		{"a path of zeros", "GET", "/api/v1/targets/%00", "", 404},
		{"HTML for a target", "GET", "/api/v1/targets/%3Cimg%20src=x%20onerror=alert(1)%3E", "", 404},
		{"HTML for a limit", "GET", "/api/v1/drills?limit=%3Cscript%3E", "", 422},
		{"a limit too high", "GET", "/api/v1/drills?limit=1000000", "", 422},
		{"an unknown parameter", "GET", "/api/v1/drills?limits=1", "", 422},
		{"an unknown state", "GET", "/api/v1/drills?state=" + secret, "", 422},
		{"an unknown field", "POST", "/api/v1/targets/orders/drills", `{"password":"` + secret + `"}`, 422},
		{"a wrong type", "POST", "/api/v1/targets/orders/drills", `{"backup":["` + secret + `"]}`, 422},
		{"a body too large", "POST", "/api/v1/targets/orders/drills", `{"backup":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"news too large", "POST", "/api/v1/notifications/s3", `{"Records":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := w.call(t, tt.method, tt.path, tt.body)
			var p problem.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if res.StatusCode != tt.want || p.Status != tt.want || res.Header.Get("Content-Type") != problem.ContentType || p.Detail == "" {
				t.Errorf("answered %d as %s: %s; want %d", res.StatusCode, res.Header.Get("Content-Type"), body, tt.want)
			}
			if strings.Contains(body, secret) || strings.ContainsAny(body, "<>") {
				t.Errorf("the answer repeats what was sent: %s", body)
			}
			if tt.want == http.StatusMethodNotAllowed && res.Header.Get("Allow") == "" {
				t.Error("405 does not say what is allowed")
			}
		})
	}
}

func TestWhatCannotBeAnsweredSaysNoMoreThanThat(t *testing.T) {
	w := serve(t, history.Operate)
	w.service.StorageErr = errors.New("GET https://AKIA:secret@bucket failed")
	for path, want := range map[string]int{"/targets/orders/artifacts": 502, "/coverage": 500} {
		if res, body := w.call(t, "GET", "/api/v1"+path, ""); res.StatusCode != want || strings.Contains(body, "secret") {
			t.Errorf("GET %s answers %d: %s", path, res.StatusCode, body)
		}
	}
	w.service.ReloadErr = fmt.Errorf("%w\n  targets.orders.rpo: must be greater than zero", web.ErrConfig)
	res, body := w.call(t, "POST", "/api/v1/reload", "")
	if res.StatusCode != 422 || !strings.Contains(body, "targets.orders.rpo: must be greater than zero") {
		t.Errorf("a broken configuration answers %d: %s", res.StatusCode, body)
	}
}

func TestNewsOfStoragesComeThrough(t *testing.T) {
	record := func(event, key string) string {
		return `{"eventName":"` + event + `","s3":{"bucket":{"name":"acme"},"object":{"key":"` + key + `","size":5}}}`
	}
	w := serve(t, history.Operate)
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"amazon", `{"Records":[` + record("ObjectCreated:CompleteMultipartUpload", "pg/orders+2026-11-22.dump") + `]}`, []string{"acme/pg/orders 2026-11-22.dump"}},
		{"minio", `{"EventName":"s3:ObjectCreated:Put","Key":"acme/pg/a.dump","Records":[` + record("s3:ObjectCreated:Put", "pg%2Fa.dump") + `]}`, []string{"acme/pg/a.dump"}},
		{"one object twice", `{"Records":[` + record("ObjectCreated:Put", "a") + `,` + record("ObjectCreated:Put", "a") + `]}`, []string{"acme/a"}},
		{"a key with a stray percent sign", `{"Records":[` + record("ObjectCreated:Put", "100%") + `]}`, []string{"acme/100%"}},
		{"deleted", `{"Records":[` + record("ObjectRemoved:Delete", "a") + `]}`, nil},
		{"a test", `{"Service":"Amazon S3","Event":"s3:TestEvent"}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(w.service.News())
			if res, body := w.call(t, "POST", "/api/v1/notifications/s3", tt.body); res.StatusCode != http.StatusAccepted {
				t.Fatalf("answered %d: %s", res.StatusCode, body)
			}
			if got := w.service.News()[before:]; !slices.Equal(got, tt.want) {
				t.Errorf("heard of %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEventsTellOfADrillUntilItsEnd(t *testing.T) {
	w := serve(t, history.Operate)
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/api/v1/events?target=orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "17")
	res, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("the stream is %s", got)
	}
	events := bufio.NewScanner(res.Body)
	if name, data := next(t, events); name != "snapshot" || data != `{"drills":[]}` {
		t.Fatalf("the first event is %s: %s", name, data)
	}
	w.call(t, "POST", "/api/v1/targets/orders/drills", "")
	var d api.Drill
	name, data := next(t, events)
	if err := json.Unmarshal([]byte(data), &d); name != "drill" || err != nil || d.State != "queued" {
		t.Fatalf("then comes %s: %s", name, data)
	}
	w.call(t, "POST", "/api/v1/drills/"+d.ID+"/cancel", "")
	name, data = next(t, events)
	if err := json.Unmarshal([]byte(data), &d); name != "drill" || err != nil || d.State != "cancelled" {
		t.Fatalf("and at its end %s: %s", name, data)
	}
}

// next reads one event.
func next(t *testing.T, s *bufio.Scanner) (name, data string) {
	t.Helper()
	for s.Scan() {
		line := s.Text()
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			data = v
		}
		if line == "" && name != "" {
			return name, data
		}
	}
	t.Fatalf("the stream ended: %v", s.Err())
	return "", ""
}

func TestReadinessNamesWhatIsFatal(t *testing.T) {
	w, stranger := serve(t, history.View), serve(t, "")
	for _, w := range []*world{w, stranger} {
		if res, _ := w.call(t, "GET", "/healthz", ""); res.StatusCode != 200 {
			t.Errorf("a living process answers %d", res.StatusCode)
		}
		if res, body := w.call(t, "GET", "/readyz", ""); res.StatusCode != 200 {
			t.Errorf("what is not fatal makes it unready: %d %s", res.StatusCode, body)
		}
		w.service.Wrong = []web.Condition{{Code: "scheduler_stalled", Detail: "No schedule was looked at for 5 min.", Fatal: true}}
		if res, body := w.call(t, "GET", "/readyz", ""); res.StatusCode != 503 || !strings.Contains(body, "scheduler_stalled") {
			t.Errorf("unready answers %d: %s", res.StatusCode, body)
		}
	}
	if _, body := stranger.call(t, "GET", "/readyz", ""); strings.Contains(body, "5 min") {
		t.Errorf("strangers are told details: %s", body)
	}
	w.service.Wrong = nil
	w.store.Close()
	if res, body := w.call(t, "GET", "/readyz", ""); res.StatusCode != 503 || !strings.Contains(body, "database_unreachable") {
		t.Errorf("without a database it answers %d: %s", res.StatusCode, body)
	}
}

func TestABadgeIsWellFormedWhateverTheName(t *testing.T) {
	w := serve(t, history.View)
	for target, want := range map[string]string{
		webtest.Passed: "passed", webtest.Failed: "failed", webtest.Never: "never drilled", webtest.Hostile: "failed",
	} {
		res, body := w.call(t, "GET", "/badges/"+url.PathEscape(target)+".svg", "")
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "image/svg+xml") || !strings.Contains(body, ">"+want+"<") {
			t.Errorf("the badge of %s is %d %s: %s", target, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
		d := xml.NewDecoder(strings.NewReader(body))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("the badge of %s: %v", target, err)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("the badge of %s runs a script", target)
			}
		}
	}
	if res, _ := w.call(t, "GET", "/badges/nobody.svg", ""); res.StatusCode != 404 {
		t.Errorf("a badge of nobody answers %d", res.StatusCode)
	}
}

func TestABadgeIsNotGreenerThanItsTarget(t *testing.T) {
	w := serve(t, history.View)
	for _, tt := range []struct {
		target  string
		problem notify.Kind
		verdict verify.Verdict
		want    string
	}{
		{webtest.Passed, notify.Overdue, verify.Errored, "overdue"},
		{webtest.Passed, notify.BadBackup, verify.Failed, "failed"},
		{webtest.Never, notify.Overdue, verify.Errored, "never drilled"},
		{webtest.Failed, notify.Overdue, verify.Errored, "failed"},
	} {
		err := w.store.Update(t.Context(), tt.target, func(history.Standing) (history.Effects, bool) {
			p := notify.Problem{ID: "open", Verdict: tt.verdict}
			return history.Effects{State: notify.State{Problems: map[notify.Kind]notify.Problem{tt.problem: p}}}, true
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, body := w.call(t, "GET", "/badges/"+tt.target+".svg", ""); !strings.Contains(body, ">"+tt.want+"<") {
			t.Errorf("%s with an open problem %s has the badge %s, want %s", tt.target, tt.problem, body, tt.want)
		}
	}
}

func TestThePageOfTheAPILoadsNothingFromElsewhere(t *testing.T) {
	w := serve(t, history.View)
	res, body := w.call(t, "GET", "/api/v1/docs", "")
	if res.StatusCode != 200 || strings.Contains(body, "<script") || strings.Contains(body, "style=") || strings.Contains(body, "://") {
		t.Errorf("the page answers %d: %.500s", res.StatusCode, body)
	}
	for _, o := range operations {
		if !strings.Contains(body, `id="`+o.id+`"`) {
			t.Errorf("the page does not have %s", o.id)
		}
	}
	if _, yaml := w.call(t, "GET", "/api/v1/openapi.yaml", ""); !strings.Contains(yaml, "openapi: 3.1.0") {
		t.Errorf("the document as YAML: %.200s", yaml)
	}
}

func TestAStandingSaysWhatItsTargetOwes(t *testing.T) {
	w := serve(t, history.View)
	got := get[api.Target](t, w, "/targets/"+webtest.Failed)
	s := got.Standing
	if s.Verdict != "failed" || s.LastGood == nil || s.LastGood.Drill == "" || len(s.Problems) != 1 || s.Problems[0].Kind != "backup" {
		t.Errorf("the standing is %+v", s)
	}
	if o := got.Objectives; o.RPO != 26*3600 || o.RTO != 45*60 || o.MaxAgeProof != 48*3600 {
		t.Errorf("the objectives are %+v", o)
	}
	if want := noon.AddDate(0, 0, -1).Add(5 * time.Minute); s.Last == nil || s.Last.Finished == nil || !s.Last.Finished.Equal(want) {
		t.Errorf("the last drill is %+v, want it finished at %s", s.Last, want)
	}
}
