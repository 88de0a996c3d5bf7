package sqltext

import (
	"bytes"
	"strings"
)

// Classes of bytes, as far as splitting statements needs them.
const (
	plain = iota // numbers, operators: nothing to look at
	space
	letter // begins a word
	mark   // quotes, comments, parentheses, the end
)

var class = classes()

func classes() (c [256]byte) {
	for _, b := range []byte(" \t\r\n\f\v") {
		c[b] = space
	}
	for b := range c {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80 {
			c[b] = letter
		}
	}
	for _, b := range []byte(`'"$-/;()\`) {
		c[b] = mark
	}
	return c
}

// inWord holds the bytes that may follow in a word.
var inWord = func() (in [256]bool) {
	for b := range in {
		in[b] = class[b] == letter || b >= '0' && b <= '9' || b == '$'
	}
	return in
}()

// statement reads one statement, its semicolon included.
func (s *Scanner) statement() error {
	for {
		i := s.pos
		for i < s.end && class[s.buf[i]] < letter {
			i++
		}
		s.take(i - s.pos)
		if !s.ensure(1) {
			return s.open("a statement")
		}
		b := s.buf[s.pos]
		var err error
		switch {
		case class[b] == letter:
			err = s.word()
		case class[b] != mark:
			continue // the window was refilled
		case b == ';' && s.depth == 0 && s.bodies == 0:
			s.pos++
			return nil
		default:
			err = s.mark(b)
		}
		if err != nil {
			return err
		}
	}
}

// mark handles one of the special bytes.
func (s *Scanner) mark(b byte) error {
	switch b {
	case '\'':
		return s.quoted('\'', s.Escapes, "a string")
	case '"':
		return s.quoted('"', false, "a quoted name")
	case '$':
		return s.dollar()
	case '-':
		if s.peek(1) == '-' {
			return s.lineComment()
		}
	case '/':
		if s.peek(1) == '*' {
			s.keep([]byte{' '})
			return s.blockComment()
		}
	case '\\':
		s.command()
	case '(':
		if s.depth == 0 && s.insert == inRows {
			s.tuples++
		}
		s.depth++
	case ')':
		s.depth = max(0, s.depth-1)
	}
	s.take(1)
	return nil
}

// command keeps the beginning of a psql command inside a statement, without passing
// over it: what it does to the statement depends on the command.
func (s *Scanner) command() {
	if len(s.inside) >= maxInside {
		return
	}
	s.ensure(maxCommand)
	line, _, _ := bytes.Cut(s.buf[s.pos:min(s.pos+maxCommand, s.end)], []byte{'\n'})
	s.inside = append(append(s.inside, line...), '\n')
}

// lineComment passes over a comment inside a statement.
func (s *Scanner) lineComment() error {
	kept, cut := len(s.text), s.cut
	err := s.restOfLine()
	s.text, s.cut = s.text[:kept], cut
	s.keep([]byte{'\n'})
	return err
}

// word reads a word, and what it means at this place.
func (s *Scanner) word() error {
	var head [12]byte // more than any word that matters has
	n := 0
	for {
		i := s.pos
		for i < s.end && inWord[s.buf[i]] {
			i++
		}
		part := s.buf[s.pos:i]
		n += copy(head[min(n, len(head)):], part)
		s.take(len(part))
		if s.pos < s.end || !s.ensure(1) {
			break
		}
	}
	if n == 1 && (head[0] == 'e' || head[0] == 'E') && s.peek(0) == '\'' {
		return s.quoted('\'', true, "a string")
	}
	if s.depth == 0 && n < len(head) {
		s.meaning(head[:n])
	}
	s.words++
	return nil
}

// meaning follows the few words that decide where a statement ends and which of its
// parentheses are rows.
func (s *Scanner) meaning(w []byte) {
	switch {
	case s.words < len(s.leading):
		s.lead(w)
	case s.insert != notInsert:
		s.insertWord(w)
	}
	if !s.routine {
		return
	}
	switch {
	case is(w, "begin"), s.bodies > 0 && is(w, "case"):
		s.bodies++
	case is(w, "end"):
		s.bodies = max(0, s.bodies-1)
	}
}

// lead looks at the first words of a statement.
func (s *Scanner) lead(w []byte) {
	if s.words == 0 {
		s.leading = [4]string{}
	}
	s.leading[s.words] = strings.ToLower(string(w))
	l := &s.leading
	switch {
	case s.words == 0 && l[0] == "insert":
		s.insert, s.limit = beforeRows, maxInsertText
	case s.insert != notInsert:
		s.insertWord(w)
	case l[0] == "create" && l[1] == "or" && l[2] == "replace":
		s.routine = l[3] == "function" || l[3] == "procedure"
	case l[0] == "create" && s.words == 1:
		s.routine = l[1] == "function" || l[1] == "procedure"
	}
}

// insertWord follows an INSERT to its rows and past them.
func (s *Scanner) insertWord(w []byte) {
	switch {
	case s.insert == beforeRows && is(w, "default"):
		s.insert = defaultRow
	case s.insert == defaultRow && is(w, "values"):
		s.insert = afterRows
		s.tuples = 1
	case s.insert == beforeRows && is(w, "values"):
		s.insert = inRows
	case s.insert == inRows && (is(w, "on") || is(w, "returning")):
		s.insert = afterRows
	}
}

// is compares a word with a lower-case one.
func is(w []byte, lower string) bool {
	return len(w) == len(lower) && strings.EqualFold(string(w), lower)
}

// quoted reads a quoted string or name; a doubled quote stands for itself.
func (s *Scanner) quoted(quote byte, escapes bool, inside string) error {
	s.take(1)
	for {
		i := s.endOfQuote(quote, escapes)
		s.take(i)
		if !s.ensure(1) {
			return s.open(inside)
		}
		switch b := s.buf[s.pos]; {
		case escapes && b == '\\':
			if !s.ensure(2) {
				return s.open(inside)
			}
			s.take(2)
		case b == quote:
			s.take(1)
			if s.peek(0) != quote {
				return nil
			}
			s.take(1)
		}
	}
}

// endOfQuote is how many bytes at hand are neither the quote nor an escape.
func (s *Scanner) endOfQuote(quote byte, escapes bool) int {
	w := s.buf[s.pos:s.end]
	i := -1
	if escapes {
		i = bytes.IndexAny(w, `'\`)
	} else {
		i = bytes.IndexByte(w, quote)
	}
	if i < 0 {
		return len(w)
	}
	return i
}

// dollar reads a string between dollar tags, or takes a dollar that begins none.
func (s *Scanner) dollar() error {
	tag := s.dollarTag()
	if tag == nil {
		s.take(1)
		return nil
	}
	s.take(len(tag))
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], tag); i >= 0 {
			s.take(i + len(tag))
			return nil
		}
		s.take(max(0, s.end-s.pos-len(tag)+1))
		if !s.ensure(len(tag)) {
			return s.open("a dollar-quoted string")
		}
	}
}

// dollarTag returns the tag at hand, both dollars included, nil if it is none.
func (s *Scanner) dollarTag() []byte {
	for i := 1; i < maxTag && s.ensure(i+1); i++ {
		b := s.buf[s.pos+i]
		switch {
		case b == '$':
			return bytes.Clone(s.buf[s.pos : s.pos+i+1])
		case i == 1 && class[b] != letter, !inWord[b]:
			return nil
		}
	}
	return nil
}
