package postgres

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lifeboat/engine"
)

// lineSize bounds what is kept of one line: statements with rows in them can be long.
const lineSize = 4 << 10

// transcript reads what pg_restore or psql says on stderr, line by line and in bounded
// memory. Each error is classified; lines that quote statements and rows are used to
// understand it and then dropped.
type transcript struct {
	major    int
	progress func(tablesDone int64)

	line bytes.Buffer // begun, cut at lineSize
	open *complaint   // the error whose lines are being read
	item string       // what pg_restore was working on when it last complained

	kept  []engine.RestoreError
	count map[engine.ErrorClass]int
	total int // errors seen
	told  int // errors the tool counted itself
	done  int64

	absent                        string // extension found absent, which explains what follows
	noSpace, noMemory, lostServer bool
}

// complaint is one error with the lines that belong to it.
type complaint struct {
	message   string
	item      string // table of contents entry
	table     string // of a COPY
	statement string // first words of the failed statement
	raisedBy  string // function that raised it in words of its own
	within    bool   // a function ran into it
	line      string // of the script
}

func newTranscript(major int, progress func(int64)) *transcript {
	return &transcript{major: major, progress: progress, count: make(map[engine.ErrorClass]int)}
}

// Write implements io.Writer. It never fails.
func (t *transcript) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		t.line.Write(part[:min(len(part), lineSize-min(lineSize, t.line.Len()))])
		if i < 0 {
			return n, nil
		}
		t.take(strings.TrimRight(t.line.String(), "\r"))
		t.line.Reset()
		p = p[i+1:]
	}
}

// Close ends the last error.
func (t *transcript) Close() {
	if t.line.Len() > 0 {
		t.take(t.line.String())
		t.line.Reset()
	}
	t.settle()
}

// Lines of the tools. pg_restore up to 11 wrote "[archiver (db)] " where later ones
// write "error: ". Workers share one stderr, so that a prefix may stand inside a line.
var (
	finishedLine  = regexp.MustCompile(`pg_restore: finished item [0-9]+ TABLE DATA `)
	dataLine      = regexp.MustCompile(`pg_restore: processing data for table `)
	itemLine      = regexp.MustCompile(`(?:from|Error from) TOC entry [0-9]+; [0-9]+ [0-9]+ (.*)$`)
	phaseLine     = regexp.MustCompile(`(?:while|Error while) (?:INITIALIZING|PROCESSING TOC|FINALIZING)`)
	countLine     = regexp.MustCompile(`errors ignored on restore: ([0-9]+)`)
	errorLine     = regexp.MustCompile(`pg_restore: (?:error: |\[[a-z ()]+\] )(?:could not execute query: )?(.*)$`)
	psqlLine      = regexp.MustCompile(`^psql:.*?:([0-9]+): (?:error: )?(.*)$`)
	bareLine      = regexp.MustCompile(`^(?:psql|pg_restore): (?:error: |fatal: )(.*)$`)
	severity      = regexp.MustCompile(`^(ERROR|FATAL|PANIC):  (.*)$`)
	nested        = regexp.MustCompile(`^COPY failed for table "(.*)": (?:ERROR|FATAL|PANIC):  (.*)$`)
	copyContext   = regexp.MustCompile(`^CONTEXT:  COPY ([^,]+), line [0-9]+`)
	raiseContext  = regexp.MustCompile(`^CONTEXT:  PL/[A-Za-z]+ (function .{1,200}) line [0-9]+ at RAISE`)
	withinContext = regexp.MustCompile(`^CONTEXT:  (?:PL/[A-Za-z]+|SQL) function `)
	statementOf   = regexp.MustCompile(`^(?:\s*Command was: |(?:psql:.*?:[0-9]+: )?STATEMENT:  )(.*)$`)
)

// take reads one line.
func (t *transcript) take(line string) {
	switch {
	case finishedLine.MatchString(line):
		t.done++
		t.progress(t.done)
		return
	case dataLine.MatchString(line):
		return
	}
	if m := countLine.FindStringSubmatch(line); m != nil {
		t.settle()
		t.told, _ = strconv.Atoi(m[1])
		return
	}
	if m := itemLine.FindStringSubmatch(line); m != nil {
		t.settle()
		t.item = entryName(m[1])
		return
	}
	if phaseLine.MatchString(line) {
		t.settle()
		return
	}
	if m := statementOf.FindStringSubmatch(line); m != nil {
		if t.open != nil {
			t.open.statement = m[1]
		}
		return
	}
	if message, at, ok := complaintIn(line); ok {
		t.settle()
		t.open = &complaint{message: message, item: t.item, line: at}
		if m := nested.FindStringSubmatch(message); m != nil {
			t.open.table, t.open.message = m[1], m[2]
		}
		return
	}
	if t.open == nil {
		return
	}
	t.open.within = t.open.within || withinContext.MatchString(line)
	if m := copyContext.FindStringSubmatch(line); m != nil {
		t.open.table = m[1]
	} else if m := raiseContext.FindStringSubmatch(line); m != nil {
		t.open.raisedBy = m[1]
	}
}

// complaintIn is the message of a line that begins an error, and the line of the script
// it is about.
func complaintIn(line string) (message, at string, ok bool) {
	m := psqlLine.FindStringSubmatch(line)
	switch {
	case m != nil && harmlessPrefix.MatchString(m[2]): // psql gives notices the same prefix
		return "", "", false
	case m != nil:
		return withoutSeverity(m[2]), m[1], true
	}
	for _, form := range []*regexp.Regexp{errorLine, bareLine} {
		if m := form.FindStringSubmatch(line); m != nil {
			return withoutSeverity(m[1]), "", true
		}
	}
	return "", "", false
}

func withoutSeverity(message string) string {
	if m := severity.FindStringSubmatch(message); m != nil {
		return m[2]
	}
	return message
}

// harmlessPrefix begins what is no error.
var harmlessPrefix = regexp.MustCompile(`^(NOTICE|WARNING|INFO|LOG|DEBUG|STATEMENT|DETAIL|HINT|warning)(:|  )`)

// settle classifies the open error and forgets all but the result.
func (t *transcript) settle() {
	if t.open == nil {
		return
	}
	c := *t.open
	t.open = nil
	t.add(t.classify(c))
}

func (t *transcript) add(e engine.RestoreError) {
	t.total++
	t.count[e.Class]++
	if len(t.kept) < engine.MaxRestoreErrors {
		t.kept = append(t.kept, e)
		return
	}
	for i := range t.kept { // a grave error is worth more than a harmless one
		if e.Class < t.kept[i].Class && t.kept[i].Class == engine.Harmless {
			t.kept[i] = e
			return
		}
	}
}

// verdict returns the errors and their counts. A tool that failed without a word, or
// that counted more errors than were understood, adds one of its own.
func (t *transcript) verdict(exit int) ([]engine.RestoreError, map[engine.ErrorClass]int) {
	switch {
	case t.told > t.total:
		t.add(engine.RestoreError{
			Class:   engine.Unclassified,
			Message: fmt.Sprintf("the restore tool counted %d errors, of which %d could be read", t.told, t.total),
		})
	case exit != 0 && t.total == 0:
		t.add(engine.RestoreError{Class: engine.Unclassified, Message: fmt.Sprintf("the restore tool ended with code %d and said nothing", exit)})
	}
	return t.kept, t.count
}

// entryName shortens "TABLE public orders alice" to what a reader needs. The last word
// is the owner.
func entryName(s string) string {
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return strings.TrimSuffix(s, " (no")
}
