package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"
)

// What a test tells a process that it starts, besides its command line.
const (
	clockVariable = "LIFEBOAT_TEST_CLOCK" // file that holds the time
	leaseVariable = "LIFEBOAT_TEST_LEASE"
	paceVariable  = "LIFEBOAT_TEST_PACE"
)

// asTold is main with the clock, lease and pace that a test told this process.
func asTold() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := interruptible(context.Background())
	sh := &shell{stdout: os.Stdout, stderr: os.Stderr, now: time.Now, lease: told(leaseVariable), pace: told(paceVariable)}
	if path := os.Getenv(clockVariable); path != "" {
		file, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		sh.now = func() time.Time { return readClock(file) }
	}
	code := sh.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// told is a duration of the environment, zero when there is none.
func told(name string) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	return d
}

// clock is the time on which a test and the processes it started agree: eight bytes of a
// file. The test alone moves it.
type clock struct {
	t    testing.TB
	file *os.File
}

func newClock(t testing.TB, at time.Time) *clock {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	c := &clock{t, file}
	c.set(at)
	return c
}

func (c *clock) set(at time.Time) {
	c.t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, uint64(at.UnixNano()))
	if _, err := c.file.WriteAt(b, 0); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clock) now() time.Time { return readClock(c.file) }

// env tells a process to go by this clock.
func (c *clock) env() string { return clockVariable + "=" + c.file.Name() }

func readClock(file *os.File) time.Time {
	var b [8]byte
	if _, err := file.ReadAt(b[:], 0); err != nil {
		panic(err) // without it every time would be wrong
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64(b[:]))).UTC()
}
