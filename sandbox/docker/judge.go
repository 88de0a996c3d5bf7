package docker

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"lifeboat/sandbox"
)

// judge decides what each section of the probe's output is worth. A section that is
// missing or cannot be read is never OK.
func judge(seen map[string]string, s sandbox.Spec) []sandbox.Probe {
	return []sandbox.Probe{
		judgeInterfaces(seen["interfaces"]),
		judgeRoutes(seen["routes"], seen["routes6"]),
		judgeReach(seen["reach"]),
		judgeResolver(seen["resolver"]),
		judgeMounts(seen["mounts"]),
		judgeRoot(seen["mounts"]),
		judgeCapabilities(seen["status"]),
		judgeSockets(seen),
		judgeFirst(seen["first"]),
		judgeLimits(seen["limits"], s.Limits),
	}
}

func judgeInterfaces(text string) sandbox.Probe {
	var names []string
	for line := range strings.Lines(text) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return sandbox.Probe{Name: "network interfaces",
		OK: slices.Equal(names, []string{"lo"}), Detail: "only these: " + strings.Join(names, ", ")}
}

// judgeRoutes counts routes other than the loopback's own.
func judgeRoutes(v4, v6 string) sandbox.Probe {
	lines := strings.Split(strings.TrimSpace(v4), "\n")
	routes := len(lines) - 1 // below the heading
	for line := range strings.Lines(v6) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] != "lo" {
			routes++
		}
	}
	return sandbox.Probe{Name: "routes", OK: v4 != "" && routes == 0, Detail: fmt.Sprintf("%d routes", routes)}
}

func judgeReach(text string) sandbox.Probe {
	p := sandbox.Probe{Name: "reach out", Detail: "192.0.2.1 answered or was waited for: " + text}
	switch {
	case text == "not tried":
		p.Detail = "not tried: there is an interface besides the loopback"
	case strings.Contains(text, "unreachable"):
		p.OK, p.Detail = true, "192.0.2.1: network is unreachable"
	}
	return p
}

func judgeResolver(text string) sandbox.Probe {
	p := sandbox.Probe{Name: "name service", OK: true, Detail: "no server outside is named"}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err != nil || !a.IsLoopback() {
			p.OK, p.Detail = false, "a server outside is named: "+f[1]
		}
	}
	return p
}

// mountPoint is a line of mountinfo.
type mountPoint struct {
	path, kind string
	readOnly   bool
}

func mountPoints(text string) []mountPoint {
	var all []mountPoint
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		sep := slices.Index(f, "-")
		if len(f) < 6 || sep < 0 || sep+1 >= len(f) {
			continue
		}
		all = append(all, mountPoint{path: f[4], kind: f[sep+1],
			readOnly: slices.Contains(strings.Split(f[5], ","), "ro")})
	}
	return all
}

// kernelKinds are file systems that hold nothing of the host's disks.
var kernelKinds = []string{"proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2"}

// daemonFiles are the three files docker makes for each container.
var daemonFiles = []string{"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}

// judgeMounts looks for anything of the host: all that is neither the image, the
// volume, the kernel's own nor one of docker's three small files.
func judgeMounts(text string) sandbox.Probe {
	p := sandbox.Probe{Name: "host mounts", OK: text != "", Detail: "only the image and the sandbox's own volume"}
	var strange []string
	for _, m := range mountPoints(text) {
		kernels := slices.Contains(kernelKinds, m.kind) &&
			(m.readOnly || slices.ContainsFunc([]string{"/proc", "/sys", "/dev"}, func(top string) bool {
				return m.path == top || strings.HasPrefix(m.path, top+"/")
			}))
		daemons := m.readOnly && slices.Contains(daemonFiles, m.path)
		if m.path != "/" && m.path != volumePath && !kernels && !daemons {
			strange = append(strange, m.path)
		}
	}
	if len(strange) > 0 {
		p.OK, p.Detail = false, "mounted besides: "+strings.Join(strange, ", ")
	}
	return p
}

func judgeRoot(text string) sandbox.Probe {
	for _, m := range mountPoints(text) {
		if m.path == "/" {
			return sandbox.Probe{Name: "read-only image", OK: m.readOnly,
				Detail: fmt.Sprintf("the root file system is read-only: %t", m.readOnly)}
		}
	}
	return sandbox.Probe{Name: "read-only image", Detail: "the root file system was not found"}
}

// fields reads the "Name: value" lines of a status file.
func fields(text string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

func judgeCapabilities(text string) sandbox.Probe {
	p := sandbox.Probe{Name: "capabilities", OK: true, Detail: "none, and none can be gained"}
	status := fields(text)
	var held []string
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if bits, err := strconv.ParseUint(status[set], 16, 64); err != nil || bits != 0 {
			held = append(held, set+"="+status[set])
		}
	}
	if status["NoNewPrivs"] != "1" {
		held = append(held, "NoNewPrivs="+status["NoNewPrivs"])
	}
	if uid, _, _ := strings.Cut(status["Uid"], "\t"); uid == "0" || uid == "" {
		held = append(held, "Uid="+uid)
	}
	if len(held) > 0 {
		p.OK, p.Detail = false, strings.Join(held, " ")
	}
	return p
}

func judgeSockets(seen map[string]string) sandbox.Probe {
	text, looked := seen["sockets"]
	if text == "" {
		return sandbox.Probe{Name: "docker socket", OK: looked, Detail: "absent"}
	}
	return sandbox.Probe{Name: "docker socket", Detail: "present: " + strings.Join(strings.Fields(text), ", ")}
}

// judgeFirst demands that the first process is the deadline, another user's and
// without capabilities.
func judgeFirst(text string) sandbox.Probe {
	p := sandbox.Probe{Name: "deadline", Detail: "the first process is not the deadline"}
	status := fields(text)
	uid, _, _ := strings.Cut(status["Uid"], "\t")
	_, seconds, found := strings.Cut(text, "sh -c "+firstProcess+" ")
	if found && uid == "0" && status["CapEff"] != "" && strings.Trim(status["CapEff"], "0") == "" {
		p.OK, p.Detail = true, "the first process ends all after "+strings.TrimSpace(seconds)+" s and is out of reach"
	}
	return p
}

// judgeLimits compares what the kernel enforces with what was asked for.
func judgeLimits(text string, l sandbox.Limits) sandbox.Probe {
	p := sandbox.Probe{Name: "limits", Detail: strings.Join(strings.Split(text, "\n"), ", ")}
	got := make(map[string][]string)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) > 1 {
			got[f[0]] = f[1:]
		}
	}
	memory := number(got["memory.max"], got["memory.limit_in_bytes"])
	pids := number(got["pids.max"])
	quota := number(got["cpu.max"], got["cpu.cfs_quota_us"])
	p.OK = memory > 0 && memory <= l.Memory && pids > 0 && pids <= l.Pids && quota > 0
	return p
}

// number reads the first value that is there; a limit that is none reads as 0.
func number(values ...[]string) int64 {
	for _, v := range values {
		if len(v) > 0 {
			n, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}
