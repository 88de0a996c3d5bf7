package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/units"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

// finding is the gravest of what a drill found.
type finding struct {
	verdict                verify.Verdict
	code, subject          string
	observed, expected     string
	detail, hint, sentence string
	more, bad              int // further results not passed; results as bad as the drill
}

// key tells findings apart.
func (f finding) key() string { return f.code + " " + f.subject }

// Cause is the code of what is gravest in a report.
func Cause(r verify.Report) string { return find(r).code }

func find(r verify.Report) finding {
	f := finding{verdict: r.Verdict}
	worst, more := verify.Gravest(r.Results)
	f.more = more
	if worst != nil {
		f.code, f.subject = worst.Code, worst.Subject
		f.observed, f.expected, f.detail, f.hint = worst.Observed, worst.Expected, worst.Detail, worst.Hint
	}
	if r.Verdict == verify.Errored && r.Error != "" && (worst == nil || worst.Verdict != verify.Failed) {
		f.detail = r.Error
	}
	for _, res := range r.Results {
		if res.Verdict == r.Verdict {
			f.bad++
		}
	}
	f.sentence = f.say()
	return f
}

// counted are the codes whose observation reads well after "has".
var counted = map[string]bool{
	verify.RowsMissing: true, verify.RowsUnexpected: true, verify.RowsOutOfRange: true, verify.RowsDropped: true,
}

// say writes a finding as the part of a sentence, without its period.
func (f finding) say() string {
	var s string
	switch {
	case counted[f.code] && f.subject != "" && f.expected != "" && startsWithDigit(f.observed):
		s = f.subject + " has " + f.observed + ", expected " + f.expected
	case f.code == verify.BackupStale && f.expected != "":
		s = f.observed + ", expected " + f.expected
	case f.observed != "" && f.expected != "":
		s = f.subject + ": " + f.observed + ", expected " + f.expected
	case f.detail != "":
		s = f.detail
	case f.observed != "":
		s = f.subject + ": " + f.observed
	case f.code != "":
		s = f.code + " " + f.subject
	default:
		s = "the report does not say why"
	}
	return strings.TrimSuffix(strings.TrimPrefix(Short(s, maxSentence), ": "), ".")
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// Lengths that keep an alert readable whatever stands in a dump.
const (
	maxSentence = 300
	maxDetail   = 1500
)

// Short makes s one clean line of at most limit characters, and shows where it was cut.
func Short(s string, limit int) string {
	runes := []rune(strings.Join(strings.Fields(text.Clean(s)), " "))
	if len(runes) <= limit {
		return string(runes)
	}
	return strings.TrimSpace(string(runes[:limit-1])) + "…"
}

// id makes the id of a problem. The number of alerts so far tells two problems apart
// that began at the same moment by a clock that was set back.
func (d *decider) id(kind Kind, since time.Time) string {
	return digest(d.event.Target, string(kind), strconv.FormatInt(since.UnixNano(), 10), strconv.Itoa(d.state.Numbered))
}

// digest is a short name for parts.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:10])
}

// alert fills an alert about a problem of the event's target.
func (d *decider) alert(kind Kind, p Problem, why Reason) Alert {
	e, f := d.event, d.finding
	a := Alert{
		Problem: p.ID, Kind: kind, Reason: why, Audience: Operators, Target: e.Target,
		Verdict: f.verdict, Since: p.Since, LastGood: e.LastGood, At: e.At, Report: e.Report,
	}
	stem := p.ID
	if stem == "" { // told to nobody, so it is no problem yet
		stem, a.Since = d.id(kind, e.At), e.At
		if kind == Unverified {
			a.Since = d.state.Since
		}
	}
	a.ID = stem + "-" + strconv.Itoa(d.state.Numbered)
	if kind == BadBackup {
		a.Audience = Owners
	}
	if r := e.Report; r != nil {
		a.Drill, a.Backup = r.Drill, r.Artifact
	}
	if d.policy.URL != "" {
		a.AgainURL = d.policy.URL + "/targets/" + url.PathEscape(e.Target) + "#drill"
		a.ReportURL = d.policy.URL + "/targets/" + url.PathEscape(e.Target)
		if a.Drill != "" {
			a.ReportURL = d.policy.URL + "/drills/" + url.PathEscape(a.Drill)
		}
	}
	switch {
	case kind == Overdue:
		d.fillOverdue(&a)
	case why == Recovered, why == Contradicted:
		if why == Recovered && e.proves() {
			a.LastGood = proof(e)
		}
	default:
		a.Code, a.Subject, a.Observed, a.Expected = f.code, f.subject, f.observed, f.expected
		a.Detail, a.Hint, a.More = Short(f.detail, maxDetail), Short(f.hint, maxDetail), f.more
	}
	a.Title = d.title(a, p)
	if a.Hint == "" {
		a.Hint = hint(a, e.ProofDue)
	}
	return a
}

