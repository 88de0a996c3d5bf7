package notify

import (
	"fmt"
	"slices"
	"time"

	"lifeboat/verify"
)

// State is what has been told about one target. The zero value is a target about
// which nothing was told.
type State struct {
	Problems map[Kind]Problem `json:"problems,omitempty"`
	Errored  int              `json:"errored,omitempty"`      // drills in a row that could not tell
	Since    time.Time        `json:"errored_since,omitzero"` // finish of the first of them
	Numbered int              `json:"numbered,omitempty"`     // alerts made so far, for their ids
}

// Problem is one that is open.
type Problem struct {
	ID      string         `json:"id"`
	Since   time.Time      `json:"since"`
	SentAt  time.Time      `json:"sent_at"`
	Verdict verify.Verdict `json:"verdict"`
	Code    string         `json:"code"`
	Subject string         `json:"subject,omitempty"`
	Backup  string         `json:"backup,omitempty"` // SHA-256 or key of the backup it was found in

	// Told are the findings told since it was last told in full: one that comes and goes
	// between two of them is no news each time.
	Told      []string  `json:"told,omitempty"`
	Findings  int       `json:"findings,omitempty"`  // most bad results told
	Confirmed bool      `json:"confirmed,omitempty"` // by a second drill
	Doubted   bool      `json:"doubted,omitempty"`   // a second drill said otherwise
	Due       time.Time `json:"due,omitzero"`        // of an overdue one: when the verdict had to have come
	Proof     bool      `json:"proof,omitempty"`     // of an overdue one: a verdict may have come, a good one did not
	Quiet     bool      `json:"quiet,omitempty"`     // nobody was told: many targets had the same
}

// Event is what happened to a target: a drill ended, or time went by. A drill that a
// person asked for of an older backup is none: it says nothing about the newest.
type Event struct {
	Target string
	At     time.Time
	// Report of the drill that ended; nil when only time went by.
	Report *verify.Report
	// Confirms is true when that drill looked a second time at a backup that had
	// failed. It can confirm or contradict, and never ends a problem.
	Confirms bool
	LastGood *Proof // before this event; nil when there is none
	// VerdictDue is when a verdict has to have come by, and DueWhy the words for why:
	// "1.5 times its interval of 24 h". Zero when nothing is expected. ProofDue is true
	// when only a good verdict will do.
	VerdictDue time.Time
	DueWhy     string
	ProofDue   bool
	// Alike is how many other targets have the same trouble now: drills cannot tell about
	// them for the cause in Report, or they are overdue as well. Whoever reads of a few need
	// not read of all.
	Alike int
}

// Policy is how alerts are decided on.
type Policy struct {
	Repeat          time.Duration // an open problem is told again after that long; 0: never
	UnverifiedAfter int           // drills in a row that could not tell before it is told; at least 1
	Warnings        bool          // a warned drill is a problem as well
	URL             string        // address of the pages without a slash at its end; may be empty
}

// Decision is an alert and whether anybody is told.
type Decision struct {
	Alert      Alert
	Suppressed string // why nobody is told, as a sentence; empty when somebody is
	Outage     bool   // it is suppressed because many targets have the same: that is told once
}

// outage is how many targets that cannot be verified for the same cause are told one by
// one. With more of them the trouble is not a target's, but Lifeboat's or its storage's.
const outage = 5

// maxTold bounds what a problem remembers.
const maxTold = 20

// Decide is the whole alert policy. The same arguments give the same decisions and the
// same ids, so that a transaction may be tried again. prev is not changed.
//
// A repeat interval counts as over a tenth early, because the drill of a daily schedule
// ends now a little sooner and now a little later than the day before. A clock that was
// set back starts the interval anew: it neither repeats at once nor is silent until the
// old time comes round.
func Decide(prev State, e Event, p Policy) (State, []Decision) {
	d := decider{state: prev, event: e, policy: p}
	d.state.Problems = make(map[Kind]Problem, len(prev.Problems))
	for kind, problem := range prev.Problems {
		problem.SentAt, problem.Since = earlier(problem.SentAt, e.At), earlier(problem.Since, e.At)
		problem.Told = slices.Clone(problem.Told)
		d.state.Problems[kind] = problem
	}
	d.state.Since = earlier(prev.Since, e.At)
	tells := false
	if e.Report != nil {
		d.finding = find(*e.Report)
		switch v := e.Report.Verdict; {
		case v.Good(), v == verify.Failed:
			tells = true
			d.canTell()
		default: // a verdict nobody filled in proves nothing
			d.cannotTell()
		}
	}
	d.overdue(tells)
	if len(d.state.Problems) == 0 {
		d.state.Problems = nil
	}
	return d.state, d.out
}

