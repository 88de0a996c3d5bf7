package docker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"lifeboat/sandbox"
)

// Room implements sandbox.Runner. What is free can be told only when the daemon
// runs on this very machine; elsewhere free memory is all there is, and the disk
// unknown.
func (r *Runner) Room(ctx context.Context) (sandbox.Room, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errSilent)
	defer cancel()
	answer, err := r.cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return sandbox.Room{}, fmt.Errorf("ask docker for room: %w: %w", sandbox.ErrUnavailable, causeOf(ctx, err))
	}
	info := answer.Info
	room := sandbox.Room{
		CPUs: float64(info.NCPU), Memory: info.MemTotal, FreeMemory: info.MemTotal,
		Detail: fmt.Sprintf("docker %s on %s", info.ServerVersion, info.Name),
	}
	total, free, ok := hostMemory()
	if !ok || total != info.MemTotal || !strings.HasPrefix(r.cli.DaemonHost(), "unix://") {
		room.Detail += ", another machine: free memory and disk are not known"
		return room, nil
	}
	room.FreeMemory = free
	if room.Disk, room.FreeDisk, ok = diskSpace(info.DockerRootDir); !ok {
		room.Detail += ", whose disk cannot be seen from here"
	}
	return room, nil
}

// hostMemory reads this machine's memory in bytes; ok is false where there is no /proc.
func hostMemory() (total, free int64, ok bool) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "MemTotal":
			total = kib << 10
		case name == "MemAvailable":
			free = kib << 10
		}
	}
	return total, free, total > 0 && free > 0
}
