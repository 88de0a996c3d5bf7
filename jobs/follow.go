package jobs

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
)

// ByHand is who asked for drills that a person makes on the command line, here and now.
// Nobody takes them over: who asked is told that they were interrupted.
const ByHand = "lifeboat drill"

// maxAttempts bounds the drills made of one: the first, and those that retry it or
// take it over. Those of an older backup have soonAttempts, and so does one that may be what
// its processes die of.
const (
	maxAttempts  = 6
	soonAttempts = 3
)

// retryAfter are the pauses before the second and each further attempt of a drill that
// could not tell. The first are for what passes at once. The others are for an outage of
// hours: the target is proven soon after it, where its schedule would take days.
var retryAfter = [maxAttempts - 1]time.Duration{5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}

// unconfirmed are findings that a second look at the same backup cannot change.
var unconfirmed = []string{
	verify.BackupAbsent, verify.BackupStale, verify.BackupUnchanged, verify.BackupShrunk, verify.BackupUnfinished,
}

// FollowUp is the drill that comes after one, nil when none does. A drill that could
// not tell is tried again, more than soonAttempts times only before the target's schedule
// makes the next, which is zero when there is none. One that failed is confirmed once by a
// second drill of the same backup; it is never repeated until it passes.
func FollowUp(d history.Drill, rep verify.Report, now, scheduled time.Time, newID func(time.Time) string) *history.Drill {
	next := history.Drill{
		ID: newID(now), Target: d.Target, Priority: history.PriorityFollowUp, Asked: now, By: d.By,
		Backup: d.Backup, Follows: d.ID, Attempt: 1,
	}
	switch {
	case d.Trigger == history.Confirm && vanished(rep): // there is nothing left to look at
		return nil
	case rep.Verdict == verify.Errored && d.Attempt < maxAttempts:
		next.Trigger, next.Attempt = history.Retry, d.Attempt+1
		if d.Trigger == history.Confirm {
			next.Trigger = history.Confirm // it still is the second look
		}
		next.NotBefore = now.Add(retryAfter[d.Attempt-1])
		if d.Attempt >= soonAttempts && (d.Backup != "" || !scheduled.IsZero() && !next.NotBefore.Before(scheduled)) {
			return nil
		}
	case rep.Verdict == verify.Failed && d.Trigger != history.Confirm && confirmable(rep):
		next.Trigger, next.Backup = history.Confirm, rep.Artifact.Key
	default:
		return nil
	}
	return &next
}

// followUp is the FollowUp of a drill of this target. A retry keeps out of its maintenance
// windows.
func (t Target) followUp(d history.Drill, rep verify.Report, now time.Time, newID func(time.Time) string) *history.Drill {
	var scheduled time.Time
	if t.Schedule != nil {
		scheduled = t.Schedule.Next(now)
	}
	next := FollowUp(d, rep, now, scheduled, newID)
	if next == nil || next.Trigger != history.Retry {
		return next
	}
	if closed, until := t.closed(next.NotBefore); closed {
		next.NotBefore = until.Add(spread(d.Target, now, t.Jitter))
	}
	return next
}

// vanished reports whether a drill could not tell because its backup is gone.
func vanished(rep verify.Report) bool {
	return rep.Verdict == verify.Errored && slices.ContainsFunc(rep.Results, func(r verify.Result) bool { return r.Code == verify.ObjectChanged })
}

// confirmed reports whether a second look found before what a drill of the same backup found
// now: a schedule that goes on while no new backup comes would have every drill twice.
func confirmed(d history.Drill, rep verify.Report, st history.Standing) bool {
	open := st.Alerts.Problems[notify.BadBackup]
	return d.Trigger != history.Confirm && open.Confirmed && rep.Artifact != nil && rep.Artifact.SHA256 != "" && open.Backup == rep.Artifact.SHA256
}

// confirmable reports whether a failure was found in a backup's bytes.
func confirmable(rep verify.Report) bool {
	return rep.Artifact != nil && slices.ContainsFunc(rep.Results, func(r verify.Result) bool {
		return r.Verdict == verify.Failed && !slices.Contains(unconfirmed, r.Code)
	})
}

