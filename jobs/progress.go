package jobs

import (
	"fmt"
	"sync"
	"time"

	"lifeboat/verify"
)

// Phase names a part of a drill in the report and in its progress.
type Phase string

// Phases of a drill, by their names in reports.
const (
	Locate    Phase = verify.PhaseLocate
	Inspect   Phase = verify.PhaseInspect
	Admit     Phase = verify.PhaseAdmit
	Start     Phase = verify.PhaseStart
	Boot      Phase = verify.PhaseBoot
	Fetch     Phase = verify.PhaseFetch
	Load      Phase = verify.PhaseRestore
	Count     Phase = verify.PhaseCount
	Soundness Phase = verify.PhaseSoundness
	Check     Phase = verify.PhaseCheck
	Discard   Phase = verify.PhaseDiscard
)

// Event tells people who wait how a drill is going.
type Event struct {
	Drill, Target string
	Phase         Phase
	Done, Total   int64 // in Unit; Total is 0 when it is not known
	Unit          string
	Note          string // a sentence, such as why a drill waits
	Began, Ended  bool   // the phase begins or ends with this event
}

// phases times the parts of one drill.
type phases struct {
	mu   sync.Mutex
	list []verify.Phase
}

// phase begins a part and returns the function that ends it.
func (r *run) phase(name Phase) (end func()) {
	began := r.Now()
	r.tell(Event{Phase: name, Began: true})
	r.phases.mu.Lock()
	at := len(r.phases.list)
	r.phases.list = append(r.phases.list, verify.Phase{Name: string(name), Start: seconds(began.Sub(r.rep.Started))})
	r.phases.mu.Unlock()
	return func() {
		r.phases.mu.Lock()
		r.phases.list[at].Seconds = seconds(r.Now().Sub(began))
		r.phases.mu.Unlock()
		r.tell(Event{Phase: name, Ended: true})
	}
}

// add meters a part that is under way.
func (p *phases) add(name Phase, bytes, rows int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		if p.list[i].Name == string(name) {
			p.list[i].Bytes += bytes
			p.list[i].Rows += rows
		}
	}
}

func (p *phases) report() []verify.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]verify.Phase{}, p.list...)
}

func (r *run) progress(ph Phase, done, total int64, unit string) {
	r.tell(Event{Phase: ph, Done: done, Total: total, Unit: unit})
}

// say tells people a sentence about the phase under way.
func (r *run) say(ph Phase, note string) {
	r.tell(Event{Phase: ph, Note: note})
}

// note writes a line into the log that people read who watch the drill.
func (r *run) note(format string, args ...any) {
	if r.live != nil {
		r.live.show(Event{Note: fmt.Sprintf(format, args...)})
	}
}

func (r *run) tell(e Event) {
	if r.live == nil {
		return
	}
	e.Drill, e.Target = r.id, r.job.Target.Name
	r.live.show(e)
	r.Progress(e)
}

// seconds rounds to milliseconds: nobody reads more, and reports stay small.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond).Milliseconds()) / 1000 // Duration.Seconds may be 3.5540000000000003
}
