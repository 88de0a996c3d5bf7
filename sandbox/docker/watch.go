package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lifeboat/sandbox"
)

// How the watch goes about it.
const (
	watchPace     = time.Second
	watchPaceMax  = 5 * time.Second
	watchShare    = 20               // a round may cost one part in so many of the time
	watchStall    = 5 * time.Second  // no answer for so long is no watch,
	watchStallMax = time.Minute      // or longer where earlier rounds took long
	watchTries    = 3                // restarts in a row before the sandbox is stopped
	deadlineGrace = 3 * time.Second  // for the container to end by itself
	fuseTime      = 2 * time.Second  // for the guard to end the sandbox
	bootTimeout   = 30 * time.Second // from started container to first readings
)

// A gauge is a loop of shell inside the sandbox that answers each line of input
// with its readings, one "name value..." a line, and the line "end".
type gauge struct {
	name   string
	user   string
	script string
	args   []string
}

// guard reads what the kernel accounts for the container, as root without
// capabilities, so that nothing of the sandbox's user can stop or deceive it. Only
// its last reading takes a process of its own: the others must still come when the
// sandbox has used up all it may have.
func (b *Box) guard() gauge {
	return gauge{name: "guard", user: "0:0", args: []string{volumePath}, script: `
cd /sys/fs/cgroup || exit 1
while read -r n; do
	[ "$n" ] && kill -TERM 1 && exit
	for f in memory.current memory.stat memory.events memory.max cpu.stat cpu.max pids.current pids.events pids.max \
		memory/memory.usage_in_bytes memory/memory.stat memory/memory.oom_control memory/memory.limit_in_bytes \
		cpuacct/cpuacct.usage pids/pids.current pids/pids.events pids/pids.max; do
		[ -r "$f" ] && while read -r k v; do echo "${f##*/} $k $v"; done <"$f"
	done
	stat -f -c 'free %a %S' "$0" || exit 1
	stat -f -c 'total %b %S' "$0" || exit 1
	echo end
done`}
}

// meter measures the volume. Without capabilities only the files' own user can look
// into all of them, so it runs as that user. What it can be deceived about is
// bounded: one file by its size limit, all of them by the guard's look at the free
// space of the disk below. Deleted files that are still open count.
func (b *Box) meter() gauge {
	return gauge{name: "meter", user: b.spec.User, args: []string{volumePath, workDir}, script: `
until [ -d "$1" ] || mkdir -m 700 "$1" 2>/dev/null; do sleep 0.05; done
dev=$(stat -c %D "$0") || exit 1
exec 3>&1
while read -r n; do
	hidden=$(LC_ALL=C du -sk "$0" 2>&1 >&3 | grep -c -F 'Permission denied')
	stat -L -c '%h %D:%i %b' /proc/[0-9]*/fd/* 2>/dev/null | grep "^0 $dev:"
	echo "hidden $hidden"
	echo end
done`}
}

// probe is a gauge at work, or one that failed to start.
type probe struct {
	*stream
	lines  *bufio.Reader
	free   func() bool
	failed error
}

// openGauge starts a gauge. It ends with the sandbox.
func (b *Box) openGauge(ctx context.Context, g gauge) (*probe, error) {
	s, err := b.open(ctx, openOptions{
		user: g.user, dir: "/", stdin: true,
		args: append([]string{"sh", "-c", g.script}, g.args...),
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", g.name, err)
	}
	c := &conn{stream: s}
	p := &probe{stream: s, lines: bufio.NewReader(c)}
	if g.user == b.spec.User {
		p.free = context.AfterFunc(b.life, s.Close)
		return p, nil
	}
	b.mu.Lock()
	b.fuse = c
	b.mu.Unlock()
	p.free = func() bool { return true } // the guard's loop closes it, once the guard was told to end
	return p, nil
}

// blow has the guard end the sandbox from inside, and waits a moment for that. The
// daemon is asked to remove it anyway, but takes no orders for a container in which
// somebody halts the processes it is about to start.
func (b *Box) blow() {
	b.mu.Lock()
	guard := b.fuse
	b.fuse = nil
	b.mu.Unlock()
	if guard == nil || guard.SetDeadline(time.Now().Add(fuseTime)) != nil {
		return
	}
	if _, err := guard.Write([]byte("end\n")); err != nil {
		return // the guard is gone already
	}
	_, _ = io.Copy(io.Discard, guard) // ends with the guard; closing before that could swallow the order
}

func (p *probe) Close() {
	if p.failed != nil {
		return
	}
	p.free()
	p.stream.Close()
}

// ask returns one round of readings. What came before an error is returned with it.
func (p *probe) ask(patience time.Duration) (readings, error) {
	if p.failed != nil {
		return nil, p.failed
	}
	if err := p.Conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := p.Conn.Write([]byte("\n")); err != nil {
		return nil, err
	}
	r := make(readings)
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimSpace(line)
		if line == "end" {
			return r, nil
		}
		r.add(line)
	}
}

