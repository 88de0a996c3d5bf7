package sqlite

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
)

// Names of the files in the sandbox's directory.
const (
	databaseFile = "restored.db"
	walFile      = databaseFile + "-wal"
	journalFile  = databaseFile + "-journal"
	sqlFile      = "dump.sql"
)

// loader implements engine.Loader.
type loader struct {
	dir      string // empty when the sandbox has none on this machine
	manifest engine.Manifest
	options  engine.Options
	notes    []engine.Skipped // for the report of the restore
}

// Boot implements engine.Loader. There is no server to start.
func (l *loader) Boot(context.Context) error {
	if l.dir == "" {
		return fmt.Errorf("%w: SQLite needs a sandbox that is a directory of this machine", sandbox.ErrUnavailable)
	}
	return nil
}

// Receive implements engine.Loader.
func (l *loader) Receive(ctx context.Context, d engine.Dump) (engine.Received, error) {
	if err := l.Boot(ctx); err != nil {
		return engine.Received{}, err
	}
	if l.manifest.Format == formatSQL {
		return l.receiveSQL(ctx, d)
	}
	return l.receiveFiles(ctx, d)
}

// receiveFiles takes a database file and what lies beside it.
func (l *loader) receiveFiles(ctx context.Context, d engine.Dump) (engine.Received, error) {
	rec := engine.Received{Manifest: l.manifest}
	for _, f := range d.Files() {
		n, err := l.receiveFile(ctx, d, f.Name)
		rec.Bytes += n
		if err != nil {
			return l.tooShort(rec, err)
		}
	}
	return l.examine(ctx, rec)
}

// receiveFile takes one file, or the members of one archive, and reads it to its end.
func (l *loader) receiveFile(ctx context.Context, d engine.Dump, file string) (int64, error) {
	r, err := d.Open(ctx, file)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	src := &stopReader{ctx: ctx, r: r}
	in := bufio.NewReaderSize(src, 1<<20)
	head, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return 0, err
	}
	if isTar(head) {
		err = l.storeMembers(in)
	} else {
		err = l.store(in)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in) // what fills up an archive belongs to the dump, too
	}
	if src.err != nil {
		err = src.err // whatever it looks like from above, it is no fact about the dump
	}
	return src.read, err
}

// storeMembers copies the files of an archive into the sandbox.
func (l *loader) storeMembers(in io.Reader) error {
	t := tar.NewReader(in)
	for {
		member, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil && member.Typeflag == tar.TypeReg {
			err = l.store(bufio.NewReader(t))
		}
		if err != nil {
			return archiveError(err)
		}
	}
}

// archiveError says what an error inside a tar archive means.
func archiveError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the archive ends inside a member", engine.ErrTruncated)
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("%w: a header of the archive cannot be read", engine.ErrCorrupt)
	}
	return err
}

// Marks of the files that lie beside a database.
const journalMagic = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

var walMagics = []string{"\x37\x7f\x06\x82", "\x37\x7f\x06\x83"}

// companionFile is the name under which a file beside the database is kept; an
// index of the log or something else is not.
func companionFile(head []byte) string {
	for _, m := range walMagics {
		if bytes.HasPrefix(head, []byte(m)) {
			return walFile
		}
	}
	if bytes.HasPrefix(head, []byte(journalMagic)) {
		return journalFile
	}
	return ""
}

// isCompanion reports whether head begins a file that belongs beside a database. An
// empty one is a log or a journal without content.
func isCompanion(head []byte) bool { return len(head) == 0 || companionFile(head) != "" }

// store copies a file into the sandbox under the name its content calls for.
func (l *loader) store(in *bufio.Reader) error {
	head, err := in.Peek(headerSize)
	if err != nil && err != io.EOF {
		return err
	}
	name := companionFile(head)
	if bytes.HasPrefix(head, []byte(magic)) {
		name = databaseFile
	}
	if name == "" {
		_, err := io.Copy(io.Discard, in)
		return err
	}
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: it holds more than one SQLite database", engine.ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("copy into the sandbox: %w", err)
	}
	_, err = io.Copy(&fileWriter{f}, in)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("copy into the sandbox: %w", closeErr)
	}
	return err
}

// fileWriter says of its own errors what they are about; those of the stream that is
// copied pass as they are.
type fileWriter struct{ f *os.File }

func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = fmt.Errorf("copy into the sandbox: %w", err)
	}
	return n, err
}

// stopReader ends with the context. It counts what it read and keeps the error that
// ended it early.
type stopReader struct {
	ctx  context.Context
	r    io.Reader
	read int64
	err  error
}

func (s *stopReader) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// tooShort adds to an error of the stream how far the dump could be read.
func (l *loader) tooShort(rec engine.Received, err error) (engine.Received, error) {
	rec.Read = units.Bytes(rec.Bytes)
	if f, openErr := os.Open(filepath.Join(l.dir, databaseFile)); openErr == nil {
		defer f.Close()
		head := make([]byte, headerSize)
		if _, readErr := io.ReadFull(f, head); readErr == nil {
			if h, parseErr := parseHeader(head); parseErr == nil && h.pages > 0 {
				info, statErr := f.Stat()
				if statErr == nil {
					rec.Read = pagesRead(info.Size(), h, h.pages)
				}
			}
		}
	}
	return rec, err
}

// pagesRead says in words how much of a database arrived.
func pagesRead(size int64, h header, total int64) string {
	return fmt.Sprintf("%s of %s pages, %s of %s", units.Count(size/h.pageSize), units.Count(total),
		units.Bytes(size), units.Bytes(total*h.pageSize))
}
