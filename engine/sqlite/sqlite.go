// Package sqlite restores SQLite databases inside Lifeboat itself: database files,
// with their write-ahead log where there is one, and the SQL that .dump writes. It
// opens nothing but its own copy in the sandbox's directory, and runs no statement of
// a dump that could reach outside of it.
package sqlite

import (
	"context"
	"fmt"
	"io"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// name is the engine's name.
const name = "sqlite"

// Formats of dumps.
const (
	formatFile = "sqlite database"
	formatSQL  = "sqlite sql"
)

// Engine implements engine.Engine.
type Engine struct{}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine.
func New() *Engine { return &Engine{} }

// Name implements engine.Engine.
func (*Engine) Name() string { return name }

// Inspect implements engine.Engine. Of a directory the files are recognised by what
// they hold, not by their names.
func (*Engine) Inspect(ctx context.Context, d engine.Dump) (engine.Manifest, error) {
	files := d.Files()
	if len(files) > maxFiles {
		return engine.Manifest{}, fmt.Errorf("%w: %d files are more than a SQLite database has", engine.ErrFormat, len(files))
	}
	last := fmt.Errorf("%w: there are no files in it", engine.ErrNotBackup)
	for _, f := range files {
		m, err := inspectFile(ctx, d, f.Name)
		if err == nil {
			return m, nil
		}
		if len(files) == 1 || !isForeign(err) {
			return engine.Manifest{}, err
		}
		last = fmt.Errorf("%w: none of its files is a SQLite database", engine.ErrFormat)
	}
	return engine.Manifest{}, last
}

// maxFiles bounds a directory: a database, its log, its index and its journal, and room
// for what people put beside them.
const maxFiles = 16

func inspectFile(ctx context.Context, d engine.Dump, file string) (engine.Manifest, error) {
	r, err := d.Open(ctx, file)
	if err != nil {
		return engine.Manifest{}, err
	}
	defer r.Close()
	head, whole, err := readHead(r)
	if err != nil {
		return engine.Manifest{}, err
	}
	return recognise(head, whole)
}

// headSize is how much of a stream is read to recognise it.
const headSize = 16 << 10

// readHead reads the first bytes of r; whole says that there are no more.
func readHead(r io.Reader) (head []byte, whole bool, err error) {
	head = make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head[:n], true, nil
	}
	return head[:n], false, err
}

// Needs implements engine.Engine: no server, and a directory that holds the dump and,
// of SQL, the database made from it.
func (*Engine) Needs(m engine.Manifest) engine.Needs {
	copies := int64(1)
	if m.Format == formatSQL {
		copies = 3 // the text, the database, and room for its indexes
	}
	const packed = 4 // stored bytes are usually compressed about so well
	return engine.Needs{
		Memory: func(int64) int64 { return 128 << 20 },
		Disk:   func(stored int64) int64 { return stored*packed*copies + 64<<20 },
	}
}

// Prepare implements engine.Engine. box has to implement sandbox.Local.
func (*Engine) Prepare(box sandbox.Sandbox, m engine.Manifest, o engine.Options) engine.Loader {
	l := &loader{manifest: m, options: o}
	if local, ok := box.(sandbox.Local); ok {
		l.dir = local.Path()
	}
	return l
}
