package pages

import (
	"fmt"
	"net/http"
	"strings"

	"lifeboat/history"
	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

const (
	stripSlots  = 60 // drills in a strip
	slotWidth   = 8
	barWidth    = 6
	stripHeight = 24
)

// strip is the last drills of a target at a glance: a low bar passed, a middle one was warned of, a hollow
// one could not tell, a full one failed. The newest stands at the right.
type strip struct {
	Words string // the same for those who do not see it
	Paths []stripPath
	Bars  []bar
	First int // slot of the oldest
}

// stripPath draws all bars of a class at once.
type stripPath struct{ Class, D string }

// bar is one drill of a strip whose bars are links.
type bar struct {
	Class, Title, Drill string
	X, Y, Height        int
}

// classOf is a mark's class in styles, and its height.
func classOf(m history.Mark) (class string, height int) {
	switch {
	case m.State == history.Interrupted || m.Verdict == verify.Unknown:
		return "errored", stripHeight / 2
	case m.Verdict == verify.Failed:
		return "failed", stripHeight
	case m.Verdict == verify.Errored:
		return "errored", stripHeight
	case m.Verdict == verify.Warned:
		return "warned", 16
	}
	return "passed", 9
}

func (c clock) strip(marks []history.Mark) strip {
	if len(marks) > stripSlots {
		marks = marks[len(marks)-stripSlots:]
	}
	s := strip{First: stripSlots - len(marks)}
	paths := make(map[string]*strings.Builder)
	count := make(map[string]int)
	for i, m := range marks {
		class, height := classOf(m)
		b := bar{
			Class: class, Drill: m.Drill, Height: height,
			X: (s.First+i)*slotWidth + (slotWidth-barWidth)/2, Y: stripHeight - height,
		}
		w := word(m.Verdict, m.State)
		count[w]++
		b.Title = w + ", " + c.At(m.Finished).Full
		if m.Restore > 0 {
			b.Title += ", restored in " + units.Duration(m.Restore)
		}
		if !m.Verdict.Good() {
			f := explain(m.Summary)
			b.Title += "\n" + f.What
			if f.Evidence != "" {
				b.Title += ": " + f.Evidence
			}
		}
		s.Bars = append(s.Bars, b)
		if paths[class] == nil {
			paths[class] = new(strings.Builder)
		}
		b.draw(paths[class])
	}
	for _, class := range []string{"passed", "warned", "errored", "failed"} {
		if d := paths[class]; d != nil {
			s.Paths = append(s.Paths, stripPath{class, d.String()})
		}
	}
	s.Words = stripWords(count, len(marks))
	return s
}

// draw adds the bar to a path that is drawn as wide as a bar; that of a hollow one is its outline.
func (b bar) draw(d *strings.Builder) {
	if b.Class == "errored" {
		fmt.Fprintf(d, "M%d.75 %d.75h4.5v%d.5h-4.5z", b.X, b.Y, b.Height-2)
		return
	}
	fmt.Fprintf(d, "M%d %dv%d", b.X+barWidth/2, b.Y, b.Height)
}

func stripWords(count map[string]int, n int) string {
	if n == 0 {
		return "never drilled"
	}
	var parts []string
	for _, w := range []string{"failed", "errored", "interrupted", "warned", "passed"} {
		if count[w] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[w], w))
		}
	}
	return "last " + units.Counted(int64(n), "drill") + ": " + text.Clean(strings.Join(parts, ", "))
}

// stripJSON tells the script what each bar of a strip is, once somebody points at it: a page of
// fifty strips stays light.
func (p *Pages) stripJSON(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := within(r)
	defer cancel()
	name := r.PathValue("name")
	marks, err := p.Store.Strips(ctx, []string{name}, stripSlots)
	if err != nil {
		return err
	}
	type mark struct {
		Slot  int    `json:"slot"`
		Drill string `json:"drill"`
		Title string `json:"title"`
	}
	s := clock{p.Now()}.strip(marks[name])
	list := make([]mark, 0, len(s.Bars))
	for i, b := range s.Bars {
		list = append(list, mark{s.First + i, b.Drill, b.Title})
	}
	return sendJSON(w, list)
}
