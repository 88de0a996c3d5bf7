package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startTimeout and stopTimeout bound what should take seconds.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
)

// served is a running `lifeboat serve`.
type served struct {
	cmd   *exec.Cmd
	url   string
	ready time.Duration // from its start to the first yes of readyz
	ended chan error

	once    sync.Once
	stopErr error
}

// serve starts the binary on a configuration and waits until it is ready. What it logs goes to a file.
func serve(ctx context.Context, binary, config, listen, log string) (*served, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	s := &served{cmd: exec.CommandContext(ctx, binary, "serve", "--config", config), url: "http://" + listen, ended: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = stopTimeout
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	for time.Since(began) < startTimeout {
		if resp, err := http.Get(s.url + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.ready = time.Since(began)
				return s, nil
			}
		}
		select {
		case err := <-s.ended:
			tail, _ := os.ReadFile(log)
			return nil, fmt.Errorf("lifeboat serve ended: %w: %s", err, tail[max(0, len(tail)-2000):])
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil, errors.Join(fmt.Errorf("lifeboat serve was not ready within %s", startTimeout), s.stop())
}

// stop asks it to end and waits. It may be called twice.
func (s *served) stop() error {
	s.once.Do(func() { s.stopErr = s.end() })
	return s.stopErr
}

func (s *served) end() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.ended:
		return wrap("lifeboat serve", err)
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		return errors.Join(fmt.Errorf("lifeboat serve did not stop within %s", stopTimeout), <-s.ended)
	}
}

// cpu is the processor time it used so far.
func (s *served) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("%q is not what the kernel writes", stat)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	const tick = 10 * time.Millisecond // of Linux
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// memory is its resident memory now and at its highest, in bytes.
func (s *served) memory() (now, peak int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch key {
		case "VmRSS":
			now = n << 10
		case "VmHWM":
			peak = n << 10
		}
	}
	return now, peak, nil
}

// idle is the share of a processor core that it uses while nothing happens.
func (s *served) idle(ctx context.Context, wait time.Duration) (float64, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := sleep(ctx, wait); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return (after - before).Seconds() / time.Since(began).Seconds(), err
}

// get reads a page to its end and returns how long that took.
func (s *served) get(ctx context.Context, path string) (time.Duration, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.300s", path, resp.Status, body)
	}
	return time.Since(began), body, err
}

// client keeps a connection for each of those who ask at once.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: time.Minute}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
