package postgres

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// Estimates of what a restore takes. The factors are generous on purpose: the estimate
// decides whether to wait for room, the limit decides when to stop.
const (
	// packed is how much larger the rows of a compressed dump are than its bytes.
	packed = 5
	// indexed is how much larger a database is than its rows as text: indexes, page
	// and row headers, write-ahead log of the index builds.
	indexed = 2
	// baseDisk is an empty server with its write-ahead log.
	baseDisk = 256 * mib
	// baseMemory runs any small restore; maxMemory is enough for the largest: more
	// makes index builds little faster.
	baseMemory, maxMemory = 512 * mib, 4 * gib
)

// memoryFor estimates the memory that restoring a dump of stored bytes takes to be fast.
func memoryFor(stored int64) int64 {
	return min(max(baseMemory+stored/4, baseMemory), maxMemory)
}

// diskFor estimates the disk for the dump inside the sandbox and the database beside it.
// An envelope may compress further, so that only a dump known to hold its bytes
// uncompressed in the clear would be smaller than estimated.
func diskFor(m engine.Manifest, stored int64) int64 {
	if stored > math.MaxInt64/32 {
		return math.MaxInt64
	}
	plain := stored * packed
	dump := plain
	if m.Compression != "" && m.Compression != "none" {
		dump = stored
	}
	return baseDisk + dump + plain*indexed
}

// jobs is how many things to do at once within limits.
func jobs(l sandbox.Limits) int { return max(1, int(l.CPUs)) }

// settings is the configuration of a server that lives for one restore: nothing it
// writes has to survive a crash, everything else has to be fast within the limits.
func settings(box sandbox.Sandbox, l sandbox.Limits, m engine.Manifest, major int) string {
	n := int64(jobs(l))
	listen := ""
	if box.Describe().Loopback {
		listen = "127.0.0.1"
	}
	s := []setting{
		{"listen_addresses", listen},
		{"port", fmt.Sprint(port)},
		{"unix_socket_directories", box.Dir()},
		{"unix_socket_permissions", "0700"},
		{"max_connections", fmt.Sprint(40 + 4*n)},

		{"fsync", "off"},
		{"synchronous_commit", "off"},
		{"full_page_writes", "off"},
		{"wal_level", "minimal"},
		{"max_wal_senders", "0"},
		{"max_replication_slots", "0"},
		{"max_logical_replication_workers", "0"},
		{"archive_mode", "off"},
		{"max_wal_size", fmt.Sprintf("%dMB", max(256, min(l.Disk/8, 16*gib)/mib))},
		{"checkpoint_timeout", "1d"},
		{"wal_buffers", "16MB"},
		{"autovacuum", "off"},
		{"bgwriter_lru_maxpages", "0"},
		{"track_activities", "off"},
		{"track_counts", "off"},

		{"shared_buffers", kilobytes(l.Memory/5, 16*mib, 8*gib)},
		{"maintenance_work_mem", kilobytes(l.Memory/4/n, 16*mib, 2*gib-mib)},
		{"work_mem", kilobytes(l.Memory/16/n, 4*mib, gib)},
		{"max_worker_processes", fmt.Sprint(8 + 2*n)},
		{"max_parallel_workers", fmt.Sprint(n)},
		{"max_parallel_maintenance_workers", fmt.Sprint(n - 1)},
		{"max_parallel_workers_per_gather", fmt.Sprint(n - 1)},
		// Files of the data directory: /dev/shm may be small, and a killed server
		// leaves System V segments behind.
		{"dynamic_shared_memory_type", "mmap"},
		// A plain dump in one transaction holds a lock on every object it creates.
		{"max_locks_per_transaction", fmt.Sprint(max(256, min(4*len(m.Objects)/40, 8192)))},
		{"jit", "off"},

		{"lc_messages", "C"},
		{"logging_collector", "off"},
		{"log_destination", "stderr"},
		// Only what says why a server died: statements and their errors hold row data.
		{"log_min_messages", "log"},
		{"log_min_error_statement", "panic"},
		{"log_error_verbosity", "terse"},
		{"log_checkpoints", "off"},
	}
	var b strings.Builder
	b.WriteByte('\n')
	for _, x := range s {
		if since, ok := settingSince[x.name]; ok && major < since {
			continue
		}
		fmt.Fprintf(&b, "%s = '%s'\n", x.name, strings.ReplaceAll(x.value, "'", "''"))
	}
	return b.String()
}

// setting is one line of postgresql.conf.
type setting struct{ name, value string }

// settingSince names the major version that brought a setting, where 9.6 lacks it.
var settingSince = map[string]int{
	"max_logical_replication_workers":  10,
	"max_parallel_workers":             10,
	"max_parallel_maintenance_workers": 11,
	"jit":                              11,
}

// kilobytes writes a size within bounds the way postgresql.conf wants it.
func kilobytes(n, low, high int64) string {
	return fmt.Sprintf("%dkB", min(max(n, low), high)/1024)
}

// preloads lists the libraries that have to be loaded as the server starts.
func preloads(extensions []string) []string {
	var libs []string
	for _, p := range preloaded {
		if slices.Contains(extensions, p) {
			libs = append(libs, p)
		}
	}
	return libs
}
