package docker

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"lifeboat/sandbox"
)

// inspectInside prints what the kernel tells the sandbox's user about itself, in
// sections. It tries to reach out only when there is nothing but the loopback, so
// that even a sandbox gone wrong sends no packet: 192.0.2.1 belongs to nobody.
const inspectInside = `
section() { printf '\n== %s\n' "$1"; }
section interfaces; cat /proc/net/dev
section routes; cat /proc/net/route 2>/dev/null
section routes6; cat /proc/net/ipv6_route 2>/dev/null
section resolver; cat /etc/resolv.conf 2>/dev/null
section mounts; cat /proc/self/mountinfo
section status; cat /proc/self/status
section first; cat /proc/1/status; tr '\0' ' ' </proc/1/cmdline
section sockets; for s in /run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock; do
	[ -e "$s" ] && echo "$s"; done
section limits
cd /sys/fs/cgroup && for f in memory.max pids.max cpu.max memory/memory.limit_in_bytes pids/pids.max \
	cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; do
	[ -r "$f" ] && read -r v <"$f" && echo "${f##*/} $v"; done
section reach
others=0
while IFS=: read -r name rest; do
	case $name in *face*|*nter-*|*' lo'|lo) ;; *) others=1 ;; esac
done </proc/net/dev
if [ "$others" = 1 ]; then echo "not tried"; else
	timeout 3 bash -c 'exec 3<>/dev/tcp/192.0.2.1/9' 2>&1 && echo "connected"; echo "exit $?"; fi
section end`

// Isolation implements sandbox.Sandbox.
func (b *Box) Isolation(ctx context.Context) (sandbox.Isolation, error) {
	var out, complaint bytes.Buffer
	code, err := b.Exec(ctx, sandbox.Cmd{Args: []string{"bash", "-c", inspectInside}, Stdout: &out, Stderr: &complaint})
	if err != nil {
		return sandbox.Isolation{}, fmt.Errorf("probe isolation: %w", err)
	}
	seen := sections(out.String())
	if _, whole := seen["end"]; !whole {
		return sandbox.Isolation{}, fmt.Errorf("probe isolation: the probe ended early with exit code %d: %s",
			code, strings.TrimSpace(complaint.String()))
	}
	iso := sandbox.Isolation{Isolated: true, Probes: judge(seen, b.spec)}
	for _, p := range iso.Probes {
		iso.Isolated = iso.Isolated && p.OK
	}
	return iso, nil
}

// sections splits the probe's output at its "== name" lines.
func sections(out string) map[string]string {
	all := make(map[string]string)
	for _, part := range strings.Split(out, "\n== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		all[name] = strings.TrimSpace(text)
	}
	return all
}
