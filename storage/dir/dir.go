// Package dir reads backups from a folder. It never writes, and it never follows a
// link out of the folder.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"lifeboat/storage"
)

// openTimeout bounds the wait for the folder itself. A network file system whose
// server is gone hangs instead of failing.
const openTimeout = 10 * time.Second

// Source is a folder. It implements storage.Source.
type Source struct {
	name string
	path string
	page int // names of a folder held at a time
}

// New makes a source of the folder at path. The folder need not be there yet: each
// call looks for it again, so a file system may be mounted later.
func New(name, path string) (*Source, error) {
	if path == "" {
		return nil, fmt.Errorf("source %s: the path of the folder is empty", name)
	}
	return &Source{name: name, path: path, page: pageNames}, nil
}

// Name implements storage.Source.
func (s *Source) Name() string { return s.name }

// Stat implements storage.Source. A folder keeps no metadata and no checksums.
func (s *Source) Stat(ctx context.Context, key string) (storage.Object, error) {
	root, err := s.root(ctx)
	if err != nil {
		return storage.Object{}, fmt.Errorf("look at %s: %w", key, err)
	}
	defer root.Close()
	if !validKey(key) {
		return storage.Object{}, fmt.Errorf("look at %s of %s: %w", key, s.name, storage.ErrNotFound)
	}
	info, err := root.Stat(key)
	if err != nil {
		return storage.Object{}, s.translate("look at", key, err)
	}
	if !info.Mode().IsRegular() {
		return storage.Object{}, fmt.Errorf("look at %s of %s: not a regular file: %w", key, s.name, storage.ErrNotFound)
	}
	return object(key, info), nil
}

// Open implements storage.Source. The file is compared with o when it is opened and
// again when its last requested byte has been read.
func (s *Source) Open(ctx context.Context, o storage.Object, offset, length int64) (io.ReadCloser, error) {
	root, err := s.root(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Key, err)
	}
	defer root.Close()
	if !validKey(o.Key) {
		return nil, fmt.Errorf("open %s of %s: %w", o.Key, s.name, storage.ErrNotFound)
	}
	// A pipe put in the file's place must not block us: it is refused below.
	f, err := root.OpenFile(o.Key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, s.translate("open", o.Key, err)
	}
	r := &file{ctx: ctx, f: f, source: s.name, pinned: o, left: length}
	if length < 0 {
		r.left = max(0, o.Size-offset)
	}
	if err := r.check(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s of %s: %w", o.Key, s.name, err), f.Close())
	}
	return r, nil
}

// root opens the folder, within openTimeout.
func (s *Source) root(ctx context.Context) (*os.Root, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout,
		fmt.Errorf("folder %s of %s did not answer within %s: %w", s.path, s.name, openTimeout, storage.ErrUnreachable))
	defer cancel()
	type opened struct {
		root *os.Root
		err  error
	}
	got := make(chan opened) // not buffered: a root that comes too late is closed
	go func() {
		root, err := os.OpenRoot(s.path)
		select {
		case got <- opened{root, err}:
		case <-ctx.Done():
			if err == nil {
				root.Close()
			}
		}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case o := <-got:
		return o.root, s.explain(o.err)
	}
}

// explain says why the folder itself cannot be read.
func (s *Source) explain(err error) error {
	var why string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		why = "it does not exist; check the path, and whether the file system is mounted"
	case errors.Is(err, fs.ErrPermission):
		why = "it may not be read; give the user that runs Lifeboat read access"
	case errors.Is(err, syscall.ENOTDIR):
		why = "it is not a folder; name the folder that holds the backups"
	default:
		return fmt.Errorf("folder %s of %s: %w: %w", s.path, s.name, storage.ErrUnreachable, err)
	}
	return fmt.Errorf("folder %s of %s: %w: %s: %w", s.path, s.name, storage.ErrUnreachable, why, storage.Denied(err))
}

// translate says what an error about one file means. The folder itself is there.
func (s *Source) translate(op, key string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), isEscape(err),
		errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("%s %s of %s: %w: %w", op, key, s.name, storage.ErrNotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s of %s: %w: it may not be read; give the user that runs Lifeboat read access: %w",
			op, key, s.name, storage.ErrUnreachable, storage.Denied(err))
	}
	return fmt.Errorf("%s %s of %s: %w: %w", op, key, s.name, storage.ErrUnreachable, err)
}

// isEscape recognises the refusal of os.Root to follow a link out of the folder,
// for which it has no exported error.
func isEscape(err error) bool {
	var pe *fs.PathError
	return errors.As(err, &pe) && pe.Err != nil && pe.Err.Error() == "path escapes from parent"
}

// validKey reports whether key is a plain relative path, as List writes them.
func validKey(key string) bool { return fs.ValidPath(key) && key != "." && path.Clean(key) == key }

// object describes a regular file. Size, time and inode pin its content.
func object(key string, info fs.FileInfo) storage.Object {
	return storage.Object{
		Key: key, Size: info.Size(), Modified: info.ModTime(),
		ETag: fmt.Sprintf("%x-%x-%x", info.Size(), info.ModTime().UnixNano(), inode(info)),
	}
}

// file reads the requested range of one file and notices when it changes.
type file struct {
	ctx    context.Context
	f      *os.File
	source string
	pinned storage.Object
	left   int64
}

// Read implements io.Reader.
func (r *file) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if r.left == 0 || errors.Is(err, io.EOF) {
		if changed := r.check(); changed != nil {
			return n, changed
		}
	}
	return n, err
}

// Close implements io.Closer.
func (r *file) Close() error { return r.f.Close() }

// check compares the open file with what was listed.
func (r *file) check() error {
	info, err := r.f.Stat()
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", r.pinned.Key, r.source, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("read %s of %s: not a regular file: %w", r.pinned.Key, r.source, storage.ErrNotFound)
	}
	if object(r.pinned.Key, info).ETag != r.pinned.ETag {
		return fmt.Errorf("read %s of %s: size or time differ from the listing: %w", r.pinned.Key, r.source, storage.ErrChanged)
	}
	return nil
}
