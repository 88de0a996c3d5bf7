package postgres

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A restore may say millions of lines that mean nothing, such as a warning for every
// statement. So every line is first searched for plain words, which is a hundred times
// as fast as a pattern, and patterns see only lines that have them.
//
// pg_restore up to 11 wrote "[archiver (db)] " where later ones write "error: ". Workers
// share one stderr, so that a prefix may stand inside a line.
var (
	finishedLine  = regexp.MustCompile(`pg_restore: finished item [0-9]+ TABLE DATA `)
	itemLine      = regexp.MustCompile(`from TOC entry [0-9]+; [0-9]+ [0-9]+ (.*)$`)
	countLine     = regexp.MustCompile(`errors ignored on restore: ([0-9]+)`)
	errorLine     = regexp.MustCompile(`pg_restore: (?:error: |\[[a-z ()]+\] )(?:could not execute query: )?(.*)$`)
	nested        = regexp.MustCompile(`^COPY failed for table "(.*)": (?:ERROR|FATAL|PANIC):  (.*)$`)
	copyContext   = regexp.MustCompile(`^CONTEXT:  COPY ([^,]+), line [0-9]+`)
	raiseContext  = regexp.MustCompile(`^CONTEXT:  PL/[A-Za-z]+ (function .{1,200}) line [0-9]+ at RAISE`)
	withinContext = regexp.MustCompile(`^CONTEXT:  (?:PL/[A-Za-z]+|SQL) function `)
)

// contextWord begins a line that says where an error arose.
const contextWord = "CONTEXT:  "

// finished reports whether line says that the rows of a table are restored.
func finished(line string) bool {
	return strings.Contains(line, "pg_restore: finished item ") && finishedLine.MatchString(line)
}

// ignoredIn is the number of errors that the tool counted itself.
func ignoredIn(line string) (int, bool) {
	if !strings.Contains(line, "errors ignored on restore: ") {
		return 0, false
	}
	m := countLine.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1])
	return n, true
}

// itemIn is the entry of the table of contents that an error is about.
func itemIn(line string) (string, bool) {
	if !strings.Contains(line, "from TOC entry ") {
		return "", false
	}
	m := itemLine.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// entryName shortens "TABLE public orders alice" to what a reader needs. The last word
// is the owner.
func entryName(s string) string {
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(s, " (no")
}

// phase reports whether line only says what pg_restore was at.
func phase(line string) bool {
	return strings.Contains(line, "while ") && (strings.Contains(line, "while INITIALIZING") ||
		strings.Contains(line, "while PROCESSING TOC") || strings.Contains(line, "while FINALIZING"))
}

// statementIn is the first line of the statement that failed.
func statementIn(line string) (string, bool) {
	if s, ok := strings.CutPrefix(strings.TrimLeft(line, "\t\f\r "), "Command was: "); ok {
		return s, true
	}
	if message, _, ok := psqlSays(line); ok {
		line = message
	}
	return strings.CutPrefix(line, "STATEMENT:  ")
}

// complaintIn is the message of a line that begins an error, and the line of the script
// it is about.
func complaintIn(line string) (message, at string, ok bool) {
	if message, at, ok = psqlSays(line); ok {
		if harmless(message) { // psql gives notices the same prefix
			return "", "", false
		}
		return withoutSeverity(message), at, true
	}
	if strings.Contains(line, "pg_restore: error: ") || strings.Contains(line, "pg_restore: [") {
		if m := errorLine.FindStringSubmatch(line); m != nil {
			return withoutSeverity(m[1]), "", true
		}
	}
	for _, prefix := range []string{"psql: error: ", "psql: fatal: ", "pg_restore: fatal: "} {
		if message, ok := strings.CutPrefix(line, prefix); ok {
			return withoutSeverity(message), "", true
		}
	}
	return "", "", false
}

// psqlSays reads "psql:FILE:LINE: MESSAGE", of which FILE may have any bytes.
func psqlSays(line string) (message, at string, ok bool) {
	rest, ok := strings.CutPrefix(line, "psql:")
	for ok {
		if _, rest, ok = strings.Cut(rest, ":"); !ok {
			break
		}
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 {
			continue
		}
		if message, ok := strings.CutPrefix(rest[digits:], ": "); ok {
			return strings.TrimPrefix(message, "error: "), rest[:digits], true
		}
	}
	return "", "", false
}

// harmlessWords begin what is no error.
var harmlessWords = []string{"NOTICE", "WARNING", "INFO", "LOG", "DEBUG", "STATEMENT", "DETAIL", "HINT", "warning"}

func harmless(message string) bool {
	return slices.ContainsFunc(harmlessWords, func(word string) bool {
		rest, ok := strings.CutPrefix(message, word)
		return ok && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "  "))
	})
}

func withoutSeverity(message string) string {
	for _, severity := range []string{"ERROR:  ", "FATAL:  ", "PANIC:  "} {
		if rest, ok := strings.CutPrefix(message, severity); ok {
			return rest
		}
	}
	return message
}

// nestedIn splits what pg_restore says of a COPY into the table and the server's words.
func nestedIn(message string) (table, inner string, ok bool) {
	if !strings.HasPrefix(message, "COPY failed for table ") {
		return "", "", false
	}
	m := nested.FindStringSubmatch(message)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// context adds what a line of context says.
func (c *complaint) context(line string) {
	c.within = c.within || withinContext.MatchString(line)
	if m := copyContext.FindStringSubmatch(line); m != nil {
		c.table = m[1]
	} else if m := raiseContext.FindStringSubmatch(line); m != nil {
		c.raisedBy = m[1]
	}
}