// decider is one decision while it is made.
type decider struct {
	state   State
	event   Event
	policy  Policy
	finding finding
	out     []Decision
}

// canTell decides after a drill that passed, warned or failed.
func (d *decider) canTell() {
	d.state.Errored, d.state.Since = 0, time.Time{}
	d.end(Unverified)
	open, isOpen := d.state.Problems[BadBackup]
	v := d.event.Report.Verdict
	bad := v == verify.Failed || v == verify.Warned && d.policy.Warnings && open.Verdict != verify.Failed
	switch {
	case bad && isOpen:
		d.stillBad(open)
	case bad && d.event.Confirms:
		d.suppress(BadBackup, Problem{}, Confirmed,
			"A later drill proved this target good before this second one of the same backup ended.")
	case bad:
		d.open(BadBackup, d.event.At)
	case !isOpen:
	case !d.event.Confirms:
		d.end(BadBackup)
	case open.Doubted:
		d.suppress(BadBackup, open, Contradicted, "It was told before that a second drill said otherwise.")
	default:
		open.Doubted, open.Confirmed = true, false
		d.tell(BadBackup, open, Contradicted)
	}
}

// stillBad decides about a bad backup that was told.
func (d *decider) stillBad(open Problem) {
	graver := d.finding.verdict > open.Verdict
	fresh := !slices.Contains(open.Told, d.finding.key())
	more := d.finding.bad > open.Findings
	open.Verdict = max(open.Verdict, d.finding.verdict)
	switch {
	case graver:
		d.tellAnew(BadBackup, open, Worse)
	case fresh:
		d.tellAnew(BadBackup, open, Different)
	case d.event.Confirms && open.Confirmed:
		d.suppress(BadBackup, open, Confirmed, "It was told before that a second drill found the same.")
	case d.event.Confirms:
		open.Confirmed, open.Doubted = true, false
		d.tell(BadBackup, open, Confirmed)
	case more:
		d.tellAnew(BadBackup, open, Worse)
	case open.Doubted:
		open.Doubted = false // whoever read of the second drill may believe that it is over
		d.tell(BadBackup, open, Repeated)
	default:
		d.repeat(BadBackup, open)
	}
}

// cannotTell decides after a drill that gave no verdict.
func (d *decider) cannotTell() {
	if d.state.Errored == 0 {
		d.state.Since = d.event.At
	}
	d.state.Errored++
	need := max(d.policy.UnverifiedAfter, 1)
	open, isOpen := d.state.Problems[Unverified]
	switch {
	case !isOpen && d.state.Errored < need:
		d.suppress(Unverified, Problem{}, Opened, patience(d.state.Errored, need))
	case !isOpen && d.event.Alike >= outage:
		d.quiet(Unverified, Problem{ID: d.id(Unverified, d.state.Since), Since: d.state.Since, Quiet: true})
	case !isOpen:
		d.open(Unverified, d.state.Since)
	case open.Quiet && d.event.Alike >= outage:
		d.quiet(Unverified, open)
	case open.Quiet:
		open.Quiet = false
		d.tellAnew(Unverified, open, Opened)
	case !slices.Contains(open.Told, d.finding.key()):
		d.tellAnew(Unverified, open, Different)
	default:
		d.repeat(Unverified, open)
	}
}

