package notify

import (
	"fmt"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// title says in one sentence what is wrong, or that it is over.
func (d *decider) title(a Alert, p Problem) string {
	target := Short(a.Target, 100)
	lasted := ""
	if span := a.At.Sub(a.Since); span > 0 {
		lasted = units.Duration(span)
	}
	switch a.Kind {
	case BadBackup:
		return d.badTitle(a.Reason, target, lasted, p)
	case Unverified:
		return d.unverifiedTitle(a.Reason, target, lasted)
	}
	return d.overdueTitle(a, target, p)
}

func (d *decider) overdueTitle(a Alert, target string, p Problem) string {
	e := d.event
	if a.Reason != Recovered {
		nothing, missing := "Nothing", "no verdict came"
		if a.Reason == Repeated {
			nothing = "Still nothing"
		}
		if e.ProofDue {
			missing = "no proof came"
		}
		return fmt.Sprintf("%s proves %s: %s by %s.", nothing, target, missing, stamp(e.VerdictDue))
	}
	switch {
	case p.Proof && e.proves():
		return fmt.Sprintf("%s is proven good again: the last drill %s.", target, a.Verdict)
	case e.tells():
		return fmt.Sprintf("%s has a verdict again: %s.", target, a.Verdict)
	case e.VerdictDue.IsZero():
		return fmt.Sprintf("%s is not overdue any more: nothing is expected of it now.", target)
	}
	return fmt.Sprintf("%s is not overdue any more: by what is expected of it now, its next verdict is due by %s.", target, stamp(e.VerdictDue))
}

func (d *decider) badTitle(why Reason, target, lasted string, p Problem) string {
	says := d.finding.sentence
	if d.finding.verdict == verify.Warned && why != Recovered && why != Contradicted {
		return fmt.Sprintf("The newest backup of %s has a warning: %s.", target, says)
	}
	switch why {
	case Opened:
		switch d.finding.code {
		case verify.BackupAbsent:
			return fmt.Sprintf("There is no backup of %s: %s.", target, says)
		case verify.BackupStale:
			return fmt.Sprintf("The newest backup of %s is too old: %s.", target, says)
		}
		return fmt.Sprintf("The newest backup of %s is bad: %s.", target, says)
	case Repeated:
		return fmt.Sprintf("The newest backup of %s is still bad%s: %s.", target, after(lasted), says)
	case Worse:
		return fmt.Sprintf("The newest backup of %s is worse than before: %s.", target, says)
	case Different:
		return fmt.Sprintf("The newest backup of %s is bad for another reason: %s.", target, says)
	case Confirmed:
		return fmt.Sprintf("A second drill of the same backup of %s found the same: %s.", target, says)
	case Contradicted:
		says = "passed"
		if d.event.Report.Verdict == verify.Warned {
			says = "passed with a warning"
		}
		return fmt.Sprintf("A second drill of the same backup of %s %s, so the two disagree. "+
			"The problem stays open until a later drill passes.", target, says)
	}
	what := p.Code
	if p.Subject != "" {
		what += " " + Short(p.Subject, 100)
	}
	if what != "" {
		what = " (" + what + ")"
	}
	if lasted != "" {
		lasted = " It was bad for " + lasted + what + "."
	}
	return fmt.Sprintf("The newest backup of %s is good again.%s", target, lasted)
}

func (d *decider) unverifiedTitle(why Reason, target, lasted string) string {
	says := d.finding.sentence
	switch why {
	case Opened:
		if d.state.Errored == 1 {
			return fmt.Sprintf("The last drill of %s could not tell whether its backup is good: %s.", target, says)
		}
		return fmt.Sprintf("The last %d drills of %s could not tell whether its backup is good: %s.", d.state.Errored, target, says)
	case Repeated:
		return fmt.Sprintf("Drills of %s still cannot tell whether its backup is good%s: %s.", target, after(lasted), says)
	case Different:
		return fmt.Sprintf("Drills of %s cannot tell whether its backup is good, now for another reason: %s.", target, says)
	}
	return fmt.Sprintf("Drills of %s can tell again: the last one %s.", target, d.event.Report.Verdict)
}

// after says for how long something lasts.
func after(lasted string) string {
	if lasted == "" {
		return ""
	}
	return " after " + lasted
}
