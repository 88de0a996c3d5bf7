package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/jobs"
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
		if last := shown[strings.LastIndex(shown, "\r")+1:]; !strings.Contains(last, doing[phase]) || !strings.HasSuffix(last, "\n") {
			t.Errorf("%s: the line left is %q", phase, last)
		}
	}
	b.Close()
	goleak.VerifyNone(t, before)
}
