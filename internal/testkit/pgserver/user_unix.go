//go:build unix

package pgserver

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// accounts are those the server may run as when the test runs as root, which PostgreSQL
// refuses.
var accounts = []string{"postgres", "nobody"}

// unprivileged puts a program into a group of its own, so that no signal of the terminal
// reaches it, and takes root's rights from it.
func unprivileged() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := account(); ok {
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return attr
}

// giveAway makes path that account's.
func giveAway(path string) error {
	if uid, gid, ok := account(); ok {
		return os.Chown(path, int(uid), int(gid))
	}
	return nil
}

// account reports false when the tests do not run as root, and none is needed.
func account() (uid, gid uint32, needed bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	for _, name := range accounts {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		id, errID := strconv.ParseUint(u.Uid, 10, 32)
		group, errGroup := strconv.ParseUint(u.Gid, 10, 32)
		if errID == nil && errGroup == nil {
			return uint32(id), uint32(group), true
		}
	}
	return 0, 0, false
}
