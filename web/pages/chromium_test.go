package pages_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

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

// keep writes a picture of the page.
func (b *browser) keep(name string, l look) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepLimit)
	defer cancel()
	height := min(eval[int64](b, "document.documentElement.scrollHeight"), 1100)
	b.do(chromedp.EmulateViewport(l.width, max(l.height, height)))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	check(b.t, err)
	b.do(chromedp.EmulateViewport(l.width, l.height))
	testkit.Picture(b.t, "../../docs/screenshots/"+name+".png", png)
	if !bytes.HasPrefix(png, []byte("\x89PNG")) || len(png) > 200_000 {
		b.t.Errorf("%s is no picture of less than 200 kB: %d bytes", name, len(png))
	}
}
