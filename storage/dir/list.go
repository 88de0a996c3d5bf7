package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"lifeboat/storage"
)

// pageNames is how many names of a folder are held at a time. A folder with more is
// read several times, because the file system gives its names in no order.
const pageNames = 8192

// List implements storage.Source. Links are followed while they stay inside the
// folder; pipes, sockets and devices are left out.
func (s *Source) List(ctx context.Context, prefix string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		root, err := s.root(ctx)
		if err != nil {
			yield(storage.Object{}, fmt.Errorf("list: %w", err))
			return
		}
		defer root.Close()
		w := walker{ctx: ctx, source: s, root: root, prefix: prefix, yield: yield}
		w.begin()
	}
}

// walker visits files in ascending key order.
type walker struct {
	ctx    context.Context
	source *Source
	root   *os.Root
	prefix string
	yield  func(storage.Object, error) bool
	above  []fs.FileInfo // the folders we are in, so that a link to one of them is no endless loop
}

// begin walks the deepest folder that holds every key with the prefix.
func (w *walker) begin() {
	dir := "."
	if i := strings.LastIndexByte(w.prefix, '/'); i >= 0 {
		dir = w.prefix[:i]
		if !validKey(dir) {
			return // no key looks like this
		}
	}
	w.folder(dir)
}

// folder visits what lies below dir, and reports whether to go on.
func (w *walker) folder(dir string) bool {
	info, err := w.root.Stat(dir)
	if err != nil {
		if errors.Is(w.source.translate("list", dir, err), storage.ErrNotFound) {
			return true // gone, or a link that leads out
		}
		return w.fail(dir, err)
	}
	if !info.IsDir() || slices.ContainsFunc(w.above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return true
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()

	for after := ""; ; {
		names, more, err := w.names(dir, after)
		if err != nil {
			return w.fail(dir, err)
		}
		for _, name := range names {
			if !w.visit(dir, name) {
				return false
			}
			after = name
		}
		if !more {
			return true
		}
	}
}

// visit yields one file or walks one folder, whose name ends in a slash.
func (w *walker) visit(dir, name string) bool {
	if err := context.Cause(w.ctx); err != nil {
		w.yield(storage.Object{}, fmt.Errorf("list %s: %w", w.source.name, err))
		return false
	}
	key := path.Join(dir, name)
	if strings.HasSuffix(name, "/") {
		return w.folder(key)
	}
	info, err := w.root.Stat(key)
	switch {
	case err != nil && errors.Is(w.source.translate("list", key, err), storage.ErrNotFound):
		return true
	case err != nil:
		return w.fail(key, err)
	case !info.Mode().IsRegular():
		return true
	}
	return w.yield(object(key, info), nil)
}

// names returns up to a page of the entries of dir that sort after the given one,
// and whether there are more. A folder's name ends in a slash, which puts it where
// its keys belong.
func (w *walker) names(dir, after string) (names []string, more bool, err error) {
	f, err := w.root.Open(dir)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	for {
		if err := context.Cause(w.ctx); err != nil {
			return nil, false, err
		}
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if name := w.entry(dir, e); name > after && w.wanted(dir, name) {
				names = append(names, name)
			}
		}
		if len(names) >= 2*w.source.page || err != nil {
			slices.Sort(names)
			if len(names) > w.source.page {
				clear(names[w.source.page:])
				names, more = names[:w.source.page], true
			}
		}
		if errors.Is(err, io.EOF) {
			return names, more, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
}

// entry is the name of e, with a slash when it is, or leads to, a folder.
func (w *walker) entry(dir string, e fs.DirEntry) string {
	isDir := e.IsDir()
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := w.root.Stat(path.Join(dir, e.Name()))
		isDir = err == nil && info.IsDir()
	}
	if isDir {
		return e.Name() + "/"
	}
	return e.Name()
}

// wanted reports whether name in dir has the prefix or may hold keys that do.
func (w *walker) wanted(dir, name string) bool {
	if dir == "." && name == "lost+found/" {
		return false // the file system's own, readable by root only
	}
	key := name
	if dir != "." {
		key = dir + "/" + name
	}
	return strings.HasPrefix(key, w.prefix) ||
		strings.HasSuffix(name, "/") && strings.HasPrefix(w.prefix, key)
}

// fail ends the listing with an error: a part we could not see may hold the newest
// backup.
func (w *walker) fail(key string, err error) bool {
	if cause := context.Cause(w.ctx); cause != nil {
		err = cause
	} else {
		err = w.source.translate("list", key, err)
	}
	w.yield(storage.Object{}, err)
	return false
}
