package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// measured is one drill by the built binary.
type measured struct {
	verdict    time.Duration // from its start to the verdict, without discarding the sandbox
	checkShare float64       // of the drill
	phases     string        // where the time went
	peak       int64         // resident memory, bytes
	written    int64         // to disk by the process itself, bytes
}

// report is what the bench reads of a report.
type report struct {
	Verdict string    `json:"verdict"`
	Results []any     `json:"results"`
	Started time.Time `json:"started"`
	Phases  []struct {
		Name    string  `json:"name"`
		Start   float64 `json:"start"`
		Seconds float64 `json:"seconds"`
	} `json:"phases"`
}

// runDrill drills the dump in its folder with default checks.
func runDrill(ctx context.Context, binary, dump string) (measured, error) {
	dir, err := os.MkdirTemp("", "lifeboat-bench-drill-")
	if err != nil {
		return measured{}, err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "lifeboat.yaml")
	text := fmt.Sprintf("sources: {disk: {kind: dir, path: %q}}\ntargets:\n  shop: {source: disk, match: shop.dump, sandbox: {cpus: 2, memory: 4GiB, disk: 20GiB, runner: docker}}\n",
		filepath.Dir(dump))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return measured{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "drill", "--config", config, "--json")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err = cmd.Run()
	if err != nil {
		return measured{}, fmt.Errorf("drill: %w: %s%s", err, stderr.String(), stdout.String())
	}
	var rep report
	if err := json.Unmarshal(stdout.Bytes(), &rep); err != nil {
		return measured{}, fmt.Errorf("%w: %w", errNoReport, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m := measured{peak: usage.Maxrss * 1024, written: usage.Oublock * 512}
	m.verdict, m.checkShare = rep.split(began)
	for _, p := range rep.Phases {
		if p.Seconds >= 0.1 {
			m.phases += fmt.Sprintf("%s %.1f-%.1f ", p.Name, p.Start, p.Start+p.Seconds)
		}
	}
	return m, nil
}

// split finds when the verdict was there and what part of the time went into checks.
func (r report) split(began time.Time) (verdict time.Duration, share float64) {
	var from, to, end float64
	for _, p := range r.Phases {
		switch p.Name {
		case "discard":
			end = p.Start
		case "count", "soundness", "check":
			if from == 0 || p.Start < from {
				from = p.Start
			}
			to = max(to, p.Start+p.Seconds)
		}
	}
	return r.Started.Sub(began) + time.Duration(end*float64(time.Second)), (to - from) / end
}
