package pages_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"lifeboat/history"
	"lifeboat/internal/testkit"
	"lifeboat/web/webtest"
)

// everyPage are the pages that are looked at. Those with a picture are kept as files.
var everyPage = []struct{ path, picture string }{
	{"/", "fleet"},
	{"/targets/orders", "target"},
	{"/targets/catalog", ""},
	{"/targets/legacy-erp", ""},
	{"/targets/billing/artifacts", ""},
	{"/drills/billing-20261125", "drill"},
	{"/drills/orders-20261125", ""},
	{"/drills/analytics-20261125", ""},
	{"/drills/customers-20261125", ""},
	{"/drills/drill-running-0001", "drill-running"},
	{"/drills/drill-queued-0001", ""},
	{"/queue", ""},
	{"/alerts", "alerts"},
	{"/coverage", ""},
	{"/login", ""},
	{"/nowhere", ""},
}

func TestBrowserSeesEveryPageWithoutBarriers(t *testing.T) {
	source, err := os.ReadFile("../../.bin/axe.min.js")
	testkit.Need(t, "axe-core in .bin", err == nil)
	s := newSite(t, true)
	b := openBrowser(t)
	for _, l := range looks {
		b.see(l)
		for _, p := range everyPage {
			where := p.path + " " + l.name
			b.do(chromedp.Navigate(s.server.URL + p.path))
			if wide := eval[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
				t.Errorf("%s: the page is %d px wider than the window", where, wide)
			}
			if p.picture != "" {
				b.keep(p.picture+"-"+l.name, l)
			}
			for _, found := range b.barriers(string(source)) {
				t.Errorf("%s: %s", where, found)
			}
			if p.path == "/nowhere" { // the browser says itself that the page answered 404
				b.mu.Lock()
				b.bad = nil
				b.mu.Unlock()
			}
			b.quiet(where)
		}
	}
}

func TestBrowserFollowsADrillWithoutReloading(t *testing.T) {
	s := newSite(t, true)
	l := running(t, s.store, "wiki", "drill-moving-0001")
	b := openBrowser(t)
	b.do(chromedp.Navigate(s.server.URL + "/drills/drill-moving-0001"))
	b.until(`document.querySelector("#progress").innerText.includes("19 of 32 tables")`)
	eval[bool](b, `window.sameDocument = true`)
	beat(t, s.store, l, 90)
	b.until(`document.querySelector("#progress").innerText.includes("28 of 32 tables")`)
	rep := fleet[10].report(0)
	rep.Drill, rep.Started, rep.Finished = l.ID, l.Started, now
	finish(t, s.store, l, rep)
	b.until(`!!document.querySelector(".verdict.v-passed") && document.querySelector("#say").innerText.includes("passed")`)
	if !eval[bool](b, `window.sameDocument === true`) {
		t.Error("the page was loaded anew instead of in place")
	}
	b.quiet("drill")
}

func TestBrowserSeesTheFleetMove(t *testing.T) {
	s := newSite(t, true)
	b := openBrowser(t)
	b.do(chromedp.Navigate(s.server.URL + "/"))
	b.until(`document.querySelectorAll("#running li").length === 1`)
	eval[bool](b, `window.sameDocument = true`)
	l := running(t, s.store, "wiki", "drill-moving-0002")
	b.until(`document.querySelectorAll("#running li").length === 2`)
	rep := fleet[1].report(0) // a bad one
	rep.Drill, rep.Target, rep.Started, rep.Finished = l.ID, "wiki", l.Started, now
	finish(t, s.store, l, rep)
	b.until(`[...document.querySelectorAll("table.fleet tr")].some(r => r.innerText.includes("wiki") && r.innerText.includes("failed"))`)
	if !eval[bool](b, `window.sameDocument === true`) {
		t.Error("the page was loaded anew instead of in place")
	}
	b.quiet("fleet")
}

func TestBrowserHoldsHostileAndLongNames(t *testing.T) {
	source, err := os.ReadFile("../../.bin/axe.min.js")
	testkit.Need(t, "axe-core in .bin", err == nil)
	s := hostile(t)
	target := "/targets/" + url.PathEscape(webtest.Hostile)
	drills, err := s.store.List(t.Context(), history.Filter{Target: webtest.Hostile, Limit: 1})
	check(t, err)
	b := openBrowser(t)
	for _, l := range looks {
		b.see(l)
		for _, path := range []string{"/", target, target + "/artifacts", "/drills/" + drills[0].ID, "/queue", "/alerts", "/coverage"} {
			b.do(chromedp.Navigate(s.server.URL + path))
			if wide := eval[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
				t.Errorf("%s %s: the page is %d px wider than the window", path, l.name, wide)
			}
			b.keep("hostile"+strings.ReplaceAll(strings.TrimPrefix(path, target), "/", "-")+"-"+l.name, l)
			for _, found := range b.barriers(string(source)) {
				t.Errorf("%s %s: %s", path, l.name, found)
			}
			b.quiet(path)
		}
	}
}

