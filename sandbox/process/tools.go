//go:build linux

package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools are the paths of the programs a sandbox is made with.
type tools struct {
	sh, unshare, nsenter, setpriv, prlimit string
	taskset, choom                         string // empty when missing
}

// toolDirs is where programs are looked for: a sandbox shows the same directories,
// and PATH of a service often lacks the sbin ones.
var toolDirs = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// toolPath is the PATH of the scripts that make and watch a sandbox.
var toolPath = "PATH=" + strings.Join(toolDirs, ":")

func findTools() (tools, error) {
	var t tools
	missing := []string{}
	find := func(name string) string {
		for _, dir := range toolDirs {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return path
			}
		}
		missing = append(missing, name)
		return ""
	}
	t.sh, t.unshare, t.nsenter = find("sh"), find("unshare"), find("nsenter")
	t.setpriv, t.prlimit = find("setpriv"), find("prlimit")
	for _, name := range []string{"mount", "umount", "pivot_root", "timeout", "mkfifo", "readlink"} {
		find(name)
	}
	if len(missing) > 0 {
		return tools{}, fmt.Errorf("%s not found in %s; install util-linux and coreutils",
			strings.Join(missing, ", "), strings.Join(toolDirs, ":"))
	}
	t.taskset, t.choom = find("taskset"), find("choom")
	return t, nil
}

// namespaces returns the arguments that make the namespaces of a sandbox.
func (t tools) namespaces(root bool) []string {
	args := []string{t.unshare, "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"}
	if !root {
		args = append(args, "--user", "--map-root-user")
	}
	return args
}

// tryNamespaces finds out whether the kernel grants what a sandbox is made of.
func (t tools) tryNamespaces(root bool) error {
	args := append(t.namespaces(root), t.sh, "-c", "mount -t tmpfs try /proc && mount -t proc try /proc")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{toolPath}
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	why := errors.New("the kernel refuses namespaces to this user; run as root, allow unprivileged user namespaces, or use Docker")
	if root {
		why = errors.New("the kernel refuses namespaces; in a container give it the SYS_ADMIN capability, or use Docker")
	}
	return fmt.Errorf("%w (%s: %w)", why, strings.TrimSpace(said.String()), err)
}