// takeOver is the drill that takes the place of one whose process died, nil after the
// last attempt. Its id follows from the other's, because it is made inside a transaction
// that may be tried again.
func takeOver(d history.Drill, now time.Time) *history.Drill {
	bound := soonAttempts
	if d.Trigger == history.Retry {
		bound = maxAttempts // the one before it did not die
	}
	if d.Attempt >= bound || d.By == ByHand {
		return nil
	}
	next := d
	next.ID = fmt.Sprintf("%s.%d", d.ID, d.Attempt+1)
	next.Trigger, next.Priority = history.TakeOver, history.PriorityFollowUp
	if d.Trigger == history.Confirm {
		next.Trigger = history.Confirm
	}
	next.Asked, next.Follows, next.Attempt = now, d.ID, d.Attempt+1
	next.ScheduledFor, next.NotBefore, next.Appeared = time.Time{}, time.Time{}, ""
	return &next
}

// after says what follows from a report under a setup: who is told, and which drills
// come next. A drill that a person stopped says nothing about the target.
func (s *Setup) after(clock func() time.Time, newID func(time.Time) string, followUps bool) Consequences {
	return func(d history.Drill, rep verify.Report, st history.Standing, alike int, stopped error) func(notify.State) history.Effects {
		now := clock()
		t, configured := s.Targets[d.Target]
		var drills []history.Drill
		if followUps && !errors.Is(stopped, ErrInterrupted) {
			if next := t.followUp(d, rep, now, newID); next != nil && !(next.Trigger == history.Confirm && confirmed(d, rep, st)) {
				drills = append(drills, *next)
			}
		}
		if !configured || !speaks(d, rep, st) || errors.Is(stopped, ErrInterrupted) {
			return func(state notify.State) history.Effects { return history.Effects{State: state, Drills: drills} }
		}
		e := notify.Event{
			Target: d.Target, At: now, Report: &rep, Confirms: d.Trigger == history.Confirm, LastGood: st.LastGood,
		}
		e.VerdictDue, e.DueWhy, e.ProofDue = t.due(told(d, st, rep))
		e.Alike = alike
		return func(state notify.State) history.Effects {
			effects := s.decide(t, state, e)
			effects.Drills = drills
			return effects
		}
	}
}

// speaks reports whether a drill says something about the target's newest backup. One of a
// backup that somebody named can only be bad news of it, since it is not asked how old the
// backup is; a second look that could not tell is no news, for that the backup is bad has been told.
func speaks(d history.Drill, rep verify.Report, st history.Standing) bool {
	switch {
	case d.Backup == "":
		return true
	case d.Trigger == history.Confirm:
		return rep.Verdict != verify.Errored
	}
	return rep.Verdict == verify.Failed && rep.Artifact != nil && !rep.Artifact.MadeAt.Before(st.NewestBackupAt)
}

// told is a standing as it is once rep is on record. A second look proves nothing: at best
// two drills of the same bytes disagree.
func told(d history.Drill, st history.Standing, rep verify.Report) history.Standing {
	if rep.Verdict == verify.Errored {
		return st
	}
	st.VerdictAt = rep.Finished
	if rep.Verdict.Good() && d.Trigger != history.Confirm {
		st.LastGood = &notify.Proof{Drill: rep.Drill, At: rep.Finished}
	}
	return st
}

// decide asks the policy and addresses what it says.
func (s *Setup) decide(t Target, state notify.State, e notify.Event) history.Effects {
	next, decisions := notify.Decide(state, e, s.Policy)
	effects := history.Effects{State: next}
	for _, d := range decisions {
		effects.Alerts = append(effects.Alerts, s.address(t, d))
		if d.Outage {
			told := notify.Decision{Alert: notify.NewOutage(d.Alert, e.At)}
			effects.Alerts = append(effects.Alerts, s.address(t, told))
		}
	}
	return effects
}

// address chooses the notifiers of an alert.
func (s *Setup) address(t Target, d notify.Decision) history.Addressed {
	if d.Suppressed != "" {
		return history.Addressed{Alert: d.Alert, Suppressed: d.Suppressed}
	}
	to := notify.Route(d.Alert, t.Owners, s.operators(t))
	if len(to) == 0 {
		return history.Addressed{Alert: d.Alert, Suppressed: "no notifier is configured for " + string(d.Alert.Audience) + " of this target"}
	}
	return history.Addressed{Alert: d.Alert, To: to}
}
