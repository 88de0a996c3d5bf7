// Package sqldump reads scripts that pg_dump and pg_dumpall write, and other SQL for
// PostgreSQL, in one pass and bounded memory: what they create, how many rows they
// load, and whether they are whole. It runs nothing.
//
// A script carries no checksum. What can be seen is that it ends where it should: not
// inside a statement or the rows of a table, and after the closing remark of pg_dump.
// A script that pg_dump did not write may miss whole statements unnoticed.
package sqldump

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"lifeboat/engine"
	"lifeboat/engine/postgres/sqltext"
)

// Item is something the script creates or changes, with the statement that does it.
type Item struct {
	Database string // the script has connected to; empty until it does
	// Desc is the kind in the words of pg_dump: "TABLE", "FK CONSTRAINT". Statements about
	// roles have "ACL", and those that create roles "ROLE".
	Desc   string
	Tag    string
	Schema string
	SQL    string // beginning of the statement
}

// Rows are loaded into a table by one COPY or INSERT statement.
type Rows struct {
	Database     string
	Schema, Name string
	N            int64
	Via          bool // the table is a parent of the one the rows were dumped from
	Unknown      bool // the statement does not spell its rows out
	Copied       bool // by a COPY statement
	// Heading is true when no statement loads rows under the heading of the table's data:
	// the name is that of the heading, in which line ends have become blanks.
	Heading bool
}

// Handler learns what a script holds, in its order.
type Handler struct {
	Item func(Item)
	Rows func(Rows)
}

// Script is what a script says about itself.
type Script struct {
	Cluster       bool   // written by pg_dumpall
	Dumped        bool   // written by pg_dump or pg_dumpall
	ServerVersion string // of the first server named, "16.4 (Debian 16.4-1)"
	ToolVersion   string
	Database      string   // that a script of pg_dump connects to
	Commands      []string // names of the psql commands used, Shell among them, sorted
}

// Read reads a script to its end. Facts wrap a sentinel of package engine, errors of r
// are returned as they are; either way the handler has seen what came before.
func Read(ctx context.Context, r io.Reader, h Handler) (Script, error) {
	end := &ending{r: r}
	d := &reader{ctx: ctx, sql: sqltext.NewScanner(end), handler: h, end: end}
	err := d.read()
	slices.Sort(d.script.Commands)
	return d.script, err
}

// Head reads no further than the versions at the beginning of a script. A script that
// ends before that is no error.
func Head(ctx context.Context, r io.Reader) (Script, error) {
	ignore := Handler{Item: func(Item) {}, Rows: func(Rows) {}}
	end := &ending{r: r}
	d := &reader{ctx: ctx, sql: sqltext.NewScanner(end), handler: ignore, end: end, headOnly: true}
	err := d.read()
	if errors.Is(err, engine.ErrTruncated) {
		err = nil
	}
	return d.script, err
}

// reader is the state of a reading.
type reader struct {
	ctx      context.Context
	sql      *sqltext.Scanner
	handler  Handler
	end      *ending
	script   Script
	headOnly bool

	database string
	schema   string  // where unqualified names are, as SET search_path says
	section  section // the comment before the statement at hand
	opened   int     // dumps begun
	closed   int     // dumps ended
	insert   lastInsert
	after    bool // nothing but remarks came after the last closing one
}

func (d *reader) read() error {
	for {
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		kind, err := d.sql.Next()
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return d.finish()
		case err != nil:
			return d.broken(err)
		}
		switch kind {
		case sqltext.Comment:
			d.comment(string(d.sql.Text()))
			if d.headOnly && d.script.ServerVersion != "" && d.script.ToolVersion != "" {
				return nil
			}
		case sqltext.Command:
			d.command(string(d.sql.Text()))
		case sqltext.Statement:
			d.after = false
			if inside := d.sql.Commands(); len(inside) > 0 {
				d.noteCommands(string(inside))
			}
			if err := d.statement(); err != nil {
				return d.broken(err)
			}
		}
	}
}

// broken makes the early end of the script a fact.
func (d *reader) broken(err error) error {
	var open *sqltext.OpenError
	if errors.As(err, &open) {
		return fmt.Errorf("script %w: %w", err, engine.ErrTruncated)
	}
	return err
}

// finish judges a script that has ended between two statements.
func (d *reader) finish() error {
	d.begin(section{})
	switch {
	case !d.script.Dumped:
		return nil
	case d.closed < d.opened:
		return fmt.Errorf("script lacks the closing remark of pg_dump: %w", engine.ErrTruncated)
	case d.after && !d.end.blank():
		return fmt.Errorf("script ends inside the closing remark of pg_dump: %w", engine.ErrTruncated)
	}
	return nil
}

// ending remembers the last bytes of a stream, carriage returns left out.
type ending struct {
	r    io.Reader
	last [2]byte
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	const enough = 8
	for _, b := range p[max(0, n-enough):n] {
		if b != '\r' {
			e.last[0], e.last[1] = e.last[1], b
		}
	}
	return n, err
}

// blank reports whether the stream ends in an empty line, as pg_dump makes it.
func (e *ending) blank() bool { return e.last == [2]byte{'\n', '\n'} }
