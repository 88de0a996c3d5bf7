package docker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lifeboat/internal/units"
	"lifeboat/sandbox"
)

// readings are one round of a gauge's answers: "memory.events oom_kill" -> 1.
// Values that are no number are left out.
type readings map[string]int64

// Names made up by the gauges; the others are the kernel's own.
const (
	readDisk    = "disk"    // KiB below the volume
	readDeleted = "deleted" // 512-byte blocks of deleted files still open
	readHidden  = "hidden"  // folders the meter may not look into
	readFree    = "free"    // bytes free on the disk below
	readTotal   = "total"   // bytes of the disk below
)

// add takes in one line of a gauge.
func (r readings) add(line string) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return
	}
	first, err := strconv.ParseInt(f[0], 10, 64)
	switch {
	case err == nil && len(f) == 2: // du: "1234 /tmp"
		r[readDisk] = first
	case err == nil: // stat: "0 fe00:1234 8", once for every descriptor that holds the file open
		if _, twice := r["open "+f[1]]; !twice {
			blocks, _ := strconv.ParseInt(f[2], 10, 64)
			r["open "+f[1]] = blocks
			r[readDeleted] += blocks
		}
	case f[0] == readFree || f[0] == readTotal: // statfs: blocks and their size
		blocks, size := r.pair(f[1:])
		r[f[0]] = blocks * size
	case len(f) == 2: // a file of one number
		r.set(f[0], f[1])
	default:
		r.set(f[0]+" "+f[1], f[2])
	}
}

func (readings) pair(f []string) (blocks, size int64) {
	if len(f) < 2 {
		return 0, 0
	}
	blocks, _ = strconv.ParseInt(f[0], 10, 64)
	size, _ = strconv.ParseInt(f[1], 10, 64)
	return blocks, size
}

func (r readings) set(name, value string) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		r[name] = n
	}
}

// first returns the reading that is there: kernels name the same thing differently.
func (r readings) first(names ...string) (int64, bool) {
	for _, name := range names {
		if n, ok := r[name]; ok {
			return n, true
		}
	}
	return 0, false
}

// The kernel's names under its second and its first generation of control groups.
func (r readings) memory() (int64, bool) { return r.first("memory.current", "memory.usage_in_bytes") }
func (r readings) oomKills() (int64, bool) {
	return r.first("memory.events oom_kill", "memory.oom_control oom_kill")
}
func (r readings) pidsRefused() (int64, bool) { return r.first("pids.events max") }
func (r readings) cpu() (time.Duration, bool) {
	if n, ok := r["cpu.stat usage_usec"]; ok {
		return time.Duration(n) * time.Microsecond, true
	}
	n, ok := r["cpuacct.usage"]
	return time.Duration(n), ok
}

// held is the memory that cannot be taken back: all without the cache of files.
func (r readings) held() int64 {
	all, _ := r.memory()
	active, _ := r.first("memory.stat total_active_file", "memory.stat active_file")
	inactive, _ := r.first("memory.stat total_inactive_file", "memory.stat inactive_file")
	return max(all-active-inactive, 0)
}

// used is the disk space taken, in bytes.
func (r readings) used() (int64, bool) {
	kib, ok := r[readDisk]
	return kib<<10 + r[readDeleted]*512, ok
}

// whole demands what a gauge must be able to read. A daemon that does not enforce
// a limit, or does not let it be watched, is no place for a sandbox.
func (r readings) whole(gauge string) error {
	var missing []string
	need := func(what string, ok bool) {
		if !ok {
			missing = append(missing, what)
		}
	}
	if gauge == "meter" {
		_, ok := r.used()
		need("disk use", ok)
	} else {
		_, ok := r.memory()
		need("memory use", ok)
		_, ok = r.oomKills()
		need("kills for want of memory", ok)
		_, ok = r.pidsRefused()
		need("refused processes", ok)
		_, ok = r[readFree]
		need("free disk space", ok)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: docker does not let these be watched from inside: %s",
			sandbox.ErrUnavailable, strings.Join(missing, ", "))
	}
	return nil
}

// exceeded returns the limit that the readings show to be reached, nil when none is.
func (r readings) exceeded(l sandbox.Limits) error {
	if n, _ := r.oomKills(); n > 0 {
		return &sandbox.LimitError{Limit: "memory", Bytes: l.Memory, Used: l.Memory}
	}
	if n, _ := r.pidsRefused(); n > 0 {
		return &sandbox.LimitError{Limit: "pids", Bytes: l.Pids, Used: l.Pids}
	}
	used, _ := r.used()
	disk := &sandbox.LimitError{Limit: "disk", Bytes: l.Disk, Used: used}
	if used > l.Disk {
		return disk
	}
	if r[readHidden] > 0 {
		return fmt.Errorf("folders inside are closed to the watch of the disk: %w", disk)
	}
	if free, ok := r[readFree]; ok && free < floor(r[readTotal]) {
		return fmt.Errorf("only %s are free on docker's disk: %w", units.Bytes(free), disk)
	}
	return nil
}

// floor is the free space below which no sandbox may go on, whoever filled the disk.
func floor(total int64) int64 { return min(512<<20, total/100) }

// note keeps the peaks of a round and returns the limit it shows to be reached.
func (b *Box) note(r readings) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := r.memory(); ok {
		b.usage.PeakMemory = max(b.usage.PeakMemory, r.held())
	}
	if used, ok := r.used(); ok {
		b.usage.PeakDisk = max(b.usage.PeakDisk, used)
	}
	if spent, ok := r.cpu(); ok {
		b.usage.CPU = max(b.usage.CPU, spent)
	}
	return r.exceeded(b.spec.Limits)
}
