package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// limits of the container of a restore by hand, as of a drill's sandbox.
var limits = []string{"--cpus", "2", "--memory", "4g", "--shm-size", "1g"}

// tunedServer starts a server as a skilled person would for one restore: durability
// off, memory in proportion.
const tunedServer = `initdb -A trust -E UTF8 --locale C.UTF-8 >/dev/null && exec postgres -c listen_addresses= \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
  -c autovacuum=off -c max_wal_size=16GB -c checkpoint_timeout=1h -c shared_buffers=1GB -c maintenance_work_mem=512MB \
  -c max_parallel_maintenance_workers=2 -c jit=off`

// usualServer does what the official image does on its start: it creates the cluster, runs
// a first server to create the database, stops it, and runs the one that stays. Every
// setting is as it comes.
const usualServer = `initdb -A trust -E UTF8 --locale C.UTF-8 >/dev/null &&
  pg_ctl -o "-c listen_addresses= -c port=5433" -w start >/dev/null && createdb -p 5433 shop && pg_ctl -m fast -w stop >/dev/null &&
  exec postgres -c listen_addresses=`

// dumpInside is where a dump lies in a container, on the volume of the data directory.
const dumpInside = "/var/lib/postgresql/data/shop.dump"

// byHand times the best restore a skilled person would type, from starting the
// container to the end of pg_restore: the dump in a file inside, as many jobs as cores.
// It also returns the size of the restored database.
func byHand(ctx context.Context, dump string) (took time.Duration, bytes int64, err error) {
	began := time.Now()
	box, err := startServer(ctx, limits, tunedServer, 20*time.Millisecond)
	if err != nil {
		return 0, 0, err
	}
	defer remove(box)
	if err := inBox(ctx, box, nil, "createdb", "shop"); err != nil {
		return 0, 0, err
	}
	f, err := os.Open(dump)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if err := inBox(ctx, box, f, "sh", "-c", "cat >"+dumpInside); err != nil {
		return 0, 0, err
	}
	if err := inBox(ctx, box, nil, "pg_restore", "-d", "shop", "-j", "2", dumpInside); err != nil {
		return 0, 0, err
	}
	took = time.Since(began)
	out, err := exec.CommandContext(ctx, "docker", "exec", box, "psql", "-XAtc", "SELECT pg_database_size('shop')").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the size of the database: %w", err)
	}
	bytes, err = strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return took, bytes, err
}

// usualScript times the script most people have, likewise: a container as it comes,
// asked once a second whether it is ready, pg_restore from standard input.
func usualScript(ctx context.Context, dump string) (time.Duration, error) {
	began := time.Now()
	box, err := startServer(ctx, nil, usualServer, time.Second)
	if err != nil {
		return 0, err
	}
	defer remove(box)
	f, err := os.Open(dump)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = inBox(ctx, box, f, "pg_restore", "-d", "shop")
	return time.Since(began), err
}

// startServer starts a container in which script runs a server, and waits until it
// accepts connections, asking at a pace.
func startServer(ctx context.Context, flags []string, script string, pace time.Duration) (box string, err error) {
	args := append([]string{"run", "-d", "--rm", "--network", "none", "--user", "postgres", "--entrypoint", "bash"}, flags...)
	out, err := exec.CommandContext(ctx, "docker", append(args, image, "-c", script)...).Output()
	if err != nil {
		return "", fmt.Errorf("docker run: %w", err)
	}
	box = strings.TrimSpace(string(out))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(pace) {
		if inBox(ctx, box, nil, "pg_isready", "-q") == nil {
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
