package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
)

// scanner reads one whole dump while it streams by: what it promises, whether it is
// whole and how many rows it has.
type scanner struct {
	mu       sync.Mutex
	catalog  catalog
	format   string
	heads    int  // tables of contents seen
	escapes  bool // backslashes escape in its strings
	bytes    int64
	promised []promise               // data of the table of contents
	needed   []string                // further data that has to be there
	rows     map[string]archive.Rows // data that was read whole, by name
	fact     error                   // the first that went wrong
	broken   string                  // data in which it went wrong
	plain    script                  // what a plain dump came to
	partial  archive.Rows            // what was read of that
}

// promise is data that a table of contents promises.
type promise struct {
	name  string
	table engine.Table // empty when the data is not that of a table
	copy  string       // statement that loads it, empty for INSERT statements
}

// newScanner returns a scanner of the dump that m describes.
func newScanner(m engine.Manifest) *scanner {
	return &scanner{catalog: newCatalog(), format: m.Format, rows: make(map[string]archive.Rows)}
}

// File reads one file of a directory dump, or the whole of a dump that is a single
// stream and then has no name. Different files may be read at once. It returns facts
// about the dump wrapping a sentinel of package engine, and r's own error as it is. When
// it returns nil it has read r to its end.
func (s *scanner) File(ctx context.Context, name string, r io.Reader) error {
	counted := &archive.Source{R: r}
	err := s.read(ctx, name, counted)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += counted.N
	if err != nil && s.fact == nil {
		s.fact = err
	}
	return err
}

func (s *scanner) read(ctx context.Context, name string, r io.Reader) error {
	if name != "" {
		s.setFormat(formatDirectory)
		return archive.ReadFile(ctx, name, r, s.handler())
	}
	b, format, err := s.begin(r)
	if err != nil {
		return err
	}
	switch format {
	case formatCustom:
		return archive.ReadCustom(ctx, b, s.handler())
	case formatTar, formatDirectory:
		return archive.ReadTar(ctx, b, s.handler())
	}
	return s.readScript(ctx, b)
}

// begin recognises a single stream by its first bytes, which b still has.
func (s *scanner) begin(r io.Reader) (b *bufio.Reader, format string, err error) {
	b = bufio.NewReaderSize(r, headSize)
	head, err := peekHead(b)
	if err != nil {
		return nil, "", err
	}
	if format, err = recognise(head); err != nil {
		return nil, "", err
	}
	s.setFormat(format)
	return b, format, nil
}

// head reads only as much of a single stream as describes the dump.
func (s *scanner) head(ctx context.Context, r io.Reader) error {
	b, format, err := s.begin(r)
	if err != nil {
		return err
	}
	switch format {
	case formatCustom:
		return archive.ReadTOC(ctx, b, s.handler())
	case formatTar, formatDirectory:
		return archive.ReadTarTOC(ctx, b, s.handler())
	}
	return s.scriptHead(ctx, b)
}

func (s *scanner) setFormat(format string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.format = format
}

// handler records what a pass over an archive finds.
func (s *scanner) handler() archive.Handler {
	return archive.Handler{Head: s.archiveHead, Entry: s.entry, Needs: s.needs, Escapes: s.escaping, Rows: s.counted}
}

func (s *scanner) archiveHead(h archive.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heads++ // Finish refuses more than one
	s.catalog.head(h)
}

// entry records one entry of the table of contents.
func (s *scanner) entry(e *archive.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.escapes = s.escapes || e.Escapes()
	s.catalog.add(item{Desc: e.Desc, Tag: e.Tag, Schema: e.Schema, Owner: e.Owner, SQL: e.Defn})
	if s.catalog.full || len(s.promised) >= maxObjects {
		return errFull
	}
	switch {
	case e.Data == "" && e.Desc == archive.TableData:
		return fmt.Errorf("table of contents promises rows of %s and names no data: %w",
			engine.Table{Schema: e.Schema, Name: e.Tag}, engine.ErrCorrupt)
	case e.Data == "":
		return nil
	}
	p := promise{name: e.Data}
	if e.Desc == archive.TableData {
		p.table, p.copy = engine.Table{Schema: e.Schema, Name: e.Tag}, e.Copy
	}
	s.promised = append(s.promised, p)
	return nil
}

func (s *scanner) escaping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.escapes
}

func (s *scanner) needs(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needed = append(s.needed, data)
}

// counted records the data of one name.
func (s *scanner) counted(data string, rows archive.Rows, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.broken, s.partial = data, rows
		return err
	}
	if _, twice := s.rows[data]; twice {
		return fmt.Errorf("data %s is there twice: %w", data, engine.ErrCorrupt)
	}
	s.rows[data] = rows
	return nil
}

// Finish returns what was learned from all files. The error is the first that File
// returned; otherwise a fact, when something is missing that the dump promises. What was
// seen comes with either.
func (s *scanner) Finish() (engine.Received, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := engine.Received{Manifest: s.manifest(), Bytes: s.bytes}
	var missing error
	var read string
	switch s.format {
	case formatPlain, formatCluster:
		got.Census, missing = s.plain.census(&s.catalog)
		got.Commands, read = s.plain.commands, s.plain.progress()
	default:
		t := s.count()
		got.Census, missing, read = t.census, t.err, t.read()
	}
	err := s.fact
	if err == nil && s.catalog.full {
		err = errFull
	}
	if err == nil {
		err = missing
	}
	if err != nil {
		got.Read = read
	}
	return got, err
}

// manifest is what the dump has said about itself so far.
func (s *scanner) manifest() engine.Manifest {
	m := s.catalog.manifest()
	m.Format = s.format
	return m
}

// name returns a name of the dump in UTF-8, or as it is where that is not possible.
func (s *scanner) name(raw string) string {
	plain, _ := s.catalog.names.read(raw)
	return plain
}
