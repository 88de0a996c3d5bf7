package postgres

import (
	"archive/tar"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"

	"lifeboat/engine"
)

// unpackScript writes the files that a framer sends into one directory.
//
//go:embed unpack.sh
var unpackScript string

const (
	// frameSize is how much of a file is sent at once: each frame costs a process
	// inside the sandbox, each byte of it memory here.
	frameSize = 2 << 20
	// ahead is how many files are opened before they are needed: a directory dump in
	// object storage may have thousands of small ones.
	ahead = 8
)

// tocName is the table of contents of a directory dump.
const tocName = "toc.dat"

// written matches the files that pg_dump writes into a directory.
var written = regexp.MustCompile(`^(toc\.dat|[0-9]+\.dat|blobs(_[0-9]+)?\.toc|blob_[0-9]+\.dat)(\.gz|\.lz4|\.zst)?$`)

// framer sends files through one stream: for each file "F name", then for each frame
// "D length" and so many bytes.
type framer struct {
	w   io.Writer
	buf []byte
}

// file sends one file, or just reads it when pg_dump writes none of that name.
func (f *framer) file(name string, r io.Reader) error {
	base := path.Base(name)
	if !written.MatchString(base) {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	if f.buf == nil {
		f.buf = make([]byte, frameSize)
	}
	if _, err := fmt.Fprintf(f.w, "F %s\n", base); err != nil {
		return err
	}
	for {
		n, err := fill(r, f.buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > 0 {
			if _, err := fmt.Fprintf(f.w, "D %d\n", n); err != nil {
				return err
			}
			if _, err := f.w.Write(f.buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// unpack sends the files in a tar. That the tar is broken is for the scanner to say.
func (f *framer) unpack(r io.Reader) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err != nil {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := f.file(h.Name, t); err != nil && errors.Is(err, errNotTaken) {
			return err
		}
	}
}

// tocFirst orders files so that the table of contents comes first.
func tocFirst(files []engine.File) []engine.File {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b engine.File) int { return rank(a) - rank(b) })
	return sorted
}

func rank(f engine.File) int {
	if name := path.Base(f.Name); written.MatchString(name) && name[:3] == tocName[:3] {
		return 0
	}
	return 1
}

// opened is a file of a dump that is being read.
type opened struct {
	name string
	body io.ReadCloser
}

// openAhead opens files in their order, a few before they are asked for. next ends
// with io.EOF; stop closes what was opened in vain.
func openAhead(ctx context.Context, d engine.Dump, files []engine.File) (next func() (opened, error), stop func()) {
	type result struct {
		opened
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan chan result, ahead)
	go func() {
		defer close(queue)
		for _, f := range files {
			slot := make(chan result, 1)
			select {
			case queue <- slot:
			case <-ctx.Done():
				return
			}
			go func() {
				body, err := d.Open(ctx, f.Name)
				slot <- result{opened{f.Name, body}, err}
			}()
		}
	}()
	next = func() (opened, error) {
		slot, ok := <-queue
		if !ok {
			if ctx.Err() != nil {
				return opened{}, context.Cause(ctx)
			}
			return opened{}, io.EOF
		}
		r := <-slot
		return r.opened, r.err
	}
	stop = func() {
		cancel()
		for slot := range queue {
			if r := <-slot; r.err == nil {
				r.body.Close()
			}
		}
	}
	return next, stop
}
