package storage

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrPattern means a pattern cannot be read. The message says where it is wrong.
var ErrPattern = errors.New("not a pattern")

// Pattern selects the artifacts of one target by their keys. Use ParsePattern; the
// zero value matches nothing.
//
//   - any run of characters within one part of the path
//     **            the same across parts; "**/" also matches no part at all
//     ?             one character
//     [a-z] [!a-z]  one character of a set, or outside of it
//     {time:LAYOUT} the time the backup was made, in Go's layout, UTC unless it has a zone
//     \x            the character x itself
//
// A closing slash means that what matches is a directory whose files form one
// artifact. As in a shell, a wildcard does not match a dot that begins a part.
type Pattern struct {
	text     string
	prefix   string
	re       *regexp.Regexp
	layout   string // the layouts of all {time:}, joined; empty without one
	dateOnly bool   // the layout carries no time of day
	dir      bool
	shape    []rune // for nearest names: the text with every wildcard as anyRun or anyOne
}

const (
	maxPattern = 1024 // bytes; keys themselves end at 1024
	layoutJoin = "|"  // between the values of several {time:}
)

// ParsePattern reads a pattern. Its error wraps ErrPattern.
func ParsePattern(s string) (Pattern, error) {
	switch {
	case s == "":
		return Pattern{}, fmt.Errorf("%w: it is empty", ErrPattern)
	case len(s) > maxPattern:
		return Pattern{}, fmt.Errorf("%w: it is longer than %d bytes", ErrPattern, maxPattern)
	case !utf8.ValidString(s):
		return Pattern{}, fmt.Errorf("%w: %q is not UTF-8", ErrPattern, s)
	case strings.HasPrefix(s, "/"):
		return Pattern{}, fmt.Errorf("%w: %q begins with a slash; write it from the top of the bucket or folder", ErrPattern, s)
	}
	c := compiler{rest: s, literal: true}
	if err := c.run(); err != nil {
		return Pattern{}, fmt.Errorf("%w: %q: %w", ErrPattern, s, err)
	}
	re, err := regexp.Compile(`(?s)\A` + c.expr.String() + `\z`)
	if err != nil {
		return Pattern{}, fmt.Errorf("%w: %q: %w", ErrPattern, s, err)
	}
	p := Pattern{text: s, prefix: c.prefix.String(), re: re, dir: strings.HasSuffix(s, "/"), shape: c.shape}
	if len(c.layouts) > 0 {
		p.layout = strings.Join(c.layouts, layoutJoin)
		if p.dateOnly, err = checkLayout(p.layout); err != nil {
			return Pattern{}, fmt.Errorf("%w: %q: %w", ErrPattern, s, err)
		}
	}
	return p, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Prefix is what every matching key begins with.
func (p Pattern) Prefix() string { return p.prefix }

// Dir reports whether the pattern selects directories (it ends in a slash).
func (p Pattern) Dir() bool { return p.dir }

// Match reports whether key is selected, and the time its name gives for the
// making of the backup: UTC, and zero where the pattern has no {time:}. A key whose
// time cannot exist (month 13) does not match.
func (p Pattern) Match(key string) (madeAt time.Time, ok bool) {
	if p.re == nil || !strings.HasPrefix(key, p.prefix) {
		return time.Time{}, false
	}
	if p.layout == "" {
		return time.Time{}, p.re.MatchString(key)
	}
	groups := p.re.FindStringSubmatch(key)
	if groups == nil {
		return time.Time{}, false
	}
	madeAt, err := time.Parse(p.layout, strings.Join(groups[1:], layoutJoin))
	if err != nil {
		return time.Time{}, false
	}
	return madeAt.UTC(), true
}

// checkLayout makes sure that a layout says which day is meant, and reports whether
// it says no more than that.
func checkLayout(layout string) (dateOnly bool, err error) {
	ref := time.Date(2021, time.November, 23, 17, 48, 39, 0, time.UTC)
	back, err := time.Parse(layout, ref.Format(layout))
	if err != nil {
		return false, fmt.Errorf("time layout %q cannot be read back", layout)
	}
	if back.Year() != ref.Year() || back.YearDay() != ref.YearDay() {
		return false, fmt.Errorf("time layout %q must hold year, month and day, written as 2006, 01 and 02", layout)
	}
	return back.Hour() != ref.Hour(), nil
}

// compiler turns a pattern into a regular expression, whose matching takes time
// linear in the key whatever the pattern.
type compiler struct {
	rest    string
	expr    strings.Builder
	prefix  strings.Builder
	literal bool // nothing but literal text so far
	last    byte // last literal byte, 0 after a wildcard
	layouts []string
	shape   []rune
}

// Runes of Pattern.shape that stand for wildcards; no key holds them.
const (
	anyRun rune = -1
	anyOne rune = -2
)

func (c *compiler) run() error {
	for c.rest != "" {
		var err error
		switch c.rest[0] {
		case '*':
			c.star()
		case '?':
			c.rest = c.rest[1:]
			c.wild(anyOne, c.first(`[^/.]`, `[^/]`))
		case '[':
			err = c.class()
		case '{':
			err = c.time()
		case '\\':
			if len(c.rest) == 1 {
				return errors.New("it ends in a backslash")
			}
			c.rest = c.rest[1:]
			c.text()
		default:
			c.text()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partStart reports whether the next character begins a part of the path.
func (c *compiler) partStart() bool { return c.expr.Len() == 0 || c.last == '/' }

func (c *compiler) first(atStart, inside string) string {
	if c.partStart() {
		return atStart
	}
	return inside
}

func (c *compiler) text() {
	r, n := utf8.DecodeRuneInString(c.rest)
	if c.literal {
		c.prefix.WriteString(c.rest[:n])
	}
	c.expr.WriteString(regexp.QuoteMeta(c.rest[:n]))
	c.last = c.rest[n-1]
	c.shape = append(c.shape, r)
	c.rest = c.rest[n:]
}

func (c *compiler) wild(shape rune, expr string) {
	c.expr.WriteString(expr)
	c.shape = append(c.shape, shape)
	c.literal, c.last = false, 0
}

func (c *compiler) star() {
	n := len(c.rest) - len(strings.TrimLeft(c.rest, "*"))
	c.rest = c.rest[n:]
	switch {
	case n == 1:
		c.wild(anyRun, c.first(`(?:[^/.][^/]*)?`, `[^/]*`))
	case c.partStart() && strings.HasPrefix(c.rest, "/"):
		c.rest = c.rest[1:]
		c.wild(anyRun, `(?:[^/.][^/]*/)*`)
		c.last = '/'
	case c.partStart():
		c.wild(anyRun, `(?:[^/.][^/]*/)*(?:[^/.][^/]*)?`)
	default:
		c.wild(anyRun, `[^/]*(?:/(?:[^/.][^/]*)?)*`)
	}
}

func (c *compiler) class() error {
	body := c.rest[1:]
	negate := strings.HasPrefix(body, "!") || strings.HasPrefix(body, "^")
	if negate {
		body = body[1:]
	}
	var set strings.Builder
	for i := 0; ; i++ {
		if body == "" {
			return errors.New("a [ has no ]")
		}
		if body[0] == ']' && i > 0 {
			break
		}
		lo, n := classRune(body)
		body = body[n:]
		hi := lo
		if len(body) > 1 && body[0] == '-' && body[1] != ']' {
			hi, n = classRune(body[1:])
			body = body[1+n:]
		}
		if hi < lo {
			return fmt.Errorf("range %c-%c runs backwards", lo, hi)
		}
		if lo <= '/' && hi >= '/' {
			return errors.New("a set in [ ] cannot hold a slash")
		}
		fmt.Fprintf(&set, `\x{%x}-\x{%x}`, lo, hi)
	}
	c.rest = body[1:]
	not := ""
	if negate {
		not = "^/" + c.first(".", "")
	}
	c.wild(anyOne, "["+not+set.String()+"]")
	return nil
}

// classRune reads one character of a set; body is not empty.
func classRune(body string) (r rune, size int) {
	if body[0] == '\\' && len(body) > 1 {
		r, n := utf8.DecodeRuneInString(body[1:])
		return r, n + 1
	}
	return utf8.DecodeRuneInString(body)
}

func (c *compiler) time() error {
	layout, found := strings.CutPrefix(c.rest, "{time:")
	if !found {
		return errors.New("the only thing in { } is {time:LAYOUT}; write \\{ for the character")
	}
	layout, rest, closed := strings.Cut(layout, "}")
	if !closed {
		return errors.New("{time: has no }")
	}
	if strings.Contains(layout, layoutJoin) {
		return fmt.Errorf("time layout %q cannot hold %q", layout, layoutJoin)
	}
	c.rest = rest
	c.layouts = append(c.layouts, layout)
	c.wild(anyRun, "("+layoutExpr(layout)+")")
	return nil
}

// layoutParts are the elements of a Go time layout, longer ones before those they
// begin with, and what they look like in a name.
var layoutParts = []struct{ part, expr string }{
	{"2006", `[0-9]{4}`}, {"January", `[A-Za-z]{3,9}`}, {"Jan", `[A-Za-z]{3}`},
	{"Monday", `[A-Za-z]{6,9}`}, {"Mon", `[A-Za-z]{3}`}, {"MST", `[A-Z]{3,5}`},
	{"Z07:00", `(?:Z|[+-][0-9]{2}:[0-9]{2})`}, {"Z0700", `(?:Z|[+-][0-9]{4})`}, {"Z07", `(?:Z|[+-][0-9]{2})`},
	{"-07:00", `[+-][0-9]{2}:[0-9]{2}`}, {"-0700", `[+-][0-9]{4}`}, {"-07", `[+-][0-9]{2}`},
	{"002", `[0-9]{3}`}, {"01", `[0-9]{2}`}, {"02", `[0-9]{2}`}, {"03", `[0-9]{2}`}, {"04", `[0-9]{2}`},
	{"05", `[0-9]{2}`}, {"06", `[0-9]{2}`}, {"15", `[0-9]{2}`}, {"_2", `[ 0-9][0-9]`},
	{"PM", `(?:AM|PM)`}, {"pm", `(?:am|pm)`},
	{"1", `[0-9]{1,2}`}, {"2", `[0-9]{1,2}`}, {"3", `[0-9]{1,2}`}, {"4", `[0-9]{1,2}`}, {"5", `[0-9]{1,2}`},
}

// layoutExpr is an expression for the times a layout writes. It may match more;
// time.Parse has the last word.
func layoutExpr(layout string) string {
	var b strings.Builder
next:
	for layout != "" {
		for _, p := range layoutParts {
			if rest, ok := strings.CutPrefix(layout, p.part); ok {
				b.WriteString(p.expr)
				layout = rest
				continue next
			}
		}
		if layout[0] == '.' || layout[0] == ',' {
			if digits := len(layout[1:]) - len(strings.TrimLeft(layout[1:], "09")); digits > 0 {
				b.WriteString(`[.,]?[0-9]*`)
				layout = layout[1+digits:]
				continue
			}
		}
		_, n := utf8.DecodeRuneInString(layout)
		b.WriteString(regexp.QuoteMeta(layout[:n]))
		layout = layout[n:]
	}
	return b.String()
}
