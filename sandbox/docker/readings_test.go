package docker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifeboat/sandbox"
)

func read(text string) readings {
	r := make(readings)
	for line := range strings.Lines(text) {
		r.add(strings.TrimSpace(line))
	}
	return r
}

// What kernels say under either generation of control groups.
const (
	secondGeneration = `memory.current 5000000
		memory.stat anon 1000000
		memory.stat inactive_file 3000000
		memory.stat active_file 500000
		memory.events oom 1
		memory.events oom_kill 0
		memory.max max
		cpu.stat usage_usec 1500000
		pids.current 4
		pids.events max 0
		free 1000000 4096
		total 2000000 4096`
	firstGeneration = `memory.usage_in_bytes 5000000
		memory.stat inactive_file 1
		memory.stat total_inactive_file 3000000
		memory.stat total_active_file 500000
		memory.oom_control oom_kill 0
		cpuacct.usage 1500000000
		pids.events max 0
		free 1000000 4096
		total 2000000 4096`
	meterRound = `100 /tmp
		0 fe00:12 8
		0 fe00:12 8
		0 fe00:13 2
		hidden 0`
)

func TestReadingsOfBothGenerationsMeanTheSame(t *testing.T) {
	for name, text := range map[string]string{"second": secondGeneration, "first": firstGeneration} {
		r := read(text)
		if err := r.whole("guard"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cpu, _ := r.cpu()
		if r.held() != 1500000 || cpu != 1500*time.Millisecond || r[readFree] != 4096000000 {
			t.Errorf("%s: held %d, cpu %s, free %d", name, r.held(), cpu, r[readFree])
		}
		if err := r.exceeded(spec().Limits); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if used, ok := read(meterRound).used(); !ok || used != 100<<10+10*512 {
		t.Errorf("used %d, %t; a deleted file counts once however often it is open", used, ok)
	}
}

func TestReadingsThatAreMissingAreNoWatch(t *testing.T) {
	for _, gone := range []string{"memory.current", "memory.events oom_kill", "pids.events", "free"} {
		var rest strings.Builder
		for line := range strings.Lines(secondGeneration) {
			if !strings.HasPrefix(strings.TrimSpace(line), gone) {
				rest.WriteString(line)
			}
		}
		expect(t, read(rest.String()).whole("guard"), sandbox.ErrUnavailable)
	}
	expect(t, read("hidden 0").whole("meter"), sandbox.ErrUnavailable)
}

func TestReadingsNameTheLimitThatWasReached(t *testing.T) {
	l := sandbox.Limits{CPUs: 1, Memory: 1 << 30, Disk: 1 << 20, Pids: 10}
	for line, want := range map[string]string{
		"memory.events oom_kill 1":          "memory",
		"memory.oom_control oom_kill 1":     "memory",
		"pids.events max 3":                 "pids",
		"1025 /tmp":                         "disk",
		"0 fe00:1 2049":                     "disk",
		"hidden 1":                          "disk",
		"free 10 4096\ntotal 10000000 4096": "disk",
	} {
		err := read(line).exceeded(l)
		var limit *sandbox.LimitError
		if !errors.As(err, &limit) || limit.Limit != want || !errors.Is(err, sandbox.ErrOutOfRoom) {
			t.Errorf("%q: got %v, want the %s limit", line, err, want)
		}
	}
	for _, line := range []string{"", "1024 /tmp", "nonsense", "x y z", "memory.events oom_kill x", "free 1"} {
		if err := read(line).exceeded(l); err != nil && line != "free 1" {
			t.Errorf("%q: %v", line, err)
		}
	}
}
