//go:build linux

package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lifeboat/sandbox"
)

// watchInterval is how often limits are looked at.
const watchInterval = 200 * time.Millisecond

// clockTick is the unit of processor time in /proc on Linux.
const clockTick = time.Second / 100

// own is how many processes of a sandbox are its own: the first, and the one it waits for.
const own = 2

// usage is what a sandbox used so far.
type usage struct {
	mu               sync.Mutex
	memory, disk     int64 // peaks
	finished, living time.Duration
}

// addCPU counts the processor time of a command that has ended.
func (u *usage) addCPU(d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.finished += d
}

func (u *usage) note(s snapshot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.memory, u.disk = max(u.memory, s.memory), max(u.disk, s.disk)
	u.living = s.cpu
}

// snapshot is what a sandbox uses at one moment.
type snapshot struct {
	pids, memory, disk int64
	cpu                time.Duration // of living processes and of children they waited for
}

// Usage implements sandbox.Sandbox. Memory counts pages that several processes
// share once. Processor time is exact for commands that ended and as of now for
// what still runs.
func (b *box) Usage(ctx context.Context) (sandbox.Usage, error) {
	if _, done, err := b.use(); err != nil {
		return sandbox.Usage{}, err
	} else {
		defer done()
	}
	if err := b.look(ctx); err != nil {
		b.end(err)
		return sandbox.Usage{}, err
	}
	u := &b.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	return sandbox.Usage{PeakMemory: u.memory, PeakDisk: u.disk, CPU: u.finished + u.living}, nil
}

// look takes a snapshot and returns a *sandbox.LimitError when a limit is crossed.
func (b *box) look(ctx context.Context) error {
	g, done, err := b.use()
	if err != nil {
		return nil // it has ended; that is looked after elsewhere
	}
	defer done()
	s, err := b.snapshot(ctx, g)
	if ctx.Err() != nil || err != nil && g.dead(deathPause) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: its use cannot be measured: %w", sandbox.ErrGone, err)
	}
	b.usage.note(s)
	l := b.spec.Limits
	for _, c := range []struct {
		name        string
		limit, used int64
	}{{"pids", l.Pids, s.pids}, {"memory", l.Memory, s.memory}, {"disk", l.Disk, s.disk}} {
		if c.used > c.limit {
			return &sandbox.LimitError{Limit: c.name, Bytes: c.limit, Used: c.used}
		}
	}
	return nil
}

func (b *box) snapshot(ctx context.Context, g *guard) (snapshot, error) {
	var s snapshot
	var err error
	if s.disk, err = b.diskUsed(ctx); err != nil {
		return s, err
	}
	root := fmt.Sprintf("/proc/self/fd/%d", g.proc.Fd())
	entries, err := os.ReadDir(root)
	if err != nil {
		return s, err
	}
	deleted := map[uint64]int64{}
	var shared int64
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p := filepath.Join(root, e.Name())
		s.pids++
		s.cpu += processorTime(p)
		pss, shmem := memoryOf(p)
		s.memory += pss - shmem
		shared += shmem
		deletedFiles(p, deleted)
	}
	s.pids = max(0, s.pids-own)
	for _, size := range deleted {
		s.disk += size
	}
	// Files in /dev/shm that nobody maps are memory, too.
	var shm syscall.Statfs_t
	if err := syscall.Fstatfs(int(g.shm.Fd()), &shm); err != nil {
		return s, err
	}
	s.memory += max(shared, int64(shm.Blocks-shm.Bfree)*int64(shm.Bsize))
	return s, nil
}

// diskUsed measures the box. What its user closed even to Lifeboat is opened again.
func (b *box) diskUsed(ctx context.Context) (int64, error) {
	used, err := b.dir.Used(ctx)
	if !errors.Is(err, fs.ErrPermission) {
		return used, err
	}
	var shut *fs.PathError
	if !errors.As(err, &shut) {
		return used, err
	}
	if err := reopen(b.dir.Box(), shut.Path); err != nil {
		return used, err
	}
	return b.dir.Used(ctx)
}

// processorTime reads what a process and the children it waited for have used.
func processorTime(proc string) time.Duration {
	f := statFields(proc)
	var ticks int64
	for i := 11; i <= 14 && i < len(f); i++ { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(f[i], 10, 64) // the kernel writes numbers
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// statFields returns the fields of a process's stat after its name, which may hold
// blanks and brackets; none when the process is gone.
func statFields(proc string) []string {
	text, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// memoryOf reads a process's share of the memory it maps, and how much of that is
// shared memory, in bytes. A process that is gone has none.
func memoryOf(proc string) (pss, shmem int64) {
	text, err := os.ReadFile(filepath.Join(proc, "smaps_rollup"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64) // the kernel writes numbers
		switch f[0] {
		case "Pss:":
			pss = n << 10
		case "Pss_Shmem:":
			shmem = n << 10
		}
	}
	return pss, shmem
}

// deletedFiles adds the size of files that are deleted and still open to sizes, by inode.
func deletedFiles(proc string, sizes map[uint64]int64) {
	dir := filepath.Join(proc, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it ended
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		to, err := os.Readlink(path)
		if err != nil || !strings.HasSuffix(to, " (deleted)") {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink == 0 && info.Mode().IsRegular() {
			sizes[st.Ino] = st.Blocks * 512
		}
	}
}
