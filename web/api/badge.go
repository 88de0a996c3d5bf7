package api

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"

	"lifeboat/history"
	"lifeboat/notify"
	"lifeboat/verify"
	"lifeboat/web/problem"
)

// badge is a picture of one word. Widths are an estimate of the font's, and textLength
// makes the text fit whatever font there is.
var badge = template.Must(template.New("badge").Parse(
	`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="20" role="img" aria-label="{{.Label}}: {{.Word}}">` +
		`<title>{{.Label}}: {{.Word}}</title>` +
		`<rect width="{{.Left}}" height="20" fill="#444"/><rect x="{{.Left}}" width="{{.Right}}" height="20" fill="{{.Colour}}"/>` +
		`<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">` +
		`<text x="{{.LeftMiddle}}" y="14" textLength="{{.LeftText}}">{{.Label}}</text>` +
		`<text x="{{.RightMiddle}}" y="14" textLength="{{.RightText}}">{{.Word}}</text></g></svg>` + "\n"))

// colours have enough contrast for white text.
var colours = map[verify.Verdict]string{
	verify.Passed: "#1a7f37", verify.Warned: "#9a6700", verify.Errored: "#6e40aa", verify.Failed: "#c62828", verify.Unknown: "#57606a",
}

// Badge draws how a target stands, at /badges/{file}, where the file is the target's name
// with .svg.
func (a *API) Badge(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
	_, known := a.Service.Target(name)
	if !ok || !known {
		problem.Write(w, problem.New(http.StatusNotFound, "There is no such badge."))
		return
	}
	s, err := a.Store.Standing(r.Context(), name)
	if err != nil && !errors.Is(err, history.ErrNotFound) {
		var f *failure
		if errors.As(a.translate(r.Context(), err), &f) {
			problem.Write(w, f.Problem)
		}
		return
	}
	word, colour := badgeOf(s)
	w.Header().Set("Content-Type", "image/svg+xml; charset=utf-8")
	w.Header().Set("Cache-Control", "private, max-age=60")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	_ = badge.Execute(w, picture(cut(name), word, colour)) // a caller who went away is no news
}

// badgeOf is the verdict of the last drill, unless that is too good to be true: a bad backup
// stays bad while drills cannot tell, and a good verdict does not hold for ever.
func badgeOf(s history.Standing) (word, colour string) {
	v := s.Last.Verdict
	bad, open := s.Alerts.Problems[notify.BadBackup]
	_, late := s.Alerts.Problems[notify.Overdue]
	switch {
	case open:
		v = max(v, bad.Verdict)
	case late && v.Good():
		return "overdue", colours[verify.Errored]
	case v == verify.Unknown:
		return "never drilled", colours[v]
	}
	return v.String(), colours[v]
}

// picture measures a badge.
func picture(label, word, colour string) map[string]any {
	const letter, margin = 6.6, 10
	left, right := int(letter*float64(utf8.RuneCountInString(label))), int(letter*float64(len(word)))
	l, r := left+margin, right+margin
	return map[string]any{
		"Label": label, "Word": word, "Colour": colour, "Width": fmt.Sprint(l + r), "Left": fmt.Sprint(l), "Right": fmt.Sprint(r),
		"LeftMiddle": fmt.Sprint(l / 2), "RightMiddle": fmt.Sprint(l + r/2), "LeftText": fmt.Sprint(left), "RightText": fmt.Sprint(right),
	}
}

// cut keeps a badge from growing wider than a line, and from turning its letters around.
func cut(name string) string {
	const most = 40
	letters := []rune(strings.Map(printable, strings.ToValidUTF8(name, "?")))
	if len(letters) > most {
		letters = append(letters[:most-1], '…')
	}
	return string(letters)
}
