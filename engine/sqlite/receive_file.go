package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/engine"
)

// examine takes the census of the database file that was received.
func (l *loader) examine(ctx context.Context, rec engine.Received) (engine.Received, error) {
	f, err := os.Open(filepath.Join(l.dir, databaseFile))
	if errors.Is(err, os.ErrNotExist) {
		return rec, fmt.Errorf("%w: there is no SQLite database in it", engine.ErrFormat)
	}
	if err != nil {
		return rec, fmt.Errorf("read the received file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return rec, fmt.Errorf("read the received file: %w", err)
	}
	var log io.ReaderAt
	switch beside, err := os.Open(filepath.Join(l.dir, walFile)); {
	case err == nil:
		defer beside.Close()
		log = beside
	case !errors.Is(err, os.ErrNotExist):
		return rec, fmt.Errorf("read the received file: %w", err)
	}
	hot, err := hotJournal(filepath.Join(l.dir, journalFile))
	if err != nil {
		return rec, err
	}
	p, err := newPager(f, info.Size(), log)
	if err != nil {
		return rec, err
	}
	if p.tail > 0 {
		l.notes = append(l.notes, engine.Skipped{Subject: "write-ahead log",
			Reason: "it ends inside a transaction, whose changes are not part of the backup"})
	}
	return p.count(ctx, rec, hot)
}

// hotJournal reports whether a journal has to be rolled back. One that belongs to a
// transaction over several databases is refused: SQLite would look for the file it
// names, and remove it.
func hotJournal(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the received file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("read the received file: %w", err)
	}
	tail := make([]byte, len(journalMagic))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return false, fmt.Errorf("read the received file: %w", err)
	}
	if info.Size() > int64(len(tail)) && bytes.Equal(tail, []byte(journalMagic)) {
		return false, fmt.Errorf("%w: its journal belongs to a transaction over several databases", engine.ErrFormat)
	}
	return true, nil
}

// count reads schema and rows of a database file. hot says that a journal takes part of
// them back.
func (p *pager) count(ctx context.Context, rec engine.Received, hot bool) (engine.Received, error) {
	rec.Manifest.ServerVersion = p.version
	if n := p.missing(); n > 0 && !hot {
		rec.Read = pagesRead(p.held*p.pageSize, p.header, p.total)
		return rec, fmt.Errorf("%w: the file ends before page %d", engine.ErrTruncated, n)
	}
	w := newWalker(ctx, p)
	all, err := w.schema()
	if err != nil {
		return rec, damage(err)
	}
	entries := make([]entry, len(all))
	for i, e := range all {
		entries[i] = e.entry
	}
	rec.Manifest.Objects, rec.Manifest.Extensions = objects(entries), modules(entries)
	for _, e := range all {
		if _, listed := object(e.kind, e.name, e.table, e.virtual()); !listed || e.kind != "table" || e.virtual() {
			continue
		}
		table := engine.Table{Name: e.name}
		if hot {
			rec.Census.Uncounted = append(rec.Census.Uncounted, engine.Skipped{Subject: table.String(),
				Reason: "the journal beside the database takes back part of what the file holds"})
			continue
		}
		rows, err := w.rows(e.root)
		if ctx.Err() != nil {
			return rec, context.Cause(ctx)
		}
		if err = damage(err); errors.Is(err, engine.ErrTruncated) {
			return rec, err
		}
		if err != nil { // the checks of SQLite itself will say what it costs
			rec.Census.Uncounted = append(rec.Census.Uncounted, engine.Skipped{Subject: table.String(), Reason: err.Error()})
			continue
		}
		rec.Census.Tables = append(rec.Census.Tables, engine.Count{Table: table, Rows: rows})
	}
	return rec, nil
}

// damage says what a page behind the end of the file means. Where the header does not
// know how many pages there are, it is the only sign that the file was cut.
func damage(err error) error {
	if errors.Is(err, errBeyond) {
		return fmt.Errorf("%w: %w", engine.ErrTruncated, err)
	}
	return err
}

// modules lists what the virtual tables of a schema are made with.
func modules(all []entry) []string {
	var list []string
	for _, e := range all {
		m := usingModule.FindStringSubmatch(e.sql)
		if e.virtual() && m != nil && !slices.Contains(list, strings.ToLower(m[1])) {
			list = append(list, strings.ToLower(m[1]))
		}
	}
	return list
}
