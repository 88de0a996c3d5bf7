// Command picture turns what a program printed on a terminal (standard input, with
// colour escape sequences) into an SVG (standard output) for the README:
//
//	script -qc 'lifeboat drill orders' /dev/null | go run ./scripts/picture >docs/drill.svg
package main

import (
	"bufio"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
)

// Sizes in pixels.
const (
	charWidth  = 7.8
	lineHeight = 17
	margin     = 14
)

// palette has the colours of the escape sequences that Lifeboat uses.
var palette = map[string]string{"31": "#f47067", "32": "#6bc46d", "33": "#daaa3f", "35": "#b083f0", "90": "#768390"}

var escape = regexp.MustCompile("\x1b\\[([0-9;]*)([A-Za-z])")

func main() {
	var lines []string
	width := 0
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		line := settled(strings.TrimRight(in.Text(), "\r"))
		lines = append(lines, line)
		width = max(width, len([]rune(escape.ReplaceAllString(line, ""))))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	w, h := float64(width)*charWidth+2*margin, len(lines)*lineHeight+2*margin
	fmt.Printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d">`+"\n", w, h, w, h)
	fmt.Println(`<rect width="100%" height="100%" rx="8" fill="#1c2128"/>`)
	fmt.Println(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="13" fill="#d1d9e0" xml:space="preserve">`)
	for i, line := range lines {
		fmt.Printf(`<text x="%d" y="%d">%s</text>`+"\n", margin, margin+13+i*lineHeight, spans(line))
	}
	fmt.Println("</g></svg>")
}

// settled is what stays of a line that was drawn over itself.
func settled(line string) string {
	parts := strings.Split(line, "\r")
	return parts[len(parts)-1]
}

// spans turns colours into tspans.
func spans(line string) string {
	var b strings.Builder
	open := false
	at := 0
	for _, m := range escape.FindAllStringSubmatchIndex(line, -1) {
		b.WriteString(html.EscapeString(line[at:m[0]]))
		at = m[1]
		if open {
			b.WriteString("</tspan>")
			open = false
		}
		style := ""
		for _, code := range strings.Split(line[m[2]:m[3]], ";") {
			if colour, known := palette[code]; known {
				style += ` fill="` + colour + `"`
			} else if code == "1" {
				style += ` font-weight="bold"`
			}
		}
		if style != "" {
			b.WriteString("<tspan" + style + ">")
			open = true
		}
	}
	b.WriteString(html.EscapeString(line[at:]))
	if open {
		b.WriteString("</tspan>")
	}
	return b.String()
}