// overdue decides whether a verdict is missing. A verdict that was waited for ends it, and
// so does a later time to wait for. A clock that was set back does not: it would be told
// again soon. Neither does a verdict that is no proof where a proof is waited for: then the
// time has passed as before.
func (d *decider) overdue(tells bool) {
	open, isOpen := d.state.Problems[Overdue]
	due := d.event.VerdictDue
	late := !due.IsZero() && d.event.At.After(due)
	if isOpen && late {
		open.Proof = d.event.ProofDue
		d.state.Problems[Overdue] = open
	}
	switch {
	case isOpen && !late && (tells || !due.Equal(open.Due)):
		d.end(Overdue)
	case !late:
	case !isOpen && d.unverifiedTold():
		// That drills cannot tell is known, and why: nobody is told twice.
	case !isOpen && d.event.Alike >= outage:
		d.quiet(Overdue, Problem{
			ID: d.id(Overdue, due), Since: due, Due: due, Proof: d.event.ProofDue, Quiet: true, Verdict: verify.Errored,
		})
	case !isOpen:
		d.open(Overdue, due)
	case open.Quiet && d.event.Report == nil && d.event.Alike < outage: // it is one of few that are left
		open.Quiet = false
		d.tellAnew(Overdue, open, Opened)
	case open.Quiet: // the alert of all of them tells
	case d.due(open):
		d.tell(Overdue, open, Repeated)
	}
}

// unverifiedTold reports whether operators know already that drills cannot tell.
func (d *decider) unverifiedTold() bool {
	_, open := d.state.Problems[Unverified]
	return open
}

// repeat tells an unchanged problem again when it is time to.
func (d *decider) repeat(kind Kind, open Problem) {
	if d.due(open) {
		open.Told = nil
		d.tellAnew(kind, open, Repeated)
		return
	}
	d.suppress(kind, open, Repeated, "It was told "+ago(d.event.At, open.SentAt)+", and nothing changed since.")
}

// due reports whether an open problem is to be told again.
func (d *decider) due(open Problem) bool {
	return d.policy.Repeat > 0 && d.event.At.Sub(open.SentAt) >= d.policy.Repeat-d.policy.Repeat/10
}

// open opens a problem and tells it.
func (d *decider) open(kind Kind, since time.Time) {
	p := Problem{ID: d.id(kind, since), Since: since}
	if kind == Overdue {
		p.Due, p.Proof = d.event.VerdictDue, d.event.ProofDue
	}
	d.tellAnew(kind, p, Opened)
}

// tellAnew tells a problem with the finding of now, which is news.
func (d *decider) tellAnew(kind Kind, p Problem, why Reason) {
	if kind != Overdue {
		f := d.finding
		p.Verdict, p.Code, p.Subject, p.Backup = f.verdict, f.code, f.subject, backup(d.event.Report)
		p.Findings = max(p.Findings, f.bad)
		p.Told = append(p.Told, f.key())
		p.Told = p.Told[max(0, len(p.Told)-maxTold):]
		if why == Worse || why == Different {
			p.Confirmed, p.Doubted = d.event.Confirms, false
		}
	} else {
		p.Verdict = verify.Errored
	}
	d.tell(kind, p, why)
}

// tell tells a problem and remembers it.
func (d *decider) tell(kind Kind, p Problem, why Reason) {
	p.SentAt = d.event.At
	d.state.Problems[kind] = p
	d.add(kind, p, why, "")
}

// quiet remembers a problem that many targets have, and has that told instead.
func (d *decider) quiet(kind Kind, p Problem) {
	if f := d.finding; kind == Unverified {
		p.Verdict, p.Code, p.Subject, p.Backup = f.verdict, f.code, f.subject, backup(d.event.Report)
	}
	p.SentAt = d.event.At
	d.state.Problems[kind] = p
	d.suppress(kind, p, Opened, fmt.Sprintf("%d other targets have the same trouble; that is told once for all.", d.event.Alike))
	d.out[len(d.out)-1].Outage = true
}

// end ends a problem, if it is open, and tells that once.
func (d *decider) end(kind Kind) {
	open, isOpen := d.state.Problems[kind]
	if !isOpen {
		return
	}
	delete(d.state.Problems, kind)
	if open.Quiet {
		d.suppress(kind, open, Recovered, "Nobody was told of it alone: many targets had the same trouble.")
		return
	}
	d.add(kind, open, Recovered, "")
}

// suppress decides to tell nobody, and why.
func (d *decider) suppress(kind Kind, p Problem, reason Reason, why string) {
	d.add(kind, p, reason, why)
}

// add appends a decision.
func (d *decider) add(kind Kind, p Problem, why Reason, suppressed string) {
	d.state.Numbered++
	d.out = append(d.out, Decision{Alert: d.alert(kind, p, why), Suppressed: suppressed})
}

// earlier is t, or at when t lies after it.
func earlier(t, at time.Time) time.Time {
	if t.After(at) {
		return at
	}
	return t
}