// watch begins to watch the limits and returns once every one of them has been read.
func (b *Box) watch(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTimeout,
		fmt.Errorf("sandbox was not ready within %s", bootTimeout))
	defer cancel()
	gauges := []gauge{b.guard(), b.meter()}
	errs := make([]error, len(gauges))
	probes := make([]*probe, len(gauges))
	done := make(chan int, len(gauges))
	for i, g := range gauges {
		go func() {
			probes[i], errs[i] = b.firstRound(ctx, g)
			done <- i
		}()
	}
	for range gauges {
		<-done
	}
	if err := errors.Join(errs...); err != nil {
		for _, p := range probes {
			if p != nil {
				p.Close()
			}
		}
		return causeOf(ctx, err)
	}
	for i, g := range gauges {
		round := make(chan chan<- struct{})
		b.rounds = append(b.rounds, round)
		b.watcher.Go(func() { b.keep(g, probes[i], round) })
	}
	return nil
}

// settle returns once every gauge was read anew or the sandbox ended: a command that
// fails may have failed at a limit nobody has noticed yet.
func (b *Box) settle(ctx context.Context) {
	for _, round := range b.rounds {
		done := make(chan struct{}, 1)
		select {
		case round <- done:
		case <-b.life.Done():
			return
		case <-ctx.Done():
			return
		}
		select {
		case <-done:
		case <-b.life.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// firstRound starts a gauge and demands that its readings are whole.
func (b *Box) firstRound(ctx context.Context, g gauge) (*probe, error) {
	p, err := b.openGauge(ctx, g)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, p.Close)
	defer stop()
	r, err := p.ask(bootTimeout)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("watch the limits (%s): %w", g.name, err)
	}
	err = r.whole(g.name)
	if err == nil {
		err = b.note(r)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// keep asks one gauge round after round, sooner when asked to, and starts it anew when
// it breaks, for as long as the sandbox lives. A sandbox that can no longer be
// watched is stopped.
func (b *Box) keep(g gauge, p *probe, round <-chan chan<- struct{}) {
	pace := time.NewTimer(watchPace)
	defer pace.Stop()
	defer func() { p.Close() }()
	var waiting []chan<- struct{}
	patience, broken := watchStall, 0
	for {
		select {
		case <-pace.C:
		case done := <-round:
			waiting = append(waiting, done)
		case <-b.life.Done():
			return
		}
		began := time.Now()
		r, err := p.ask(patience)
		if reason := b.note(r); reason != nil {
			b.stop(reason)
			return
		}
		if err == nil {
			broken = 0
			for _, done := range waiting {
				done <- struct{}{}
			}
			waiting = nil
			cost := watchShare * time.Since(began)
			patience = min(max(patience, cost), watchStallMax)
			pace.Reset(min(max(cost, watchPace), watchPaceMax))
		} else {
			p.Close()
			broken++
			next, reason := b.reopen(g, broken, err)
			if reason != nil {
				b.stop(reason)
				return
			}
			p = next
			pace.Reset(watchPace / 4)
		}
		if time.Now().After(b.deadline().Add(deadlineGrace)) {
			b.stop(sandbox.ErrDeadline)
			return
		}
	}
}

// reopen starts a broken gauge anew, or returns why the sandbox must end. A gauge
// that did not start counts as broken again in its next round.
func (b *Box) reopen(g gauge, broken int, cause error) (*probe, error) {
	if reason := b.end(time.Now()); reason != nil {
		return nil, reason
	}
	if broken > watchTries {
		return nil, fmt.Errorf("%w: its limits can no longer be watched (%s): %w", sandbox.ErrGone, g.name, cause)
	}
	ctx, cancel := context.WithTimeoutCause(b.life, connectTimeout, errSilent)
	defer cancel()
	p, err := b.openGauge(ctx, g)
	if err != nil {
		return &probe{failed: err}, nil
	}
	return p, nil
}
