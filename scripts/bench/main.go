// Command bench measures the performance budget of docs/performance.md. A drill runs
// against the best restore a skilled person would type, and against the usual script,
// in alternating runs on one machine; the service runs with very many targets and a long
// history. It ends with 1 when a bar does not hold.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// image is the server all contenders restore with.
const image = "postgres:15"

func main() {
	runs := flag.Int("runs", 5, "alternating runs of each contender")
	dumps := flag.String("dumps", "", "folder to keep the dumps in, or with those of an earlier run")
	parts := flag.String("parts", "speed,memory,small", "what to measure of a drill")
	only := flag.String("only", "", "drill or service; both where it is empty")
	var o serviceOptions
	flag.IntVar(&o.targets, "targets", 10_000, "targets of the service")
	flag.IntVar(&o.drills, "drills", 1_000_000, "drills in its history")
	flag.StringVar(&o.history, "history", "", "postgres://... to keep the history there, in an empty database; otherwise it is a file")
	flag.DurationVar(&o.dispatch, "dispatch", 3*time.Minute, "how long drills are watched to begin")
	flag.StringVar(&o.keep, "keep", "", "folder to keep the service's history in, or with that of an earlier run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := measure(ctx, *only, *runs, *dumps, strings.Split(*parts, ","), o)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case !ok:
		os.Exit(1)
	}
}

// row is one line of the budget.
type row struct {
	what, bar, measured string
	holds               bool
}

// measure builds Lifeboat, measures what is asked for and prints it.
func measure(ctx context.Context, only string, runs int, dumps string, parts []string, o serviceOptions) (ok bool, err error) {
	if only != "" && only != "drill" && only != "service" {
		return false, fmt.Errorf("-only is drill or service, not %q", only)
	}
	dir, err := os.MkdirTemp("", "lifeboat-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "lifeboat")
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/lifeboat").CombinedOutput(); err != nil {
		return false, fmt.Errorf("build lifeboat: %w: %s", err, out)
	}
	ok = true
	if only != "service" {
		rows, err := drills(ctx, binary, cmp.Or(dumps, dir), runs, parts)
		if err != nil {
			return false, err
		}
		ok = printRows(rows)
	}
	if only != "drill" {
		rows, err := service(ctx, binary, dir, o)
		if err != nil {
			return false, err
		}
		ok = printRows(rows) && ok
	}
	return ok, nil
}

// drills measures parts of the budget of a drill.
func drills(ctx context.Context, binary, dumpDir string, runs int, parts []string) ([]row, error) {
	dumps, err := makeDumps(ctx, dumpDir)
	if err != nil {
		return nil, err
	}
	measure := map[string]func(context.Context, string, dumpFiles, int) ([]row, error){"speed": speed, "memory": memory, "small": small}
	var rows []row
	for _, part := range parts {
		if measure[part] == nil {
			return nil, fmt.Errorf("there is no part %q", part)
		}
		more, err := measure[part](ctx, binary, dumps, runs)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// speed compares drills of the large dump with both baselines. Each run begins with
// another of the three, so that none always follows the same.
func speed(ctx context.Context, binary string, d dumpFiles, runs int) ([]row, error) {
	var hand, script, drill []time.Duration
	var share []float64
	var restored int64
	contenders := []func() error{
		func() error {
			took, bytes, err := byHand(ctx, d.large)
			say("  by hand %.1f s", took.Seconds())
			hand, restored = append(hand, took), bytes
			return wrap("restore by hand", err)
		},
		func() error {
			took, err := usualScript(ctx, d.large)
			say("  usual script %.1f s", took.Seconds())
			script = append(script, took)
			return wrap("usual script", err)
		},
		func() error {
			m, err := runDrill(ctx, binary, d.large)
			say("  lifeboat %.1f s (%s)", m.verdict.Seconds(), m.phases)
			drill, share = append(drill, m.verdict), append(share, m.checkShare)
			return err
		},
	}
	for i := range runs {
		say("large dump, run %d of %d", i+1, runs)
		for j := range contenders {
			settle()
			if err := contenders[(i+j)%len(contenders)](); err != nil {
				return nil, err
			}
		}
	}
	h, s, l := median(hand), median(script), median(drill)
	return []row{
		{fmt.Sprintf("drill of a %s dump of a %.2f GB database, all default checks: %.1f s, against the best restore by hand: %.1f s",
			size(d.large), float64(restored)/1e9, l.Seconds(), h.Seconds()),
			"at most 1.10 times", ratio(l, h), l.Seconds() <= 1.10*h.Seconds()},
		{fmt.Sprintf("the same against the usual script: %.1f s", s.Seconds()),
			"at most 0.65 times", ratio(l, s), l.Seconds() <= 0.65*s.Seconds()},
		{"default checks, share of the drill", "at most 10 %", fmt.Sprintf("%.1f %%", 100*medianFloat(share)), medianFloat(share) <= 0.10},
	}, nil
}

// settle writes out what the contender before left in the caches of this machine, which
// would otherwise be written on the next one's time.
func settle() { syscall.Sync() }

// memory compares the service's peak memory on a small and on a large dump.
func memory(ctx context.Context, binary string, d dumpFiles, _ int) ([]row, error) {
	say("peak memory of the service")
	less, err := runDrill(ctx, binary, d.plain100)
	if err != nil {
		return nil, err
	}
	more, err := runDrill(ctx, binary, d.plain2000)
	if err != nil {
		return nil, err
	}
	const mib = 1 << 20
	return []row{
		{fmt.Sprintf("memory of the service, dump of %s against %s", size(d.plain100), size(d.plain2000)), "the same within 10 %",
			fmt.Sprintf("%d and %d MiB", less.peak/mib, more.peak/mib), float64(more.peak) <= 1.10*float64(less.peak)},
		{"peak memory of the service", "at most 100 MiB", fmt.Sprintf("%d MiB", max(less.peak, more.peak)/mib), max(less.peak, more.peak) <= 100*mib},
		{"copies of the dump written to disk", "one, inside the sandbox",
			fmt.Sprintf("%d bytes by the service", more.written), more.written < 16*mib},
	}, nil
}

// small compares the fixed costs.
func small(ctx context.Context, binary string, d dumpFiles, runs int) ([]row, error) {
	var hand, drill []time.Duration
	for i := range runs {
		say("small dump, run %d of %d", i+1, runs)
		settle()
		took, _, err := byHand(ctx, d.small)
		if err != nil {
			return nil, err
		}
		settle()
		m, err := runDrill(ctx, binary, d.small)
		if err != nil {
			return nil, err
		}
		hand, drill = append(hand, took), append(drill, m.verdict)
	}
	over := median(drill) - median(hand)
	return []row{{fmt.Sprintf("dump of %s, trigger to verdict: %.2f s, over container start, initdb and restore by hand: %.2f s",
		size(d.small), median(drill).Seconds(), median(hand).Seconds()),
		"at most 1.5 s more", fmt.Sprintf("%+.2f s", over.Seconds()), over <= 1500*time.Millisecond}}, nil
}

func printRows(rows []row) bool {
	ok := true
	fmt.Println()
	fmt.Println("| what | bar | measured | holds |")
	fmt.Println("| --- | --- | --- | --- |")
	for _, r := range rows {
		holds := "yes"
		if !r.holds {
			holds, ok = "NO", false
		}
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, r.bar, r.measured, holds)
	}
	return ok
}

// wrap says what failed.
func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f times", a.Seconds()/b.Seconds()) }

func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func medianFloat(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func size(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "?"
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}

var errNoReport = errors.New("lifeboat printed no report")
