// Package sqltext splits PostgreSQL scripts into statements, comments and psql
// commands the way psql does, and counts the rows they carry, in one pass and
// bounded memory whatever the length of a line or statement. It executes nothing and
// does not check grammar.
package sqltext

import (
	"bytes"
	"errors"
	"io"
)

const (
	windowSize = 256 << 10
	// maxText bounds how much of a statement, comment or command is kept.
	maxText = 64 << 10
	// maxInsertText is enough to name the table of an INSERT.
	maxInsertText = 1 << 10
	// maxCommand and maxInside bound what is kept of one and of all psql commands inside
	// a statement.
	maxCommand, maxInside = 128, 4 << 10
	maxTag                = 256 // bytes of a dollar quote's tag; PostgreSQL cuts names at 63
)

// Kind says what Next found.
type Kind int

// Kinds of pieces of a script.
const (
	None      Kind = iota
	Statement      // up to its semicolon
	Comment        // a line beginning with --, outside of any statement
	Command        // a psql command, up to the end of its line
)

// OpenError means that the script ends inside of something.
type OpenError struct {
	Inside string // "a string", "a statement", "COPY data"
}

// Error implements error.
func (e *OpenError) Error() string { return "ends inside " + e.Inside }

// Unwrap makes it an unexpected end to callers that do not care where it was.
func (e *OpenError) Unwrap() error { return io.ErrUnexpectedEOF }

// Scanner reads one script.
type Scanner struct {
	// Escapes is true when backslashes escape in ordinary strings, as they do after
	// SET standard_conforming_strings = off.
	Escapes bool

	r        io.Reader
	buf      []byte
	pos, end int
	err      error // why there is nothing more to read

	text    []byte // of the current piece
	inside  []byte // psql commands inside of a statement
	limit   int    // of text
	cut     bool   // text was longer than limit
	tuples  int64
	insert  insertState
	depth   int // of parentheses
	bodies  int // of BEGIN ATOMIC and CASE inside an SQL function
	words   int
	routine bool // the statement creates a function or procedure
	leading [4]string
}

// insertState is how far the reading of an INSERT has come.
type insertState int

const (
	notInsert  insertState = iota
	beforeRows             // INSERT INTO t (...)
	defaultRow             // DEFAULT
	inRows                 // after VALUES
	afterRows              // ON CONFLICT, RETURNING
)

// NewScanner returns a scanner of r.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: r, buf: make([]byte, windowSize)}
}

// Text is the text of the piece that Next found, without comments inside statements
// and without the closing semicolon. It is valid until the next call, and cut where
// it is very long.
func (s *Scanner) Text() []byte { return s.text }

// Commands is the beginning of the psql commands inside the statement that Next found,
// empty where it has none. It is valid until the next call.
func (s *Scanner) Commands() []byte { return s.inside }

// Cut reports whether Text is not the whole piece.
func (s *Scanner) Cut() bool { return s.cut }

// Tuples is the number of rows that the INSERT statement found by Next spells out, and
// ok is false when the statement is no INSERT or takes its rows from elsewhere.
func (s *Scanner) Tuples() (n int64, ok bool) {
	return s.tuples, s.insert == inRows || s.insert == afterRows
}

// Next finds the next piece. It returns io.EOF at the regular end of the script, an
// *OpenError when the script ends inside a piece, and otherwise the error of the
// reader as it is.
func (s *Scanner) Next() (Kind, error) {
	s.reset()
	for {
		if !s.ensure(2) && s.pos == s.end {
			return None, s.err
		}
		b := s.buf[s.pos]
		switch {
		case class[b] == space:
			s.pos++
		case b == '-' && s.peek(1) == '-':
			return Comment, s.restOfLine()
		case b == '/' && s.peek(1) == '*':
			if err := s.blockComment(); err != nil {
				return None, err
			}
		case b == '\\':
			return Command, s.restOfLine()
		case b == ';':
			s.pos++ // an empty statement
		default:
			return Statement, s.statement()
		}
	}
}

// CopyRows reads the data that follows a COPY ... FROM stdin statement up to its
// closing line, and counts its rows. On an error the rows seen so far come with it.
func (s *Scanner) CopyRows() (int64, error) {
	s.reset()
	s.limit = 0
	if err := s.restOfLine(); err != nil {
		return 0, err
	}
	var c CopyRows
	for {
		s.pos += c.Feed(s.buf[s.pos:s.end])
		if c.Done {
			return c.Rows, nil
		}
		if !s.ensure(1) {
			return c.Rows, s.open("COPY data")
		}
	}
}

func (s *Scanner) reset() {
	s.text, s.limit, s.cut = s.text[:0], maxText, false
	s.inside = s.inside[:0]
	s.tuples, s.insert = 0, notInsert
	s.depth, s.bodies, s.words, s.routine = 0, 0, 0, false
}

// ensure makes at least n bytes available and reports whether it could.
func (s *Scanner) ensure(n int) bool {
	for s.end-s.pos < n && s.err == nil {
		if s.pos > 0 && s.end+n > len(s.buf) || s.pos == s.end {
			s.end = copy(s.buf, s.buf[s.pos:s.end])
			s.pos = 0
		}
		m, err := s.r.Read(s.buf[s.end:])
		s.end += m
		s.err = err
	}
	return s.end-s.pos >= n
}

// peek returns the byte at offset i, 0 where the script has none.
func (s *Scanner) peek(i int) byte {
	if !s.ensure(i + 1) {
		return 0
	}
	return s.buf[s.pos+i]
}

// open is the error of a script that ends inside something.
func (s *Scanner) open(inside string) error {
	if errors.Is(s.err, io.EOF) {
		return &OpenError{Inside: inside}
	}
	return s.err
}

// keep appends to the text of the piece as far as its limit allows.
func (s *Scanner) keep(b []byte) {
	room := s.limit - len(s.text)
	if len(b) > room {
		s.cut = true
		b = b[:max(room, 0)]
	}
	s.text = append(s.text, b...)
}

// take keeps the next n bytes, which must be available, and passes over them.
func (s *Scanner) take(n int) {
	s.keep(s.buf[s.pos : s.pos+n])
	s.pos += n
}

// restOfLine takes everything up to the end of the line and passes over that.
func (s *Scanner) restOfLine() error {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			s.take(i)
			s.pos++
			return nil
		}
		s.take(s.end - s.pos)
		if !s.ensure(1) {
			if errors.Is(s.err, io.EOF) {
				return nil // a last line without its end
			}
			return s.err
		}
	}
}

// blockComment passes over a comment that may hold others.
func (s *Scanner) blockComment() error {
	depth := 0
	for {
		if !s.ensure(2) {
			return s.open("a comment")
		}
		switch a, b := s.buf[s.pos], s.buf[s.pos+1]; {
		case a == '/' && b == '*':
			depth++
			s.pos += 2
		case a == '*' && b == '/':
			depth--
			s.pos += 2
			if depth == 0 {
				return nil
			}
		default:
			s.pos++
		}
	}
}
