package postgres

import (
	"bytes"
	"fmt"
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

// take reads one line.
func (t *transcript) take(line string) {
	switch {
	case finished(line):
		t.done++
		t.progress(t.done)
		return
	case strings.Contains(line, "pg_restore: processing data for table "):
		return
	}
	if n, ok := ignoredIn(line); ok {
		t.settle()
		t.told = n
		return
	}
	if item, ok := itemIn(line); ok {
		t.settle()
		t.item = entryName(item)
		return
	}
	if phase(line) {
		t.settle()
		return
	}
	if statement, ok := statementIn(line); ok {
		if t.open != nil {
			t.open.statement = statement
		}
		return
	}
	if message, at, ok := complaintIn(line); ok {
		t.settle()
		t.open = &complaint{message: message, item: t.item, line: at}
		if table, inner, ok := nestedIn(message); ok {
			t.open.table, t.open.message = table, inner
		}
		return
	}
	if t.open != nil && strings.HasPrefix(line, contextWord) {
		t.open.context(line)
	}
}

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
