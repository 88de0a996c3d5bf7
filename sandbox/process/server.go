//go:build linux

package process

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lifeboat/sandbox"
)

// server is one installation of a server on this machine.
type server struct {
	bin     string // directory of its programs, links resolved
	major   int
	version string
}

// prefix is the installation's directory when a sandbox does not show it anyway;
// else it is empty.
func (s server) prefix() string {
	if s.bin == "" || strings.HasPrefix(s.bin, "/usr/") && !strings.HasPrefix(s.bin, "/usr/local/") {
		return ""
	}
	return filepath.Dir(s.bin)
}

// String names the installation for people.
func (s server) String() string {
	if s.bin == "" {
		return ""
	}
	return s.version + " in " + s.bin
}

// layouts are the places distributions install several versions of a server side
// by side, with %s for its name.
var layouts = []string{"/usr/lib/postgresql/*/bin/%s", "/usr/pgsql-*/bin/%s", "/usr/local/pgsql*/bin/%s", "/opt/postgresql*/bin/%s"}

// findServer returns the installation of a server whose major version is wanted,
// or the nearest newer one: a newer server restores an older dump, an older one
// does not. With wanted 0 the newest is taken.
func findServer(ctx context.Context, program string, wanted int) (server, error) {
	return choose(program, wanted, installed(ctx, program))
}

// installed lists the installations of a server, oldest first.
func installed(ctx context.Context, program string) []server {
	var paths []string
	if path, err := exec.LookPath(program); err == nil {
		paths = append(paths, path)
	}
	for _, layout := range layouts {
		found, _ := filepath.Glob(fmt.Sprintf(layout, program)) // the pattern is sound: there is no other error
		paths = append(paths, found...)
	}
	var all []server
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue // a link to what was uninstalled
		}
		bin := filepath.Dir(real)
		if slices.ContainsFunc(all, func(s server) bool { return s.bin == bin }) {
			continue
		}
		out, err := exec.CommandContext(ctx, real, "--version").Output()
		if err != nil {
			continue // a program that does not run here serves nobody
		}
		if s, ok := parseVersion(string(out)); ok {
			s.bin = bin
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b server) int { return cmp.Compare(a.major, b.major) })
	return all
}

// versionLine is "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
var versionLine = regexp.MustCompile(`^\S+ \((\S+)\) ((\d+)[\w.]*)`)

func parseVersion(line string) (server, bool) {
	m := versionLine.FindStringSubmatch(line)
	if m == nil {
		return server{}, false
	}
	major, err := strconv.Atoi(m[3])
	return server{major: major, version: m[1] + " " + m[2]}, err == nil
}

// choose picks from installations sorted by version.
func choose(program string, wanted int, all []server) (server, error) {
	if len(all) > 0 && wanted == 0 {
		return all[len(all)-1], nil
	}
	for _, s := range all {
		if s.major >= wanted && wanted > 0 {
			return s, nil
		}
	}
	absent := &sandbox.ImageError{Image: program + " binaries"}
	if wanted > 0 {
		absent.Image = fmt.Sprintf("%s %d binaries", program, wanted)
	}
	if len(all) == 0 {
		absent.Err = fmt.Errorf("none are installed on this machine; install the %s server or use Docker", program)
		return server{}, fmt.Errorf("%w: %w", sandbox.ErrUnavailable, absent)
	}
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.String()
	}
	absent.Err = fmt.Errorf("installed is only %s; install version %d or newer, or use Docker", strings.Join(names, ", "), wanted)
	return server{}, absent
}
