package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// loader takes one dump to a live database. It implements engine.Loader.
type loader struct {
	box      sandbox.Sandbox
	manifest engine.Manifest
	options  engine.Options
	server   server

	bin, version string        // of the server, known after Boot
	created      statements    // CREATE DATABASE statements of a plain dump, seen by Receive
	target       string        // database the tool runs on, known once Restore created it
	restoreTime  time.Duration // of the tool
}

// dumpPath is where the dump lies inside the sandbox: a file, or the directory of a
// directory dump.
func (l *loader) dumpPath() string { return path.Join(l.box.Dir(), "dump") }

// Receive implements engine.Loader.
func (l *loader) Receive(ctx context.Context, d engine.Dump) (engine.Received, error) {
	scan := newScanner(l.manifest)
	err := l.receive(ctx, d, scan)
	got, fact := scan.Finish()
	if err == nil {
		err = fact
	}
	return got, err
}

func (l *loader) receive(ctx context.Context, d engine.Dump, scan *scanner) error {
	files := d.Files()
	if len(files) == 1 && files[0].Name == "" {
		return l.receiveStream(ctx, d, scan)
	}
	return l.receiveFiles(ctx, d, files, scan)
}

// receiveStream sends a dump that is one stream. A directory dump inside a tar is
// unpacked on the way.
func (l *loader) receiveStream(ctx context.Context, d engine.Dump, scan *scanner) error {
	src, err := d.Open(ctx, "")
	if err != nil {
		return err
	}
	defer src.Close()
	switch {
	case l.manifest.Format == formatDirectory:
		return l.ship(ctx, func(ctx context.Context, f *framer) error {
			return fanOut(ctx, src, func(r io.Reader) error { return scan.File(ctx, "", r) },
				func(r io.Reader) error { return f.unpack(r) })
		})
	case isScript(l.manifest):
		return fanOut(ctx, io.TeeReader(src, &l.created),
			func(r io.Reader) error { return scan.File(ctx, "", r) }, l.store(ctx))
	}
	return fanOut(ctx, src, func(r io.Reader) error { return scan.File(ctx, "", r) }, l.store(ctx))
}

// store writes one stream to the dump's path.
func (l *loader) store(ctx context.Context) func(io.Reader) error {
	return func(r io.Reader) error {
		return l.command(ctx, "store dump", sandbox.Cmd{Args: []string{"sh", "-c", `exec cat >"$1"`, "store", l.dumpPath()}, Stdin: r})
	}
}

// command runs a command that has to succeed.
func (l *loader) command(ctx context.Context, what string, c sandbox.Cmd) error {
	var complaints tail
	c.Stderr = &complaints
	c.Env = append(c.Env, "LC_ALL=C")
	exit, err := l.box.Exec(ctx, c)
	switch {
	case err != nil:
		return l.server.mishap(ctx, what, err)
	case exit != 0:
		return l.server.mishap(ctx, what, fmt.Errorf("exit %d: %s", exit, complaints.String()))
	}
	return nil
}

// receiveFiles sends the files of a directory dump, its table of contents first. Files
// that pg_dump does not write are read, for their checksum, and not sent.
func (l *loader) receiveFiles(ctx context.Context, d engine.Dump, files []engine.File, scan *scanner) error {
	return l.ship(ctx, func(ctx context.Context, f *framer) error {
		next, stop := openAhead(ctx, d, tocFirst(files))
		defer stop()
		for {
			file, err := next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			err = fanOut(ctx, file.body,
				func(r io.Reader) error { return scan.File(ctx, file.name, r) },
				func(r io.Reader) error { return f.file(file.name, r) })
			file.body.Close()
			if err != nil {
				return err
			}
		}
	})
}

// ship runs send, whose framer writes into a directory inside the sandbox.
func (l *loader) ship(ctx context.Context, send func(context.Context, *framer) error) error {
	pr, pw := io.Pipe()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := l.command(ctx, "store dump", sandbox.Cmd{Args: []string{"bash", "-c", unpackScript, "unpack", l.dumpPath()}, Stdin: pr})
		pr.CloseWithError(errNotTaken)
		return err
	})
	g.Go(func() error {
		err := send(ctx, &framer{w: pw})
		pw.CloseWithError(err)
		if errors.Is(err, errNotTaken) {
			return nil // the command's own error says why
		}
		return err
	})
	return g.Wait()
}
