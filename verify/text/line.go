package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes s safe to print on one line: line breaks and tabs become spaces, and
// what could move the cursor, change the terminal or the direction of the text is
// shown by its number.
func Clean(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\n' || r == '\r' || r == '\t' || unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// wide are the ranges of characters that take two columns on a terminal, coarsely.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1}, {0x2e80, 0x303e, 1}, {0x3041, 0xa4cf, 1}, {0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1}, {0xfe30, 0xfe6f, 1}, {0xff00, 0xff60, 1}, {0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{{0x1f300, 0x1faff, 1}, {0x20000, 0x3fffd, 1}},
}

// columns is how many columns a character takes.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// Width is how many columns a clean s takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// split cuts s after the last character that fits into width columns.
func split(s string, width int) (head, tail string) {
	n := 0
	for i, r := range s {
		if n += columns(r); n > width && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// cut shortens s to width columns and shows that it did.
func cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	head, _ := split(s, max(width-1, 1))
	return strings.TrimRight(head, " ") + "…"
}

// pad fills s up to width columns, on the left when right is true.
func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-Width(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// Paragraph writes s, which need not be clean, in lines that fit and begin after
// indent columns.
func Paragraph(s string, indent int, o Options) string {
	p := &page{o: o}
	p.paragraph(s, indent)
	return p.String()
}

// wrap breaks a clean s between words into lines of at most width columns. A word
// that is longer than a line is broken where the line ends.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && Width(line)+1+Width(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for Width(word) > width {
			var head string
			head, word = split(word, width)
			lines = append(lines, head)
		}
		line = word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
