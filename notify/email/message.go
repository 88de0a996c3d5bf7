package email

import (
	_ "embed"
	"fmt"
	"html/template"
	"regexp"

	"github.com/wneessen/go-mail"

	"lifeboat/notify"
	"lifeboat/verify"
)

//go:embed mail.html
var page string

var tmpl = template.Must(template.New("mail").Parse(page))

// messageID is the handle of a thread of mails. A notifier of another kind may have had
// the name of this one before: its handles are none.
var messageID = regexp.MustCompile(`^<[^<>\s@]+@[^<>\s@]+>$`)

// message makes the mail of an alert, and its id.
func (n *notifier) message(m notify.Message) (*mail.Msg, string, error) {
	a := m.Alert
	msg := mail.NewMsg()
	msg.FromMailAddress(n.from)
	msg.ToMailAddress(n.to...)
	msg.Subject(a.Line())
	id := fmt.Sprintf("<%s@%s>", a.ID, n.domain)
	msg.SetMessageIDWithValue(id[1 : len(id)-1])
	if messageID.MatchString(m.Thread) {
		msg.SetGenHeaderPreformatted("In-Reply-To", m.Thread)
		msg.SetGenHeaderPreformatted("References", m.Thread)
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answers of people on holiday
	msg.SetGenHeader("X-Lifeboat-Alert", a.ID)
	if a.Verdict == verify.Failed && a.Reason != notify.Recovered {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetUserAgent("Lifeboat")
	msg.SetBodyString(mail.TypeTextPlain, a.Text(0))
	err := msg.AddAlternativeHTMLTemplate(tmpl, struct {
		notify.Alert
		Clean  string
		Color  string
		Advice string
		Again  bool
	}{a, notify.Short(a.Title, 500), color(a), notify.Short(a.Hint, 1500), a.AgainURL != "" && a.Reason != notify.Recovered})
	return msg, id, err
}

// color is how grave it is.
func color(a notify.Alert) string {
	switch {
	case a.Reason == notify.Recovered, a.Verdict == verify.Passed:
		return "#1a7f37"
	case a.Verdict == verify.Failed:
		return "#b42318"
	}
	return "#9a6700"
}
