package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"lifeboat/internal/units"
	"lifeboat/jobs"
	"lifeboat/verify/text"
)

// progress shows how drills are going: bars on a terminal, plain lines elsewhere.
type progress interface {
	Show(jobs.Event)
	Close()
}

// newProgress fits the output; quiet shows nothing. Bars need a line of their own, so
// drills that run at the same time are told in lines.
func (sh *shell) newProgress(quiet bool, atOnce int) progress {
	width, tty := terminal(sh.stderr)
	switch {
	case quiet:
		return silent{}
	case tty && atOnce == 1 && width >= minBarsWidth:
		return &bars{out: sh.stderr, width: width, color: sh.color(sh.stderr), now: sh.now}
	}
	return &lines{out: sh.stderr, now: sh.now, began: map[string]time.Time{}, told: map[string]time.Time{}}
}

// Columns. A line that is too long for its terminal wraps, and what wraps is not drawn
// over but left behind at every step.
const (
	minBarsWidth = 50 // below it, phases are told in lines
	maxBar       = 30
	besideBar    = 31 + len(" 100% |") + len("|  ") // what a bar stands between, after the longest description
	ratesWidth   = len("(1000 MB/s) ") + len("[1h00m00s:1h00m00s]")
)

type silent struct{}

func (silent) Show(jobs.Event) {}
func (silent) Close()          {}

// lineInterval is how often a phase under way is told again where there are no bars.
const lineInterval = 10 * time.Second

// lines prints a line when a phase ends and now and then while it is under way.
type lines struct {
	out   io.Writer
	now   func() time.Time
	mu    sync.Mutex
	began map[string]time.Time
	told  map[string]time.Time
}

// Show implements progress.
func (l *lines) Show(e jobs.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, at := e.Drill+string(e.Phase), l.now()
	switch {
	case e.Note != "":
		l.print(e, e.Note)
	case e.Began:
		l.began[id], l.told[id] = at, at
	case e.Ended:
		took := at.Sub(l.began[id])
		delete(l.began, id)
		delete(l.told, id)
		l.print(e, fmt.Sprintf("%s: %s", text.Doing(string(e.Phase)), units.Duration(took)))
	case at.Sub(l.told[id]) >= lineInterval && !l.told[id].IsZero():
		l.told[id] = at
		l.print(e, text.Doing(string(e.Phase))+": "+amount(e))
	}
}

func (l *lines) print(e jobs.Event, text string) {
	fmt.Fprintf(l.out, "%s %s: %s\n", l.now().Format(time.TimeOnly), e.Target, text)
}

// Close implements progress.
func (*lines) Close() {}

// amount is what an event says it has done, in words.
func amount(e jobs.Event) string {
	say := units.Count
	if e.Unit == "bytes" {
		say = units.Bytes
	}
	text := say(e.Done)
	if e.Total > 0 {
		text += " of " + say(e.Total)
	}
	if e.Unit != "bytes" {
		text += " " + e.Unit
	}
	return text
}

// bars shows one bar for the phase under way and leaves a line for each that ended.
type bars struct {
	out   io.Writer
	width int
	color bool
	now   func() time.Time

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	valve *valve // what bar writes through
	phase jobs.Phase
	began map[jobs.Phase]time.Time
}

// Show implements progress.
func (b *bars) Show(e jobs.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case e.Note != "":
		b.clear()
		fmt.Fprintf(b.out, "  %s\n", e.Note)
	case e.Began:
		b.begin(e)
	case e.Ended:
		b.end(e)
	default:
		b.move(e)
	}
}

func (b *bars) begin(e jobs.Event) {
	if b.began == nil || e.Phase == jobs.Locate {
		b.began = map[jobs.Phase]time.Time{}
		fmt.Fprintf(b.out, "%s\n", e.Target)
	}
	b.began[e.Phase] = b.now()
	if b.bar == nil {
		b.show(e.Phase, -1, "")
	}
}

func (b *bars) end(e jobs.Event) {
	b.clear()
	fmt.Fprintf(b.out, "  %-30s %8s\n", text.Doing(string(e.Phase)), units.Duration(b.now().Sub(b.began[e.Phase])))
	delete(b.began, e.Phase)
	for _, next := range []jobs.Phase{jobs.Fetch, jobs.Boot, jobs.Count, jobs.Soundness} {
		if _, under := b.began[next]; under {
			b.show(next, -1, "")
			return
		}
	}
}

func (b *bars) move(e jobs.Event) {
	if _, under := b.began[e.Phase]; !under {
		return
	}
	total := e.Total
	if total <= 0 {
		total = -1
	}
	if b.bar == nil || b.phase != e.Phase || b.bar.GetMax64() != total {
		b.clear()
		b.show(e.Phase, total, e.Unit)
	}
	_ = b.bar.Set64(min(e.Done, max(total, 0)))
}

// show begins a bar; a total of -1 shows a spinner, which takes the place of the
// line's indentation. Where a terminal is narrow, the bar goes before rate and times do.
func (b *bars) show(ph jobs.Phase, total int64, unit string) {
	b.valve = &valve{out: b.out}
	room := b.width - 1 - besideBar
	rates := room >= ratesWidth+4
	if rates {
		room -= ratesWidth
	}
	opts := []progressbar.Option{
		progressbar.OptionSetWriter(b.valve),
		progressbar.OptionSetWidth(min(room, maxBar)),
		progressbar.OptionThrottle(65 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionEnableColorCodes(b.color),
	}
	switch {
	case total <= 0:
		opts = append(opts, progressbar.OptionSetDescription(text.Doing(string(ph))))
	case rates && unit == "bytes":
		opts = append(opts, progressbar.OptionShowBytes(true))
	case rates:
		opts = append(opts, progressbar.OptionShowCount())
	}
	if total > 0 {
		opts = append(opts, progressbar.OptionSetDescription("  "+text.Doing(string(ph))),
			progressbar.OptionSetPredictTime(rates), progressbar.OptionSetElapsedTime(rates))
	}
	b.bar, b.phase = progressbar.NewOptions64(total, opts...), ph
	_ = b.bar.RenderBlank()
}

func (b *bars) clear() {
	if b.bar != nil {
		b.valve.shut()
		_ = b.bar.Finish() // ends the goroutine that turns a spinner
		fmt.Fprintf(b.out, "\r%s\r", strings.Repeat(" ", max(0, b.width-1)))
		b.bar = nil
	}
}

// valve lets through what a bar writes until it is shut. A spinner draws itself from a
// goroutine of its own, which would go on over what comes after it.
type valve struct {
	mu     sync.Mutex
	out    io.Writer
	closed bool
}

func (v *valve) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return len(p), nil
	}
	return v.out.Write(p)
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// Close implements progress. An empty line parts the phases from the report.
func (b *bars) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	if b.began != nil {
		fmt.Fprintln(b.out)
	}
}
