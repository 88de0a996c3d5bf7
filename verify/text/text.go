// Package text writes reports for people, as plain text for a terminal or a mail. It
// decides nothing and looks nothing up. Names and messages in a report come out of
// hostile dumps: everything that is printed goes through Clean first.
package text

import (
	"strings"
	"time"

	"lifeboat/verify"
)

// Options of a text.
type Options struct {
	Color bool      // paint verdicts with escape sequences; NO_COLOR is the caller's business
	Width int       // columns; 0 means 80
	Now   time.Time // ages are told from here; zero means from the end of the drill
}

// minWidth is the narrowest text that can still be read.
const minWidth = 40

func (o Options) width() int {
	if o.Width == 0 {
		return 80
	}
	return max(o.Width, minWidth)
}

// Word is a verdict's word, in capitals when somebody has to act.
func Word(v verify.Verdict) string {
	if v == verify.Failed || v == verify.Errored {
		return strings.ToUpper(v.String())
	}
	return v.String()
}

// colors of the verdicts: grey, green, yellow, magenta, bold red.
var colors = map[verify.Verdict]string{
	verify.Unknown: "90", verify.Passed: "32", verify.Warned: "33", verify.Errored: "35", verify.Failed: "1;31",
}

// paint puts the color of v around s.
func (o Options) paint(v verify.Verdict, s string) string {
	if !o.Color || colors[v] == "" {
		return s
	}
	return "\x1b[" + colors[v] + "m" + s + "\x1b[0m"
}
