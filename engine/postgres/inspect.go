package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
)

// headSize is how much of a dump is looked at to recognise it.
const headSize = 64 << 10

// inspect recognises the dump from its head and reads what it says about itself. Of a
// tar it reads on until the table of contents, which may lie anywhere in it.
func inspect(ctx context.Context, d engine.Dump) (engine.Manifest, error) {
	name := ""
	if files := d.Files(); len(files) != 1 || files[0].Name != "" {
		toc := slices.IndexFunc(files, func(f engine.File) bool { return path.Base(f.Name) == archive.TOCFile })
		if toc < 0 {
			return engine.Manifest{}, noTOC(files)
		}
		name = files[toc].Name
	}
	r, err := d.Open(ctx, name)
	if err != nil {
		return engine.Manifest{}, err
	}
	defer r.Close()
	s := newScanner(engine.Manifest{})
	if name != "" {
		err = s.File(ctx, name, r)
	} else {
		err = s.head(ctx, r)
	}
	if err != nil {
		return engine.Manifest{}, err
	}
	return s.manifest(), nil
}

// noTOC says what is wrong with files that lack a table of contents.
func noTOC(files []engine.File) error {
	data := slices.ContainsFunc(files, func(f engine.File) bool {
		return strings.Contains(path.Base(f.Name), ".dat")
	})
	switch {
	case len(files) == 0:
		return fmt.Errorf("has no files: %w", engine.ErrNotBackup)
	case data:
		return fmt.Errorf("directory dump lacks its %s: %w", archive.TOCFile, engine.ErrTruncated)
	}
	return fmt.Errorf("%d files without a %s are no directory dump: %w", len(files), archive.TOCFile, engine.ErrFormat)
}

// peekHead returns up to headSize first bytes of r. The stream's own error is returned
// as it is.
func peekHead(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}