// fillOverdue says what was waited for.
func (d *decider) fillOverdue(a *Alert) {
	e := d.event
	if a.Reason == Recovered {
		if e.proves() {
			a.LastGood = proof(e)
		}
		return
	}
	a.Verdict, a.Code = verify.Errored, "overdue"
	a.Expected = "a verdict by " + stamp(e.VerdictDue)
	if e.ProofDue {
		a.Expected = "a good verdict by " + stamp(e.VerdictDue)
	}
	if e.DueWhy != "" {
		a.Expected += ", " + e.DueWhy
	}
	a.Observed = "none by " + stamp(e.At)
}

// tells reports whether a drill ended that could tell.
func (e Event) tells() bool {
	return e.Report != nil && (e.Report.Verdict.Good() || e.Report.Verdict == verify.Failed)
}

// proves reports whether a drill ended that proves its backup good. A second look at one
// that failed does not, however it ends.
func (e Event) proves() bool { return e.Report != nil && e.Report.Verdict.Good() && !e.Confirms }

// proof is what a good drill proves.
func proof(e Event) *Proof {
	p := &Proof{Drill: e.Report.Drill, At: e.Report.Finished}
	if a := e.Report.Artifact; a != nil {
		p.Key, p.MadeAt = a.Key, a.MadeAt
	}
	return p
}

// backup names the backup of a report.
func backup(r *verify.Report) string {
	switch {
	case r == nil || r.Artifact == nil:
		return ""
	case r.Artifact.SHA256 != "":
		return r.Artifact.SHA256
	}
	return r.Artifact.Key
}

// hint says what to do where the finding does not. proof is true when it is about one that
// is missing.
func hint(a Alert, proof bool) string {
	switch {
	case a.Reason == Recovered && a.Verdict == verify.Failed:
		return "Another alert tells what is wrong with the backup."
	case a.Reason == Recovered:
		return "Nothing has to be done."
	case a.Reason == Contradicted:
		return "Do not rely on this backup until a later drill passes. Two drills of the same bytes disagree: compare their reports."
	case a.Kind == BadBackup && a.LastGood == nil:
		return "Open the report, then look at the job that makes this backup. " +
			"No backup of this target was ever proven good, so there is none to rely on: make a new one."
	case a.Kind == BadBackup:
		return "Open the report, then look at the job that makes this backup. " +
			"Until it is mended, the last backup proven good is the one to restore from."
	case a.Kind == Overdue && proof:
		return "Look at the last drills of this target: what did they find, or why could they not tell? " +
			"If there are none, look at the queue and at its schedule."
	case a.Kind == Overdue:
		return "Look at the queue: does a drill wait or run, and for how long? " +
			"Is Lifeboat running all the time, and is the schedule of this target right? " +
			"If it is drilled when a new backup appears, look whether backups still come."
	}
	return "Open the report for why. Nothing is known against the backup, and nothing is proven either."
}

// ago says how long before at something was.
func ago(at, then time.Time) string {
	d := at.Sub(then)
	if d < time.Second {
		return "just now"
	}
	return units.Duration(d) + " ago"
}

// stamp writes a time for people of any zone.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// patience says that it is too early to tell.
func patience(errored, need int) string {
	return fmt.Sprintf("%s in a row could not tell. It is told after %d.", units.Counted(int64(errored), "drill"), need)
}
