// Package workdir makes, measures, finds and removes the throwaway directories in
// which runners of this very machine restore. It never touches a directory that
// does not carry a label of its own.
//
// Below a parent that belongs to this user alone, each sandbox has a folder with a
// random name. It holds the label, out of reach of whatever runs in the sandbox,
// and the box: the only directory a sandbox may write.
package workdir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/internal/host"
)

const (
	labelFile = "label.json"
	boxDir    = "box"
	// unfinished marks a folder whose label is not yet written. It holds no restored data.
	unfinished = ".new"
	// unfinishedAge is how old an unfinished folder must be before it counts as left over. Files
	// carry the machine's own time, whatever clock the service goes by.
	unfinishedAge = time.Hour
)

// Label says whose a sandbox is. It is written before anything is restored.
type Label struct {
	Runner   string        `json:"runner"`
	Owner    sandbox.Owner `json:"owner"`
	Deadline time.Time     `json:"deadline"`
	Keep     bool          `json:"keep"`
}

// Dir is the folder of one sandbox.
type Dir struct {
	Path  string // absolute
	Label Label
}

// Box is the directory the sandbox may write.
func (d Dir) Box() string { return filepath.Join(d.Path, boxDir) }

// ID is the folder's random name.
func (d Dir) ID() string { return filepath.Base(d.Path) }

// Parent returns the absolute parent of all folders: dir, or, when that is empty,
// one of this user's own in the system's temporary directory. It is made with mode
// 0700 when it is missing and refused when others could reach into it.
func Parent(dir string) (string, error) {
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "lifeboat-"+strconv.Itoa(os.Getuid()))
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, checkPrivate(dir)
}

// Room reports what this machine has and what is free, on the disk where the sandboxes
// below dir lie.
func Room(ctx context.Context, dir string) (sandbox.Room, error) {
	parent, err := Parent(dir)
	if err != nil {
		return sandbox.Room{}, fmt.Errorf("look for room: %w", err)
	}
	return host.Room(ctx, parent)
}

// checkPrivate returns an error unless dir is a directory that only this user can write.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case stat == nil || int(stat.Uid) != os.Getuid():
		return fmt.Errorf("%s belongs to another user; set another directory for sandboxes", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("other users can write to %s; run chmod go-w on it", dir)
	}
	return nil
}

// Make makes the folder of a new sandbox. When it fails nothing is left behind.
func Make(parent string, l Label) (Dir, error) {
	d := Dir{Path: filepath.Join(parent, randomName()), Label: l}
	fresh := d.Path + unfinished
	if err := d.fill(fresh); err != nil {
		return Dir{}, errors.Join(err, os.RemoveAll(fresh))
	}
	return d, nil
}

func (d Dir) fill(fresh string) error {
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := d.Label.write(filepath.Join(fresh, labelFile)); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(fresh, boxDir), 0o700); err != nil {
		return err
	}
	return os.Rename(fresh, d.Path)
}

func (l Label) write(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// EndBy writes an earlier deadline on the label. A sweep sees the old label or the new
// one.
func (d Dir) EndBy(t time.Time) error {
	d.Label.Deadline = t
	path := filepath.Join(d.Path, labelFile)
	if err := d.Label.write(path + unfinished); err != nil {
		return err
	}
	return os.Rename(path+unfinished, path)
}

// List returns the folders of a runner's sandboxes below parent, living or dead.
// Unfinished folders older than an hour are removed on the way. A parent that is not
// there holds none.
func List(parent, runner string) ([]Dir, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []Dir
	var errs []error
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if strings.HasSuffix(e.Name(), unfinished) {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unfinishedAge {
				errs = append(errs, os.RemoveAll(path))
			}
			continue
		}
		text, err := os.ReadFile(filepath.Join(path, labelFile))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue // removed while we looked, or none of ours
		}
		d := Dir{Path: path}
		if err == nil {
			err = json.Unmarshal(text, &d.Label)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read the label of %s: %w", path, err))
			continue
		}
		if d.Label.Runner == runner {
			dirs = append(dirs, d)
		}
	}
	return dirs, errors.Join(errs...)
}

// Used measures the bytes the box takes on disk. It fails on what it cannot look
// into: a box that hides something has no known size.
func (d Dir) Used(ctx context.Context) (int64, error) {
	var total int64
	type inode struct{ dev, ino uint64 }
	linked := map[inode]bool{}
	err := filepath.WalkDir(d.Box(), func(path string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = e.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed while we looked
		}
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s has no size on disk", path)
		}
		if stat.Nlink > 1 && !info.IsDir() {
			key := inode{uint64(stat.Dev), stat.Ino}
			if linked[key] {
				return nil
			}
			linked[key] = true
		}
		total += stat.Blocks * 512
		return nil
	})
	return total, err
}

// Remove removes the folder. It may be called again, and when the folder is gone.
// The label goes last, so that a removal cut short is found again.
func (d Dir) Remove() error {
	if err := removeAll(d.Box()); err != nil {
		return err
	}
	return removeAll(d.Path)
}

// removeAll removes path even where its owner took his own permissions away.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil // what cannot be opened shows again in RemoveAll
		}
		return os.Chmod(p, 0o700)
	})
	return os.RemoveAll(path)
}

func randomName() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
