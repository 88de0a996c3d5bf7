//go:build linux

package process

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"

	"lifeboat/sandbox/internal/workdir"
)

// identity is whom commands run as.
type identity struct {
	name     string // inside
	uid, gid int    // the same inside and outside
	// nested is true when this process is not root: the ids are its own, and commands
	// run in a user namespace in which they mean nothing.
	nested bool
}

// Sandboxes of root get a user id out of this range, where nobody assigns any, so
// that a sandbox is not the same user as a database that really serves here.
const (
	firstID = 0x70000000
	idCount = 0x0fffffff
)

var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// user returns the identity for commands that want to be called wanted inside.
func (r *Runner) user(wanted string) (identity, error) {
	if wanted == "" {
		wanted = "postgres"
	}
	if !userName.MatchString(wanted) || wanted == "root" {
		return identity{}, fmt.Errorf("commands cannot run as user %q", wanted)
	}
	if !r.root {
		return identity{name: wanted, uid: os.Getuid(), gid: os.Getgid(), nested: true}, nil
	}
	for {
		id := firstID + rand.IntN(idCount)
		if _, err := user.LookupId(strconv.Itoa(id)); err == nil {
			continue // somebody's after all
		}
		return identity{name: wanted, uid: id, gid: id}, nil
	}
}

// furnish makes the directories of a sandbox: what it may write, and the point
// where its file system is built.
func furnish(d workdir.Dir, u identity) error {
	for _, path := range []string{dataDir(d), tmpDir(d)} {
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if u.nested {
			continue
		}
		if err := os.Chown(path, u.uid, u.gid); err != nil {
			return fmt.Errorf("give the sandbox its directory: %w", err)
		}
	}
	return os.Mkdir(filepath.Join(d.Path, "root"), 0o700)
}

// The directories of the box, and what they are called inside.
const (
	insideData = "/sandbox"
	insideTmp  = "/tmp"
)

func dataDir(d workdir.Dir) string { return filepath.Join(d.Box(), "data") }
func tmpDir(d workdir.Dir) string  { return filepath.Join(d.Box(), "tmp") }
