package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// style is how a person sets up the server to restore into.
type style struct {
	settings string   // of the server
	jobs     []string // of pg_restore; without any it reads the dump from standard input
}

var (
	// tuned is what a skilled person types: durability off, memory in proportion, as
	// many jobs as cores, the dump in a file inside the container.
	tuned = style{
		settings: "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 " +
			"-c autovacuum=off -c max_wal_size=16GB -c checkpoint_timeout=1h -c shared_buffers=1GB -c maintenance_work_mem=512MB " +
			"-c max_parallel_maintenance_workers=2 -c jit=off",
		jobs: []string{"-j", "2"},
	}
	// usual is the script most people have: everything as it comes.
	usual = style{}
)

// limits of every contender's container.
var limits = []string{"--cpus", "2", "--memory", "4g", "--shm-size", "1g"}

// byHand times a restore from starting the container to the end of pg_restore.
func byHand(ctx context.Context, dump string, s style) (time.Duration, error) {
	began := time.Now()
	box, err := startServer(ctx, s)
	if err != nil {
		return 0, err
	}
	defer remove(box)
	if err := inBox(ctx, box, nil, "createdb", "-h", "/tmp", "shop"); err != nil {
		return 0, err
	}
	f, err := os.Open(dump)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	restore := append([]string{"pg_restore", "-h", "/tmp", "-d", "shop"}, s.jobs...)
	if len(s.jobs) > 0 {
		if err := inBox(ctx, box, f, "sh", "-c", "cat >/tmp/shop.dump"); err != nil {
			return 0, err
		}
		err = inBox(ctx, box, nil, append(restore, "/tmp/shop.dump")...)
	} else {
		err = inBox(ctx, box, f, restore...)
	}
	return time.Since(began), err
}

// startServer starts a container with a server that accepts connections.
func startServer(ctx context.Context, s style) (box string, err error) {
	args := append([]string{"run", "-d", "--rm", "--network", "none", "--user", "postgres", "--entrypoint", "bash"}, limits...)
	script := "initdb -D /tmp/db -A trust -E UTF8 --locale C.UTF-8 >/dev/null && exec postgres -D /tmp/db -c listen_addresses= -c unix_socket_directories=/tmp " + s.settings
	out, err := exec.CommandContext(ctx, "docker", append(args, image, "-c", script)...).Output()
	if err != nil {
		return "", fmt.Errorf("docker run: %w", err)
	}
	box = strings.TrimSpace(string(out))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if inBox(ctx, box, nil, "pg_isready", "-q", "-h", "/tmp") == nil {
			return box, nil
		}
	}
	remove(box)
	return "", fmt.Errorf("the server in %s did not start within a minute", box)
}

// inBox runs a command in a container.
func inBox(ctx context.Context, box string, stdin io.Reader, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"exec", "-i", box}, args...)...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", args[0], err, out)
	}
	return nil
}

func remove(box string) {
	_ = exec.Command("docker", "rm", "-f", "-v", box).Run()
}