func TestBrowserTellsWhatABarIs(t *testing.T) {
	s := newSite(t, true)
	b := openBrowser(t)
	b.do(chromedp.Navigate(s.server.URL + "/"))
	point := `(() => { const box = document.querySelector('[data-strip="/targets/billing/strip"] .strip').getBoundingClientRect();
		return [box.right - 2, box.top + 12] })()`
	at := eval[[]float64](b, point)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]))
	b.until(`"known" in document.querySelector('[data-strip="/targets/billing/strip"]').dataset`)
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0]+1, at[1]))
	b.until(`!document.querySelector("#tip").hidden && document.querySelector("#tip").innerText.includes("failed, 2026-11-25 04:04 UTC")`)
	b.do(chromedp.MouseClickXY(at[0], at[1]))
	b.until(`location.pathname === "/drills/billing-20261125"`)
	b.quiet("tooltip")
}

func TestBrowserStartsAndStopsADrill(t *testing.T) {
	s := newSite(t, true)
	b := openBrowser(t)
	b.do(
		chromedp.Navigate(s.server.URL+"/targets/orders"),
		chromedp.Click(chromedp.CSS(`form[action="/targets/orders/drills"] button`)),
	)
	b.until(`location.pathname.startsWith("/drills/") && document.body.innerText.includes("It is waiting for its turn")`)
	b.do(chromedp.Click(chromedp.CSS(`form[action$="/cancel"] button`)))
	b.until(`document.body.innerText.includes("called off before it began")`)

	b.do(chromedp.Navigate(s.server.URL+"/targets/orders"), chromedp.Click(chromedp.CSS(`a[data-part]`)))
	b.until(`document.querySelector("#artifacts").innerText.includes("still growing")`)
	if got := eval[string](b, "location.pathname"); got != "/targets/orders" {
		t.Errorf("the list of backups led to %s instead of into the page", got)
	}
	b.do(chromedp.Click(chromedp.CSS(`#artifacts tbody tr:nth-child(3) button`)))
	b.until(`location.pathname.startsWith("/drills/")`)
	b.quiet("drill now")
}

func TestBrowserLogsInAndOut(t *testing.T) {
	s := newSite(t, false)
	plain := s.tokenOf(t, "ada", history.Operate)
	b := openBrowser(t)
	b.do(
		chromedp.Navigate(s.server.URL+"/targets/orders"),
		chromedp.SendKeys(chromedp.CSS("#token"), "lbt_wrong\r"),
	)
	b.until(`document.body.innerText.includes("no such token")`)
	b.mu.Lock()
	b.bad = nil // the browser notes the answer 401
	b.mu.Unlock()
	b.do(chromedp.SendKeys(chromedp.CSS("#token"), plain+"\r"))
	b.until(`document.title.startsWith("orders") && document.readyState === "complete"`)
	b.do(chromedp.Click(chromedp.CSS(`form[action="/targets/orders/drills"] button`)))
	b.until(`location.pathname.startsWith("/drills/") && document.body.innerText.includes("asked for by ada")`)
	b.do(chromedp.Click(chromedp.CSS(`form[action="/logout"] button`)))
	b.until(`location.pathname === "/login"`)
	b.quiet("login")
}

func TestBrowserWalksByKeyboard(t *testing.T) {
	s := newSite(t, true)
	b := openBrowser(t)
	b.do(chromedp.Navigate(s.server.URL+"/"), chromedp.KeyEvent("\t"))
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Fatalf("the first stop is %q, want the link that skips to the content", got)
	}
	var stops []string
	for range 16 {
		b.do(chromedp.KeyEvent("\t"))
		stops = append(stops, eval[string](b, `document.activeElement.innerText || document.activeElement.id || document.activeElement.tagName`))
		visible := eval[bool](b, `(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 })()`)
		if !visible {
			t.Errorf("the focus on %q cannot be seen", stops[len(stops)-1])
		}
	}
	walk := strings.Join(stops, "|")
	for _, want := range []string{"Lifeboat|Fleet|Queue|Alerts|Coverage|q|Find|", "billing"} {
		if !strings.Contains(walk, want) {
			t.Errorf("the walk is %s, want %s in it", walk, want)
		}
	}
	eval[bool](b, `document.querySelector('a[href="/targets/billing"]').focus(); true`)
	b.do(chromedp.KeyEvent("\r"))
	b.until(`location.pathname === "/targets/billing"`)
}

func TestBrowserReadsWithoutScripts(t *testing.T) {
	s := newSite(t, true)
	b := openBrowser(t)
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	for path, want := range map[string]string{
		"/":                          "Rows are missing after the restore",
		"/targets/orders":            "Restore time",
		"/drills/drill-running-0001": "19 of 32 tables",
		"/targets/orders/artifacts":  "still growing",
	} {
		b.do(chromedp.Navigate(s.server.URL + path))
		ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
		text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		cancel()
		check(t, err)
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q without scripts: %.2000s", path, want, text)
		}
	}
	b.do(chromedp.Navigate(s.server.URL+"/targets/orders"), chromedp.Click(chromedp.CSS(`form[action="/targets/orders/drills"] button`)),
		chromedp.WaitVisible(chromedp.CSS(".v-queued")))
	b.quiet("without scripts")
}
