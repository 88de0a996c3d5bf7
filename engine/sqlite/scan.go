package sqlite

import (
	"bytes"
	"errors"
	"strings"
)

// scanner follows SQL as it streams by and cuts it into statements. It understands
// no more of it than is needed for that, for naming what a statement creates, and for
// counting the rows it inserts. It keeps the text of a statement only when asked to.
type scanner struct {
	onEnd func(*statement)
	// keep asks for the text of each statement, of at most this many bytes.
	keep int
	// damage is set by a comment that .dump writes where it could not read.
	damage bool

	statement statement
	mode      mode
	token     []byte // of the word or quoted name being read
	comment   []byte // the beginning of the comment being read
	err       error
}

// mode says what the next byte belongs to.
type mode uint8

const (
	plain mode = iota
	word
	quotedString    // '...'
	quotedName      // "..."
	tickedName      // `...`
	bracketedName   // [...]
	afterQuote      // behind a ', which another one would make part of the string
	afterName       // behind a "
	afterTick       // behind a `
	dash            // behind a - that may begin a comment
	slash           // behind a / that may begin a comment
	lineComment     // -- ...
	blockComment    // /* ...
	blockCommentEnd // behind a * inside a comment
)

const (
	maxToken   = 64 << 10 // longer ones are kept in part
	maxComment = 64
)

// errLongStatement means that a statement exceeds what is kept of one.
var errLongStatement = errors.New("a statement is too long")

// plainBytes are the bytes that mean nothing inside a list of values.
var plainBytes = func() (t [256]bool) {
	for i := range t {
		t[i] = !strings.ContainsRune("'\"`[();-/", rune(i))
	}
	return t
}()

// closer is the byte that ends each kind of quote, opener the mode it begins.
var (
	closers = map[mode]byte{quotedString: '\'', quotedName: '"', tickedName: '`', bracketedName: ']'}
	after   = map[mode]mode{quotedString: afterQuote, quotedName: afterName, tickedName: afterTick, bracketedName: plain}
	before  = map[mode]mode{afterQuote: quotedString, afterName: quotedName, afterTick: tickedName}
)

// write takes the next bytes.
func (s *scanner) write(p []byte) {
	start := 0 // of what belongs to the present statement
	for i := 0; i < len(p) && s.err == nil; {
		switch s.mode {
		case plain:
			if s.statement.inValues() && plainBytes[p[i]] {
				i++
				continue
			}
			if !s.statement.begun() {
				start, s.statement.text = i, s.statement.text[:0]
			}
			if s.plainByte(p[i]) {
				s.end(p[start : i+1])
				start = i + 1
			}
			i++
		case word:
			if isWordByte(p[i]) {
				s.collect(p[i : i+1])
				i++
				continue
			}
			s.statement.word(s.take())
			s.mode = plain
		case quotedString, quotedName, tickedName, bracketedName:
			i += s.quoted(p[i:])
		case afterQuote, afterName, afterTick:
			i += s.behindQuote(p[i])
		default:
			i += s.commentByte(p[i])
		}
	}
	if s.keep > 0 && (s.statement.begun() || s.mode != plain) {
		s.append(p[min(start, len(p)):])
	}
}

// plainByte takes a byte outside of words, quotes and comments, and reports whether it
// ends the statement.
func (s *scanner) plainByte(b byte) (ends bool) {
	switch {
	case b == ';':
		return s.statement.semicolon()
	case b == '\'':
		s.mode = quotedString
	case b == '"':
		s.mode = quotedName
	case b == '`':
		s.mode = tickedName
	case b == '[':
		s.mode = bracketedName
	case b == '-':
		s.mode = dash
	case b == '/':
		s.mode = slash
	case isWordByte(b):
		s.mode = word
		s.collect([]byte{b})
	case b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == '\f':
	default:
		s.statement.mark(b)
	}
	return false
}

// quoted takes bytes up to the end of the quote and returns how many.
func (s *scanner) quoted(p []byte) int {
	n := bytes.IndexByte(p, closers[s.mode])
	if n < 0 {
		s.collect(p)
		return len(p)
	}
	s.collect(p[:n])
	if s.mode == bracketedName {
		s.statement.name(s.take())
	}
	s.mode = after[s.mode]
	return n + 1
}

// behindQuote sees whether a quote was doubled; if not, it was the end.
func (s *scanner) behindQuote(b byte) int {
	inside := before[s.mode]
	if b == closers[inside] {
		s.collect([]byte{b})
		s.mode = inside
		return 1
	}
	if inside == quotedString {
		s.statement.string(s.take())
	} else {
		s.statement.name(s.take())
	}
	s.mode = plain
	return 0
}

// commentByte takes a byte that may begin, belong to or end a comment.
func (s *scanner) commentByte(b byte) int {
	switch s.mode {
	case dash, slash:
		first, second, comment := byte('-'), byte('-'), lineComment
		if s.mode == slash {
			first, second, comment = '/', '*', blockComment
		}
		if b != second {
			s.statement.mark(first)
			s.mode = plain
			return 0
		}
		s.mode, s.comment = comment, s.comment[:0]
	case lineComment:
		if b == '\n' {
			s.endComment()
			return 1
		}
	case blockComment, blockCommentEnd:
		if s.mode == blockCommentEnd && b == '/' {
			s.endComment()
			return 1
		}
		if s.mode = blockComment; b == '*' {
			s.mode = blockCommentEnd
		}
	}
	if len(s.comment) < maxComment {
		s.comment = append(s.comment, b)
	}
	return 1
}

func (s *scanner) endComment() {
	s.mode = plain
	// .dump writes such a comment where a table could not be read to its end.
	remark := bytes.TrimLeft(s.comment, "* ")
	if bytes.HasPrefix(s.comment, []byte("***")) && (bytes.HasPrefix(remark, []byte("ERROR")) || bytes.HasPrefix(remark, []byte("CORRUPTION ERROR"))) {
		s.damage = true
	}
}

func (s *scanner) collect(p []byte) {
	if s.statement.inValues() {
		return
	}
	s.token = append(s.token, p[:min(len(p), maxToken-len(s.token))]...)
}

func (s *scanner) take() string {
	t := string(s.token)
	s.token = s.token[:0]
	return t
}

func (s *scanner) append(p []byte) {
	if len(s.statement.text)+len(p) > s.keep {
		s.err = errLongStatement
		return
	}
	s.statement.text = append(s.statement.text, p...)
}

// end hands the statement over, whose last bytes are p.
func (s *scanner) end(p []byte) {
	if s.statement.begun() {
		if s.keep > 0 {
			s.append(p)
		}
		if s.err == nil {
			s.onEnd(&s.statement)
		}
	}
	s.statement = statement{text: s.statement.text[:0]}
}

// close says that there are no more bytes and reports whether the last statement is
// complete.
func (s *scanner) close() (complete bool) {
	switch s.mode {
	case word:
		s.statement.word(s.take())
	case afterQuote, afterName, afterTick:
		s.behindQuote(' ')
	case lineComment:
		s.endComment()
	case plain:
	default:
		return false
	}
	s.mode = plain
	return !s.statement.begun()
}

func isWordByte(b byte) bool {
	return b == '_' || b == '$' || b >= 0x80 || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}
