package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Route chooses the notifiers of an alert: those of its audience, and the others' where
// that has none. Nobody is told only where nobody is configured.
func Route(a Alert, owners, operators []string) []string {
	first, second := operators, owners
	if a.Audience == Owners {
		first, second = owners, operators
	}
	if len(first) == 0 {
		first = second
	}
	seen := make(map[string]bool, len(first))
	var to []string
	for _, name := range first {
		if !seen[name] {
			seen[name] = true
			to = append(to, name)
		}
	}
	return to
}

// NewDigest makes the alert that tells how a period went.
func NewDigest(s Summary, at time.Time) Alert {
	total := len(s.Proven) + len(s.Unproven)
	a := Alert{
		ID:   "digest-" + strconv.FormatInt(s.To.Unix(), 10),
		Kind: Digest, Reason: Notice, Audience: Operators, Verdict: verify.Passed,
		Since: s.From, At: at, Digest: &s,
	}
	switch {
	case total == 0:
		a.Verdict = verify.Errored
		a.Title = "Nothing was proven: no target is configured."
		a.Hint = "Add targets to the configuration."
	case len(s.Unproven) == 0:
		a.Title = fmt.Sprintf("Every target was proven: %d of %d.", total, total)
		if total == 1 {
			a.Title = "The one target was proven."
		}
	default:
		a.Verdict = verify.Warned
		for _, c := range s.Unproven {
			a.Verdict = max(a.Verdict, c.Verdict)
		}
		a.Title = fmt.Sprintf("Not proven: %d of %s.", len(s.Unproven), units.Counted(int64(total), "target"))
		a.Hint = "Look at each target below. Its backups may be good; nothing in this time says so."
	}
	return a
}

// NewTest makes the alert of somebody who tries a notifier.
func NewTest(notifier string, at time.Time) Alert {
	return Alert{
		ID:   "test-" + digest(notifier, strconv.FormatInt(at.UnixNano(), 10)),
		Kind: Test, Reason: Notice, Audience: Operators, Verdict: verify.Passed,
		Title:  "This is a test: alerts of Lifeboat arrive here.",
		Detail: fmt.Sprintf("It was sent through the notifier %s. No backup is bad because of it.", notifier),
		Hint:   "Nothing has to be done.", Since: at, At: at,
	}
}

// NewUndeliverable makes the alert that another one did not get through. Those of one
// notifier and day are one problem, so that an outage is one thread and not hundreds.
func NewUndeliverable(a Alert, notifier, why string, at time.Time) Alert {
	about := "about Lifeboat itself"
	if a.Target != "" {
		about = "about " + Short(a.Target, 100)
	}
	return Alert{
		ID:      "undelivered-" + digest(a.ID, notifier),
		Problem: "undelivered-" + digest(notifier, at.UTC().Format(time.DateOnly)),
		Kind:    Service, Reason: Opened, Audience: Operators, Target: a.Target, Verdict: verify.Errored,
		Title:    fmt.Sprintf("An alert %s did not reach the notifier %s.", about, notifier),
		Code:     "alert_undelivered",
		Subject:  notifier,
		Observed: Short(why, maxSentence),
		Detail:   "It said: " + Short(a.Title, maxSentence),
		Hint:     "Mend the notifier, then run lifeboat doctor --notify to see that alerts arrive.",
		Drill:    a.Drill, Backup: a.Backup, Since: at, LastGood: a.LastGood,
		ReportURL: a.ReportURL, AgainURL: a.AgainURL, At: at,
	}
}

// NewOutage makes the alert that many targets are in the same trouble, which a tells of one
// of them. Those of one cause and day are the same alert.
func NewOutage(a Alert, at time.Time) Alert {
	id := "outage-" + digest(a.Code, at.UTC().Format(time.DateOnly))
	title := fmt.Sprintf("More than %d targets cannot be verified, all for the same cause: %s.", outage, a.Code)
	if a.Kind == Overdue {
		title = fmt.Sprintf("More than %d targets are overdue: no verdict, or no proof, came about them in time.", outage)
	}
	return Alert{
		ID: id, Problem: id, Kind: Service, Reason: Opened, Audience: Operators, Verdict: verify.Errored,
		Title: title, Code: a.Code, Detail: a.Detail, Since: at, At: at,
		Hint: strings.TrimSpace(a.Hint + " Of each of these targets nobody is told, and neither when it is over: " +
			"the page Alerts lists those that are left."),
	}
}
