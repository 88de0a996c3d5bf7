package access

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// known reports whether a Host header names this machine, or one of the names it was
// given. Every name that somebody else's DNS could point here is a stranger.
func (g *Guard) known(host string) bool {
	name := strings.ToLower(hostname(host))
	if name == "localhost" || slices.Contains(g.Hosts, name) {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// hostname is a host without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
