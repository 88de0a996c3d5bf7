//go:build linux

package process

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"strings"

	"lifeboat/sandbox"
)

//go:embed probe.sh
var probeScript string

// Isolation implements sandbox.Sandbox.
func (b *box) Isolation(ctx context.Context) (sandbox.Isolation, error) {
	var out bytes.Buffer
	// What must not be visible inside: the directory of all sandboxes, by its path outside.
	code, err := b.Exec(ctx, sandbox.Cmd{
		Args: []string{b.tools.sh, "-c", probeScript, "sh", b.dir.Path}, Stdout: &out,
	})
	if err != nil {
		return sandbox.Isolation{}, fmt.Errorf("probe the isolation: %w", err)
	}
	if code != 0 {
		return sandbox.Isolation{}, fmt.Errorf("probe the isolation: the probe ended with exit code %d", code)
	}
	ours, err := ownSpaces()
	if err != nil {
		return sandbox.Isolation{}, fmt.Errorf("probe the isolation: %w", err)
	}
	return judge(out.String(), b.user.nested, ours), nil
}

// judge turns what the probe printed into probes. What it did not print counts as bad.
func judge(text string, nested bool, ours map[string]string) sandbox.Isolation {
	seen := map[string]string{}
	for part := range strings.SplitSeq("\n"+text, "\n== ") {
		title, body, _ := strings.Cut(part, "\n")
		seen[title] = strings.TrimSpace(body)
	}
	probes := []sandbox.Probe{
		judgeReach(seen["reach"]), judgeInterfaces(seen["interfaces"]), judgePowers(seen["status"], nested),
		judgeMounts(seen["mounts"]), judgeAbsent("host files", seen, "host", "none of the machine's private places is there"),
		judgeAbsent("writing elsewhere", seen, "write", "refused outside "+insideData+", "+insideTmp+" and /dev/shm"),
		judgeSpaces(seen["spaces"], ours),
	}
	if nested {
		p := sandbox.Probe{Name: "further user namespaces", OK: seen["namespaces"] == "refused", Detail: seen["namespaces"]}
		probes = append(probes, p)
	}
	iso := sandbox.Isolation{Isolated: true, Probes: probes}
	for _, p := range probes {
		iso.Isolated = iso.Isolated && p.OK
	}
	return iso
}

func judgeReach(said string) sandbox.Probe {
	p := sandbox.Probe{Name: "reach out", Detail: "not probed"}
	lines := strings.Split(said, "\n")
	switch last := lines[len(lines)-1]; {
	case strings.HasPrefix(last, "refused") && strings.Contains(said, "unreachable"):
		p.OK, p.Detail = true, "connecting to 192.0.2.1 failed at once: network is unreachable"
	case last == "no bash":
		p.OK, p.Detail = true, "not tried for want of bash; there is no interface to reach out through"
	case last != "":
		p.Detail = last
	}
	return p
}

func judgeInterfaces(dev string) sandbox.Probe {
	p := sandbox.Probe{Name: "network interfaces"}
	var names []string
	for line := range strings.Lines(dev) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	p.OK = len(names) == 1 && names[0] == "lo"
	p.Detail = "only lo"
	if !p.OK {
		p.Detail = "seen: " + strings.Join(names, ", ")
	}
	return p
}

// judgePowers reads capabilities and user. In a nested user namespace the bounding
// set stays full and means nothing: with no-new-privileges nothing can be gained.
func judgePowers(status string, nested bool) sandbox.Probe {
	p := sandbox.Probe{Name: "capabilities", OK: true}
	field := map[string]string{}
	for line := range strings.Lines(status) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			field[key] = strings.TrimSpace(value)
		}
	}
	sets := []string{"CapInh", "CapPrm", "CapEff", "CapAmb"}
	if !nested {
		sets = append(sets, "CapBnd")
	}
	for _, set := range sets {
		p.OK = p.OK && field[set] != "" && strings.Trim(field[set], "0") == ""
	}
	uid, _, _ := strings.Cut(field["Uid"], "\t")
	p.OK = p.OK && field["NoNewPrivs"] == "1" && uid != "" && uid != "0"
	p.Detail = fmt.Sprintf("effective %s, no-new-privileges %s, user %s", field["CapEff"], field["NoNewPrivs"], uid)
	return p
}

// judgeMounts demands that nothing but the sandbox's own places can be written.
func judgeMounts(mounts string) sandbox.Probe {
	p := sandbox.Probe{Name: "host mounts", OK: mounts != "", Detail: "programs read-only, nothing else of this machine"}
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		at, writable := f[1], strings.HasPrefix(f[3], "rw")
		switch {
		case at == insideData, at == insideTmp, at == "/dev/shm", !writable:
		case strings.HasPrefix(at, "/dev/") && f[2] != "tmpfs": // null, zero and their like
		default:
			p.OK, p.Detail = false, at+" can be written"
		}
	}
	return p
}

// judgeAbsent demands that a section was reached and is empty.
func judgeAbsent(name string, seen map[string]string, section, good string) sandbox.Probe {
	body, there := seen[section]
	p := sandbox.Probe{Name: name, OK: there && body == "", Detail: good}
	if !p.OK {
		p.Detail = "seen: " + strings.Join(strings.Fields(body), ", ")
	}
	return p
}

// judgeSpaces demands that no namespace is the one Lifeboat itself is in, so that
// neither its processes nor its mounts, memory or network are visible.
func judgeSpaces(list string, ours map[string]string) sandbox.Probe {
	p := sandbox.Probe{Name: "other processes", OK: len(ours) > 0, Detail: "none visible; its own process, network, mount and memory namespaces"}
	seen := map[string]string{}
	for line := range strings.Lines(list) {
		if kind, id, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			seen[kind] = id
		}
	}
	for kind, id := range ours {
		if seen[kind] == "" || seen[kind] == id {
			p.OK, p.Detail = false, "no "+kind+" namespace of its own"
		}
	}
	return p
}

// ownSpaces reads the namespaces this process is in.
func ownSpaces() (map[string]string, error) {
	ours := map[string]string{}
	for _, kind := range []string{"net", "mnt", "pid", "ipc", "uts"} {
		id, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return nil, err
		}
		ours[kind] = id
	}
	return ours, nil
}
