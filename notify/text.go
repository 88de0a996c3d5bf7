package notify

import (
	"fmt"
	"strings"

	"lifeboat/internal/units"
	"lifeboat/verify/text"
)

// Fact is one thing an alert says, under its label.
type Fact struct{ Label, Value string }

// maxListed bounds the lists of a digest. The page has all of it.
const maxListed = 20

// Headline names the problem in a few words, the same ones for all its alerts.
func (a Alert) Headline() string {
	target := Short(a.Target, 100)
	switch a.Kind {
	case BadBackup:
		return "Bad backup: " + target
	case Unverified:
		return "Cannot verify: " + target
	case Overdue:
		return "Overdue: " + target
	case Service:
		return "Lifeboat needs help"
	case Digest:
		return "What was proven"
	}
	return "Test alert"
}

// State says how the problem stands, in a few words; empty for a notice.
func (a Alert) State() string {
	switch a.Reason {
	case Opened:
		return "new"
	case Repeated:
		return "still open"
	case Worse:
		return "worse"
	case Different:
		return "another reason"
	case Confirmed:
		return "confirmed by a second drill"
	case Contradicted:
		return "a second drill disagrees"
	case Recovered:
		return "over"
	}
	return ""
}

// Line is one line for the subject of a mail or a list.
func (a Alert) Line() string {
	if s := a.State(); s != "" {
		return fmt.Sprintf("[Lifeboat] %s (%s)", a.Headline(), s)
	}
	return "[Lifeboat] " + a.Headline()
}

// Facts are all there is to know besides the title, the most useful first. Every value
// is one clean line of bounded length. Whoever renders them escapes them for its format.
func (a Alert) Facts() []Fact {
	var facts []Fact
	add := func(label, value string) {
		if value = Short(value, maxDetail); value != "" {
			facts = append(facts, Fact{label, value})
		}
	}
	what := a.Code
	if a.Subject != "" {
		what += " " + a.Subject
	}
	add("Finding", what)
	add("Expected", a.Expected)
	add("Observed", a.Observed)
	if !strings.Contains(a.Title, strings.TrimSuffix(a.Detail, ".")) {
		add("Detail", a.Detail)
	}
	if a.More > 0 {
		add("Besides", units.Counted(int64(a.More), "further finding")+", in the report")
	}
	if b := a.Backup; b != nil {
		add("Backup", fmt.Sprintf("%s: %s", b.Source, b.Key))
		about := units.Bytes(b.Bytes)
		if !b.MadeAt.IsZero() {
			about = fmt.Sprintf("%s, %s before this alert, %s", stamp(b.MadeAt), units.Duration(max(0, a.At.Sub(b.MadeAt))), about)
		}
		add("Made", about)
	}
	if a.Problem != "" {
		since := stamp(a.Since)
		if span := a.At.Sub(a.Since); span > 0 {
			since += " (" + units.Duration(span) + ")"
		}
		add("Since", since)
	}
	if a.Target != "" && a.Kind != Service {
		add("Last proven good", a.lastGood())
	}
	add("Drill", a.Drill)
	return append(facts, a.Digest.facts()...)
}

// lastGood says which backup people can rely on.
func (a Alert) lastGood() string {
	p := a.LastGood
	switch {
	case p == nil:
		return "never: no drill of this target proved a backup good"
	case p.Key == "":
		return fmt.Sprintf("%s (drill %s)", stamp(p.At), p.Drill)
	case p.MadeAt.IsZero():
		return fmt.Sprintf("%s, proven %s (drill %s)", p.Key, stamp(p.At), p.Drill)
	}
	return fmt.Sprintf("%s, made %s, proven %s (drill %s)", p.Key, stamp(p.MadeAt), stamp(p.At), p.Drill)
}

// facts of a digest.
func (s *Summary) facts() []Fact {
	if s == nil {
		return nil
	}
	facts := []Fact{
		{"Period", stamp(s.From) + " to " + stamp(s.To)},
		{"Drills", units.Count(int64(s.Drills))},
	}
	for i, c := range s.Unproven {
		if i == maxListed {
			facts = append(facts, Fact{"Not proven", fmt.Sprintf("and %d more", len(s.Unproven)-i)})
			break
		}
		facts = append(facts, Fact{"Not proven", Short(fmt.Sprintf("%s: %s. %s", c.Target, c.Verdict, c.Why), maxSentence)})
	}
	if len(s.Proven) > 0 {
		facts = append(facts, Fact{"Proven", Short(listed(s.Proven), maxDetail)})
	}
	if len(s.Uncovered) > 0 {
		facts = append(facts, Fact{"Covered by no target", Short(listed(s.Uncovered), maxDetail)})
	}
	return facts
}

// listed joins the first of names.
func listed(names []string) string {
	if len(names) <= maxListed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), len(names)-maxListed)
}

// Text writes an alert as plain text in lines of width columns, 0 for 80: for mails and
// carriers without a form of their own.
func (a Alert) Text(width int) string {
	o := text.Options{Width: width}
	var b strings.Builder
	b.WriteString(text.Paragraph(a.Title, 0, o))
	b.WriteString("\n")
	for _, f := range a.Facts() {
		b.WriteString(text.Paragraph(f.Label+": "+f.Value, 0, o))
	}
	if a.Hint != "" {
		b.WriteString("\n" + text.Paragraph("What to do: "+a.Hint, 0, o))
	}
	if a.ReportURL != "" {
		b.WriteString("\nReport: " + text.Clean(a.ReportURL) + "\n")
	}
	if a.AgainURL != "" && a.Reason != Recovered {
		b.WriteString("Drill again: " + text.Clean(a.AgainURL) + "\n")
	}
	return b.String()
}
