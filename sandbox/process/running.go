//go:build linux

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lifeboat/sandbox/internal/workdir"
)

// runningFile says which processes a sandbox consists of, for a sweep by another
// Lifeboat. It lies beside the label, out of reach of what runs inside.
const runningFile = "running.json"

// sweepTimeout bounds how long a sweep waits for one keeper to clean up.
const sweepTimeout = 10 * time.Second

// running names a sandbox's keeper beyond doubt: numbers are used again, but not
// with the same start time since the same boot.
type running struct {
	Keeper int    `json:"keeper"`
	Start  string `json:"start"` // ticks since boot
	Boot   string `json:"boot"`
}

// identify returns what names the process pid now.
func identify(pid int) (running, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return running{}, err
	}
	const start = 19 // field starttime, counted after the name
	f := statFields("/proc/" + strconv.Itoa(pid))
	if len(f) <= start {
		return running{}, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	return running{Keeper: pid, Start: f[start], Boot: strings.TrimSpace(string(boot))}, nil
}

// record writes down who keeps the sandbox in d.
func (g *guard) record(d workdir.Dir) error {
	who, err := identify(g.keeper.Process.Pid)
	if err != nil {
		return err
	}
	text, err := json.Marshal(who)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.Path, runningFile), text, 0o600)
}

// sweep ends what still runs of a sandbox and removes its directory.
func sweep(ctx context.Context, d workdir.Dir) error {
	if err := endKeeper(ctx, d); err != nil {
		return fmt.Errorf("end the sandbox in %s: %w", d.Path, err)
	}
	return d.Remove()
}

// endKeeper asks a sandbox's keeper to clean up and waits for it. Without a record,
// or when the one recorded is gone, nothing runs any more: the keeper takes
// everything with it.
func endKeeper(ctx context.Context, d workdir.Dir) error {
	text, err := os.ReadFile(filepath.Join(d.Path, runningFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var was running
	if err := json.Unmarshal(text, &was); err != nil {
		return nil // written by a Lifeboat killed in mid-sentence: its keeper saw it die
	}
	fd, err := unix.PidfdOpen(was.Keeper, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	// The descriptor is that process for good, so the comparison holds from here on.
	if now, err := identify(was.Keeper); err != nil || now != was {
		return nil
	}
	if err := syscall.Kill(-was.Keeper, syscall.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	if waitProcess(ctx, fd, sweepTimeout) {
		return nil
	}
	if err := syscall.Kill(-was.Keeper, syscall.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	if !waitProcess(ctx, fd, sweepTimeout) {
		return errStuck
	}
	return nil
}

// waitProcess waits until a process has ended and reports whether it has.
func waitProcess(ctx context.Context, pidfd int, limit time.Duration) bool {
	const slice = 100 // milliseconds between looks at ctx
	for end := time.Now().Add(limit); ctx.Err() == nil && time.Now().Before(end); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, slice)
		if err == nil && n > 0 {
			return true
		}
	}
	return false
}

// dead reports whether the sandbox's first process ends within so many milliseconds.
func (g *guard) dead(pause int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(g.pidfd), Events: unix.POLLIN}}, pause)
	return err == nil && n > 0
}

// reopen makes the closed directory path below root readable for its owner. It
// follows no links.
func reopen(root, path string) error {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(dir) }()
	fd, err := unix.Openat2(dir, rel, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o700)
}
