package access

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits of guessing. A person who mistypes never meets them.
const (
	addressBurst = 10              // wrong secrets at once from one address
	addressEvery = 6 * time.Second // then one each
	overallBurst = 200             // from everywhere together
	overallEvery = 100 * time.Millisecond
	goodMax      = 1024 // tokens remembered as good
	addressesMax = 4096 // remembered; the least recently seen is forgotten
)

// limiter counts wrong secrets by the address they come from and in all. An attempt is
// paid for before it is judged and given back when it was right, so that many at once
// cannot slip through.
type limiter struct {
	mu      sync.Mutex
	overall bucket
	each    map[string]*bucket
	// good are hashes of tokens that were right before. Guesses from the same address,
	// which may be a proxy that all share, do not shut their holders out.
	good map[string]bool
}

// bucket holds what is spent; it drains as time goes by.
type bucket struct {
	spent float64
	at    time.Time
}

// take spends one from b and reports how long to wait when there is none.
func (b *bucket) take(burst float64, every time.Duration, now time.Time) time.Duration {
	if now.After(b.at) {
		b.spent = max(0, b.spent-float64(now.Sub(b.at))/float64(every))
		b.at = now
	}
	if over := b.spent + 1 - burst; over > 0 {
		return max(time.Duration(over*float64(every)), time.Millisecond)
	}
	b.spent++
	return 0
}

func (b *bucket) giveBack() { b.spent = max(0, b.spent-1) }

// try pays for one attempt of an address with the token of a hash. It returns how long to
// wait when it may not be made; otherwise right is to be called when the token is not a
// wrong one, and told whether it is known to be a good one.
func (l *limiter) try(address, hash string, now time.Time) (wait time.Duration, right func(good bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good[hash] {
		return 0, func(bool) {}
	}
	b := l.each[address]
	if b == nil {
		l.forget()
		b = &bucket{at: now}
		l.each[address] = b
	}
	if wait := b.take(addressBurst, addressEvery, now); wait > 0 {
		return wait, nil
	}
	if wait := l.overall.take(overallBurst, overallEvery, now); wait > 0 {
		b.giveBack()
		return wait, nil
	}
	return 0, func(good bool) {
		if good {
			l.remember(hash)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		b.giveBack()
		l.overall.giveBack()
	}
}

// remember keeps the hash of a good token, and lets go of any other where there are too many.
func (l *limiter) remember(hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.good == nil {
		l.good = make(map[string]bool)
	}
	for other := range l.good {
		if len(l.good) < goodMax {
			break
		}
		delete(l.good, other)
	}
	l.good[hash] = true
}

// drop forgets a token that is not good any more.
func (l *limiter) drop(hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.good, hash)
}

// forget makes room for one more address.
func (l *limiter) forget() {
	if l.each == nil {
		l.each = make(map[string]*bucket)
	}
	if len(l.each) < addressesMax {
		return
	}
	var oldest string
	var at time.Time
	for a, b := range l.each {
		if oldest == "" || b.at.Before(at) {
			oldest, at = a, b.at
		}
	}
	delete(l.each, oldest)
}

// client is what is counted as one address: the network of a customer for IPv6, which
// has more addresses than anybody could remember. What proxies claim is not believed.
func client(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
