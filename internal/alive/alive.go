// Package alive lets one Lifeboat process prove to the others of this machine that
// it still runs. It trusts no process numbers, which are used again: the proof is a
// file lock, and the kernel gives that up when its holder dies, however it dies.
package alive

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// idBytes is the length of a random instance id before it is written in hex.
const idBytes = 16

// Beacon is the proof that this process lives.
type Beacon struct {
	file  *os.File
	close func() error
}

// New lights a beacon in dir, which is made with mode 0700 when it is missing and
// must not be writable by other users. Below a directory of everybody, such as /tmp, it has
// to be our own and no link: whoever owns it could put our beacon out. It shines until Close or until this process
// ends. Files of dead processes found in dir are removed.
func New(dir string) (*Beacon, error) {
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("prove to be alive in %s: %w", dir, err)
	}
	for {
		f, held, err := light(filepath.Join(dir, randomID()))
		if err != nil {
			return nil, fmt.Errorf("prove to be alive in %s: %w", dir, err)
		}
		if held {
			b := &Beacon{file: f}
			b.close = sync.OnceValue(b.put)
			return b, nil
		}
		_ = f.Close() // taken for dead between its making and its locking: make another
	}
}

// Instance is the id under which Alive knows this process.
func (b *Beacon) Instance() string { return filepath.Base(b.file.Name()) }

// Close puts the beacon out and removes its file. It may be called twice.
func (b *Beacon) Close() error { return b.close() }

func (b *Beacon) put() error {
	return errors.Join(os.Remove(b.file.Name()), b.file.Close())
}

// Alive reports whether the process that called itself instance in dir still runs.
// The file of a dead one is removed on the way. What cannot be examined counts as
// alive: to be wrong about the living is worse than to wait.
func Alive(dir, instance string) bool {
	if !isID(instance) {
		return false
	}
	path := filepath.Join(dir, instance)
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }() // gives the lock up
	// A shared lock, so that two who ask at once do not take each other for the holder.
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return true
	}
	_ = os.Remove(path) // a file that stays is found dead again next time
	return false
}

// prepare makes dir and removes what dead processes left in it.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if err := trust(dir); err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("other users can write there (mode %04o); run chmod go-w on it", info.Mode().Perm())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		Alive(dir, e.Name())
	}
	return nil
}

// trust refuses what another user may have put in our place.
func trust(dir string) error {
	parent, err := os.Stat(filepath.Dir(dir))
	if err != nil || parent.Mode().Perm()&0o002 == 0 {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(owner.Uid) != os.Geteuid() {
		return errors.New("another user may have put it there; remove it, or set TMPDIR to a directory of your own")
	}
	return nil
}

// light makes the file and locks it. It reports false when someone removed the
// file before the lock was held.
func light(path string) (f *os.File, held bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, false, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, false, errors.Join(fmt.Errorf("lock %s: %w", path, err), os.Remove(path), f.Close())
	}
	give(f)
	mine, err := f.Stat()
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	there, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, err == nil && os.SameFile(mine, there), nil
}

// give lets root's beacon be examined by whoever owns the directory: a service that runs as an
// ordinary user would take a drill that root began, and that died, for alive for ever. A root
// without that power, as in a container, does as well as before.
func give(f *os.File) {
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil || os.Geteuid() != 0 {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		_ = f.Chown(int(owner.Uid), int(owner.Gid))
	}
}

func randomID() string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

func isID(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 2*idBytes
}
