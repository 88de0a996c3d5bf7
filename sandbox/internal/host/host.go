// Package host reports what this machine, or the container Lifeboat runs in, has
// in all and free now.
package host

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/shirou/gopsutil/v4/mem"

	"lifeboat/internal/units"
	"lifeboat/sandbox"
)

// Room reports processors, memory and the disk that dir lies on.
func Room(ctx context.Context, dir string) (sandbox.Room, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return sandbox.Room{}, fmt.Errorf("read this machine's memory: %w", err)
	}
	r := sandbox.Room{
		CPUs:       float64(runtime.GOMAXPROCS(0)), // knows a container's CPU limit
		Memory:     int64(m.Total),
		FreeMemory: int64(m.Available),
	}
	if limit, used, ok := memoryLimit("/sys/fs/cgroup"); ok && limit < r.Memory {
		r.Memory = limit
		r.FreeMemory = min(r.FreeMemory, max(0, limit-used))
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return sandbox.Room{}, fmt.Errorf("read the free disk of %s: %w", dir, err)
	}
	r.Disk = int64(fs.Blocks) * int64(fs.Bsize)
	r.FreeDisk = int64(fs.Bavail) * int64(fs.Bsize)
	r.Detail = fmt.Sprintf("%s free of %s memory, %s free of %s on the disk of %s", units.Bytes(r.FreeMemory),
		units.Bytes(r.Memory), units.Bytes(r.FreeDisk), units.Bytes(r.Disk), dir)
	return r, nil
}

// memoryLimit reads the limit and the use of the control group that is mounted at
// root, as a container sees its own: version 2 first, then version 1.
func memoryLimit(root string) (limit, used int64, ok bool) {
	for _, names := range [][2]string{
		{"memory.max", "memory.current"},
		{"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"},
	} {
		limit, lok := readNumber(root + "/" + names[0])
		used, uok := readNumber(root + "/" + names[1])
		if lok && uok {
			return limit, used, true
		}
	}
	return 0, 0, false
}

// readNumber reads a file that holds one number; "max" and a missing file are none.
func readNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
