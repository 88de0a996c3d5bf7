package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// defaultWidth is what output is laid out for where there is no terminal to ask.
const defaultWidth = 80

// terminal reports whether w is one, and its width in columns.
func terminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return defaultWidth, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return defaultWidth, true
	}
	return width, true
}

// color reports whether colours are wanted on w. NO_COLOR set to anything turns them
// off, as does a dumb terminal.
func (sh *shell) color(w io.Writer) bool {
	_, tty := terminal(w)
	return tty && !sh.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
