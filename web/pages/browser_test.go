package pages_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lifeboat/history"
	"lifeboat/internal/testkit"
)

// Limits of what a browser may take. The machine may be busy with other tests.
const (
	browserStart = time.Minute
	stepLimit    = 30 * time.Second
)

// look is how a page is looked at.
type look struct {
	name          string
	dark          bool
	width, height int64
}

var looks = []look{
	{"light", false, 1280, 800},
	{"dark", true, 1280, 800},
	{"phone", false, 360, 740},
}

// browser is one tab of a real browser that notes what its console says.
type browser struct {
	t   *testing.T
	ctx context.Context
	mu  sync.Mutex
	bad []string
}

// openBrowser starts chromium and ends it with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	testkit.Need(t, "chromium", err == nil)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Env("TZ=UTC", "LANG=en_US.UTF-8"))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	timer := time.AfterFunc(browserStart, cancel)
	check(t, chromedp.Do(ctx))
	timer.Stop()
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.IsException() {
				b.mu.Lock()
				b.bad = append(b.bad, m.String())
				b.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return b
}

// do runs steps, each within its limit.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, s := range steps {
		ctx, cancel := context.WithTimeoutCause(b.ctx, stepLimit, fmt.Errorf("a step took longer than %s", stepLimit))
		err := chromedp.Do(ctx, s)
		cancel()
		check(b.t, err)
	}
}

// eval asks the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for the page to say so, also across the way to another page.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeoutCause(b.ctx, stepLimit, fmt.Errorf("waited for longer than %s", stepLimit))
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && yes {
			return
		}
		select {
		case <-again.C: // an error may be that of a page that was just left
		case <-ctx.Done():
			b.t.Fatalf("%s: %v, %v\n%.4000s", expression, context.Cause(ctx), err, eval[string](b, "location.href + document.body.innerText"))
		}
	}
}

// see sets the size and the colours.
func (b *browser) see(l look) {
	b.t.Helper()
	scheme := map[bool]string{true: "dark", false: "light"}[l.dark]
	b.do(chromedp.EmulateViewport(l.width, l.height), func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

// quiet fails the test when the console said something since the last call.
func (b *browser) quiet(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.bad {
		b.t.Errorf("%s: console: %s", where, m)
	}
	b.bad = nil
}

// barriers are what axe-core finds.
func (b *browser) barriers(axe string) []string {
	b.t.Helper()
	eval[bool](b, axe+"; true")
	found := eval[string](b, `axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"], resultTypes: ["violations"]}).then(
		r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.target + " " + n.html.slice(0, 160) + " " + n.failureSummary).join("; "))))`)
	var list []string
	check(b.t, json.Unmarshal([]byte(found), &list))
	return list
}

// everyPage are the pages that are looked at. Those with a picture are kept as files.
var everyPage = []struct{ path, picture string }{
	{"/", "fleet"},
	{"/targets/orders", "target"},
	{"/targets/catalog", ""},
	{"/targets/legacy-erp", ""},
	{"/targets/billing/artifacts", ""},
	{"/drills/billing-20261125", "drill-failed"},
	{"/drills/orders-20261125", "drill"},
	{"/drills/analytics-20261125", ""},
	{"/drills/customers-20261125", ""},
	{"/drills/drill-running-0001", "drill-running"},
	{"/drills/drill-queued-0001", ""},
	{"/queue", "queue"},
	{"/alerts", "alerts"},
	{"/coverage", "coverage"},
	{"/login", "login"},
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

// keep writes a picture of the page.
func (b *browser) keep(name string, l look) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
	defer cancel()
	height := min(eval[int64](b, "document.documentElement.scrollHeight"), 1200)
	b.do(chromedp.EmulateViewport(l.width, max(l.height, height)))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	check(b.t, err)
	b.do(chromedp.EmulateViewport(l.width, l.height))
	testkit.Picture(b.t, "../../docs/screenshots/"+name+".png", png)
	if !bytes.HasPrefix(png, []byte("\x89PNG")) || len(png) > 200_000 {
		b.t.Errorf("%s is no picture of less than 200 kB: %d bytes", name, len(png))
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
	b.until(`document.title.startsWith("orders")`)
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
