//go:build linux

package process

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lifeboat/sandbox"
)

// good is what the probe prints in a sandbox that holds.
const good = `
== interfaces
Inter-|   Receive
 face |bytes
    lo:       0
== status
Uid:	7	7	7	7
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
CapAmb:	0000000000000000
NoNewPrivs:	1
== mounts
sandbox / tmpfs ro,nosuid 0 0
/dev/vda /usr ext4 ro,nosuid 0 0
devtmpfs /dev/null devtmpfs rw 0 0
/dev/vda /sandbox ext4 rw,nosuid 0 0
== spaces
net net:[1]
pid pid:[2]
== host

== write

== namespaces
refused
== reach
bash: connect: Network is unreachable
refused, exit 1
`

var lifeboatSpaces = map[string]string{"net": "net:[8]", "pid": "pid:[9]"}

func TestJudgeFindsEveryHole(t *testing.T) {
	if iso := judge(good, true, lifeboatSpaces); !iso.Isolated {
		t.Errorf("a sandbox that holds was judged %+v", iso)
	}
	for probe, hole := range map[string][2]string{
		"network interfaces":      {"    lo:       0", "    lo:  0\n  eth0: 0"},
		"capabilities":            {"CapEff:	0000000000000000", "CapEff:	0000000000000001"},
		"host mounts":             {"/usr ext4 ro", "/usr ext4 rw"},
		"other processes":         {"pid:[2]", "pid:[9]"},
		"host files":              {"== host\n", "== host\n/etc/shadow"},
		"writing elsewhere":       {"== write\n", "== write\n/usr"},
		"further user namespaces": {"refused\n==", "granted\n=="},
		"reach out":               {"refused, exit 1", "connected"},
	} {
		iso := judge(strings.Replace(good, hole[0], hole[1], 1), true, lifeboatSpaces)
		if iso.Isolated || !bad(iso, probe) {
			t.Errorf("%q instead of %q was judged %+v", hole[1], hole[0], iso)
		}
	}
	for _, change := range [][2]string{{"NoNewPrivs:	1", "NoNewPrivs:	0"}, {"Uid:	7", "Uid:	0"}} {
		if iso := judge(strings.Replace(good, change[0], change[1], 1), true, lifeboatSpaces); !bad(iso, "capabilities") {
			t.Errorf("%q was judged %+v", change[1], iso)
		}
	}
	full := strings.Replace(good, "CapBnd:	0000000000000000", "CapBnd:	00000000000000ff", 1)
	if iso := judge(full, false, lifeboatSpaces); !bad(iso, "capabilities") {
		t.Error("a bounding set left full by root was not found")
	}
	if iso := judge("", true, lifeboatSpaces); iso.Isolated || slices.ContainsFunc(iso.Probes, func(p sandbox.Probe) bool { return p.OK }) {
		t.Errorf("silence was judged %+v", iso)
	}
}

func bad(iso sandbox.Isolation, probe string) bool {
	return slices.ContainsFunc(iso.Probes, func(p sandbox.Probe) bool { return p.Name == probe && !p.OK })
}

func TestServerIsTheExactVersionOrTheNextNewer(t *testing.T) {
	all := []server{{bin: "/a", major: 13}, {bin: "/b", major: 15}, {bin: "/c", major: 17}}
	for wanted, bin := range map[int]string{13: "/a", 14: "/b", 15: "/b", 16: "/c", 0: "/c", 9: "/a"} {
		if got, err := choose("postgres", wanted, all); err != nil || got.bin != bin {
			t.Errorf("choose(%d) = %v, %v; want %s", wanted, got, err, bin)
		}
	}
	_, err := choose("postgres", 18, all)
	var absent *sandbox.ImageError
	if !errors.As(err, &absent) || absent.Image != "postgres 18 binaries" || errors.Is(err, sandbox.ErrUnavailable) {
		t.Errorf("too new: %v", err)
	}
	if _, err = choose("postgres", 15, nil); !errors.Is(err, sandbox.ErrUnavailable) || !errors.Is(err, sandbox.ErrImageAbsent) {
		t.Errorf("none installed: %v", err)
	}
}

func TestVersionLineOfEveryDistribution(t *testing.T) {
	for line, want := range map[string]server{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {major: 15, version: "PostgreSQL 15.18"},
		"postgres (PostgreSQL) 17.2\n":                           {major: 17, version: "PostgreSQL 17.2"},
		"postgres (PostgreSQL) 18beta1\n":                        {major: 18, version: "PostgreSQL 18beta1"},
	} {
		if got, ok := parseVersion(line); !ok || got != want {
			t.Errorf("parseVersion(%q) = %+v, %v", line, got, ok)
		}
	}
	if _, ok := parseVersion("command not found"); ok {
		t.Error("an error text was taken for a version")
	}
}

func TestPrefixIsBoundOnlyWhereItIsNotShownAnyway(t *testing.T) {
	for bin, want := range map[string]string{
		"/usr/lib/postgresql/15/bin": "", "/opt/pg/bin": "/opt/pg", "/usr/local/pgsql/bin": "/usr/local/pgsql", "": "",
	} {
		if got := (server{bin: bin}).prefix(); got != want {
			t.Errorf("prefix of %q = %q, want %q", bin, got, want)
		}
	}
}

func TestKernelThatRefusesNamespacesIsNoted(t *testing.T) {
	real, err := findTools()
	if err != nil {
		t.Fatal(err)
	}
	real.unshare = "/bin/false"
	for _, root := range []bool{true, false} {
		if err := real.tryNamespaces(root); err == nil || !strings.Contains(err.Error(), "use Docker") {
			t.Errorf("root %v: %v, want what to do", root, err)
		}
	}
}
