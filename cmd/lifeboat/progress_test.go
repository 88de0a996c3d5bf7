package main

import (
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"lifeboat/jobs"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

// page is what a terminal was sent.
type page struct {
	mu sync.Mutex
	strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Builder.Write(b)
}

// TestABarThatIsOverDrawsNoMore draws one as its own goroutine would, too late.
func TestABarThatIsOverDrawsNoMore(t *testing.T) {
	before := goleak.IgnoreCurrent()
	out := &page{}
	b := &bars{out: out, width: 80, now: time.Now}
	for _, phase := range []jobs.Phase{jobs.Locate, jobs.Fetch} {
		b.Show(jobs.Event{Target: "orders", Phase: phase, Began: true})
		if phase == jobs.Fetch {
			b.Show(jobs.Event{Target: "orders", Phase: phase, Done: 10, Total: 100, Unit: "bytes"})
		}
		bar := b.bar
		b.Show(jobs.Event{Target: "orders", Phase: phase, Ended: true})
		shown := out.String()
		if err := bar.RenderBlank(); err != nil {
			t.Fatal(err)
		}
		if late := strings.TrimPrefix(out.String(), shown); late != "" {
			t.Errorf("%s: drawn after its end: %q", phase, late)
		}
		if last := shown[strings.LastIndex(shown, "\r")+1:]; !strings.Contains(last, text.Doing(string(phase))) || !strings.HasSuffix(last, "\n") {
			t.Errorf("%s: the line left is %q", phase, last)
		}
	}
	b.Close()
	goleak.VerifyNone(t, before)
}

// TestNoLineIsWiderThanItsTerminal draws every phase: a line that wraps could not be
// drawn over.
func TestNoLineIsWiderThanItsTerminal(t *testing.T) {
	for _, width := range []int{minBarsWidth, 60, 80, 200} {
		out := &page{}
		b := &bars{out: out, width: width, now: time.Now}
		for _, name := range verify.Phases {
			phase := jobs.Phase(name)
			b.Show(jobs.Event{Target: "orders", Phase: phase, Began: true})
			for done := int64(0); done <= 100; done += 20 {
				b.Show(jobs.Event{Target: "orders", Phase: phase, Done: done * 1e7, Total: 1e9, Unit: "bytes"})
				b.Show(jobs.Event{Target: "orders", Phase: phase, Done: done * 1e3, Total: 1e5, Unit: "tables"})
			}
			b.Show(jobs.Event{Target: "orders", Phase: phase, Ended: true})
		}
		b.Close()
		widest := 0
		for _, line := range strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
			widest = max(widest, utf8.RuneCountInString(line))
		}
		if widest >= width || widest < width/4 {
			t.Errorf("on %d columns lines have up to %d", width, widest)
		}
	}
}
