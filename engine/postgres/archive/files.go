package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"lifeboat/engine"
)

// TOCFile is the name of the table of contents in a tar or directory archive.
const TOCFile = "toc.dat"

// What pg_dump writes as owner of the members of its tar format.
const (
	tarUID = 0o4000
	tarGID = 0o2000
)

// OwnTar reports whether h is the first member of pg_dump's own tar format, and not of
// a directory dump that somebody put into a tar.
func OwnTar(h *tar.Header) bool {
	return h.Name == TOCFile && h.Uid == tarUID && h.Gid == tarGID
}

// suffixes of compressed files.
var suffixes = map[string]string{".gz": gzipData, ".lz4": lz4Data, ".zst": zstdData}

// ReadFile reads one file of a directory archive to its end. Different files may be read
// at once if the handler allows it.
func ReadFile(ctx context.Context, name string, r io.Reader, h Handler) error {
	src := &Source{R: withContext(ctx, r)}
	c := newCounter()
	defer c.close()
	c.Escape = h.Escapes != nil && h.Escapes()
	return src.Blame(readFile(c, name, src, h))
}

func readFile(c *counter, name string, src io.Reader, h Handler) error {
	name = path.Base(name)
	compression := none
	if of, ok := suffixes[path.Ext(name)]; ok {
		compression = of
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	switch {
	case name == TOCFile:
		return readTOCFile(c, src, h)
	case strings.HasPrefix(name, "blob") && path.Ext(name) == ".toc":
		return h.Rows(name, Rows{}, readBlobs(c, src, compression, h))
	case path.Ext(name) == ".dat" && name[0] >= '0' && name[0] <= '9':
		rows, err := c.rows(src, compression)
		return h.Rows(name, rows, err)
	}
	return h.Rows(name, Rows{}, c.drain(src, compression))
}

func readTOCFile(c *counter, r io.Reader, h Handler) error {
	d := &decoder{r: bufio.NewReaderSize(r, headBuffer)}
	var custom bool
	ready := h.Head
	h.Head = func(head Head) {
		custom = head.Custom
		ready(head)
	}
	d.readTOC(h)
	if d.err != nil {
		return d.err
	}
	if custom {
		return fact(engine.ErrCorrupt, "%s is a custom archive", TOCFile)
	}
	more := false
	if err := c.each(d.r, func(b []byte) { more = more || len(b) > 0 }); err != nil {
		return err
	}
	if more {
		return fact(engine.ErrCorrupt, "%s goes on after the table of contents", TOCFile)
	}
	return nil
}

// maxBlobLine is more than the id and the file name of a large object take.
const maxBlobLine = 4 << 10

// readBlobs reads a list of large objects: lines of an id and a file name.
func readBlobs(c *counter, r io.Reader, compression string, h Handler) error {
	plain, finish, err := c.open(r, compression)
	if plain == nil || err != nil {
		return err
	}
	lines := bufio.NewReaderSize(plain, maxBlobLine)
	for n := 0; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && n > 0:
			return finish()
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case errors.Is(err, bufio.ErrBufferFull):
			return fact(engine.ErrCorrupt, "list of large objects has a line of more than %d bytes", maxBlobLine)
		case err != nil:
			return err
		}
		_, file, ok := strings.Cut(strings.TrimSpace(string(line)), " ")
		if !ok {
			return fact(engine.ErrCorrupt, "list of large objects has a line without a file name")
		}
		h.Needs(file)
	}
}

// ReadTar reads a tar to its end that is pg_dump's own tar format or holds a directory
// archive. Errors of r are returned as they are.
func ReadTar(ctx context.Context, r io.Reader, h Handler) error {
	src := &Source{R: withContext(ctx, r)}
	c := newCounter()
	defer c.close()
	handler := h
	handler.Entry = func(e *Entry) error {
		c.Escape = c.Escape || e.Escapes()
		return h.Entry(e)
	}
	return src.Blame(readTar(c, src, handler))
}

// ReadTarTOC reads a tar up to the table of contents and that.
func ReadTarTOC(ctx context.Context, r io.Reader, h Handler) error {
	src := &Source{R: withContext(ctx, r)}
	buffered := &Source{R: bufio.NewReaderSize(src, 256<<10)}
	t := tar.NewReader(buffered)
	for {
		end := buffered.N
		m, err := t.Next()
		if errors.Is(err, io.EOF) {
			if !closed(buffered, end) {
				return src.Blame(io.ErrUnexpectedEOF)
			}
			return fact(engine.ErrFormat, "tar holds no %s", TOCFile)
		}
		if err != nil {
			return src.Blame(err)
		}
		if path.Base(m.Name) == TOCFile {
			d := &decoder{r: bufio.NewReaderSize(t, headBuffer)}
			d.readTOC(h)
			return src.Blame(d.err)
		}
	}
}

func readTar(c *counter, src *Source, h Handler) error {
	buffered := &Source{R: bufio.NewReaderSize(src, 256<<10)}
	t := tar.NewReader(buffered)
	for {
		end := buffered.N
		m, err := t.Next()
		if errors.Is(err, io.EOF) {
			return endOfTar(c, buffered, end)
		}
		if err != nil {
			return err
		}
		switch {
		case m.Typeflag == tar.TypeDir:
			continue
		case m.Typeflag != tar.TypeReg || m.PAXRecords["GNU.sparse.major"] != "" || m.PAXRecords["GNU.sparse.size"] != "":
			return fact(engine.ErrFormat, "tar member %q is no plain file", m.Name)
		}
		member := &Source{R: t}
		if err := readFile(c, m.Name, member, h); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if member.N < m.Size {
			return fact(engine.ErrCorrupt, "%s goes on after its end", m.Name)
		}
	}
}

// tarBlock is what a tar is made of, in bytes.
const tarBlock = 512

// closed reports whether a tar whose last member ended at the given byte was closed by
// two blocks of zeros, all of which the reader of the tar has read.
func closed(r *Source, end int64) bool {
	return r.N-(end+tarBlock-1)/tarBlock*tarBlock >= 2*tarBlock
}

// endOfTar checks that a tar was closed and that nothing but whole blocks of zeros
// follows, with which some programs fill up the last record.
func endOfTar(c *counter, r *Source, end int64) error {
	if !closed(r, end) {
		return io.ErrUnexpectedEOF
	}
	zeros := true
	err := c.each(r, func(b []byte) {
		for _, x := range b {
			zeros = zeros && x == 0
		}
	})
	switch {
	case err != nil:
		return err
	case !zeros:
		return fact(engine.ErrCorrupt, "tar goes on after its end")
	case r.N%tarBlock != 0:
		return io.ErrUnexpectedEOF
	}
	return nil
}
