package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"
)

// serviceOptions say how large the service is and how long it is watched.
type serviceOptions struct {
	targets, drills int
	history         string
	dispatch        time.Duration
	keep            string
}

// Bars of the service besides those of its pages.
const (
	startBar = 10 * time.Second
	lagBar   = time.Second
	idleBar  = 0.05 // of a processor core
)

const idleFor = 65 * time.Second // two rounds of what is done every half a minute

// service measures `lifeboat serve` with very many targets and a long history: in quiet,
// and then at work, while each target is drilled once an hour.
func service(ctx context.Context, binary, dir string, o serviceOptions) ([]row, error) {
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer sink.Close()
	if o.keep != "" {
		dir = o.keep
	}
	c := crowd{dir: dir, history: o.history, sink: sink.URL, targets: o.targets, drills: o.drills}
	if c.history == "" {
		c.history = filepath.Join(dir, "lifeboat.db")
	}
	if _, err := os.Stat(filepath.Join(dir, "backups")); err != nil {
		say("making %d backups and %d drills", o.targets, o.drills)
		if err := c.backups(ctx); err != nil {
			return nil, err
		}
		if err := c.fill(ctx); err != nil {
			return nil, err
		}
	}
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	rows, err := c.quiet(ctx, binary, listen)
	if err != nil {
		return nil, err
	}
	more, err := c.atWork(ctx, binary, listen, o.dispatch)
	return append(rows, more...), err
}

// quiet measures the start of the service, and what it takes while there is little to do.
func (c crowd) quiet(ctx context.Context, binary, listen string) ([]row, error) {
	config, err := c.config(listen, daily)
	if err != nil {
		return nil, err
	}
	const starts = 4
	var ready []time.Duration
	var s *served
	for i := range starts {
		if s != nil {
			if err := s.stop(); err != nil {
				return nil, err
			}
		}
		say("start %d of %d", i+1, starts)
		if s, err = serve(ctx, binary, config, listen, filepath.Join(c.dir, "serve.log")); err != nil {
			return nil, err
		}
		say("  ready after %.2f s", s.ready.Seconds())
		ready = append(ready, s.ready)
	}
	rows, err := s.idleRows(ctx)
	return append([]row{
		{fmt.Sprintf("%d targets, %d drills: first start, to readyz", c.targets, c.drills), "at most 10 s", seconds(ready[0]), ready[0] <= startBar},
		{"the same, later starts", "at most 10 s", seconds(median(ready[1:])), median(ready[1:]) <= startBar},
	}, rows...), errors.Join(err, s.stop())
}

// idleRows are what a service takes whose start is over, while there is little to do.
func (s *served) idleRows(ctx context.Context) ([]row, error) {
	if err := sleep(ctx, 30*time.Second); err != nil { // what is done once is over by then
		return nil, err
	}
	say("idle for %s", idleFor)
	share, err := s.idle(ctx, idleFor)
	if err != nil {
		return nil, err
	}
	now, _, err := s.memory()
	return []row{
		{"processor while there is little to do", "at most 5 % of a core", fmt.Sprintf("%.1f %%", 100*share), share <= idleBar},
		{"memory then", "", fmt.Sprintf("%d MiB", now>>20), true},
	}, err
}

// atWork measures dispatch and then the pages, both while each target is drilled once an
// hour.
func (c crowd) atWork(ctx context.Context, binary, listen string, dispatch time.Duration) ([]row, error) {
	config, err := c.config(listen, hourly)
	if err != nil {
		return nil, err
	}
	s, err := serve(ctx, binary, config, listen, filepath.Join(c.dir, "serve.log"))
	if err != nil {
		return nil, err
	}
	defer s.stop() // where something fails
	rows, err := c.watchDispatch(ctx, s, dispatch)
	if err != nil {
		return nil, err
	}
	ids, cursor, err := s.someDrills(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, p := range c.pages(ids, cursor) {
		r, err := s.measurePage(ctx, p)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	now, peak, err := s.memory()
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{"memory at work, and at its highest", "", fmt.Sprintf("%d and %d MiB", now>>20, peak>>20), true})
	return rows, s.stop()
}

// measurePage is a page in the budget: for one who asks, and then, without a bar, for so many at once
// that they keep all processors busy.
func (s *served) measurePage(ctx context.Context, p page) (row, error) {
	before, err := s.cpu()
	if err != nil {
		return row{}, err
	}
	one, err := s.ask(ctx, p, 1)
	if err != nil {
		return row{}, err
	}
	after, err := s.cpu()
	if err != nil {
		return row{}, err
	}
	p95 := one.at(95)
	r := row{p.name, fmt.Sprintf("p95 below %d ms", p.bar.Milliseconds()),
		fmt.Sprintf("p50 %s, p95 %s, highest %s; %s of processor, %d kB", millis(one.at(50)), millis(p95), millis(one.at(100)),
			millis((after-before)/time.Duration(p.times)), one.bytes>>10), p95 < p.bar}
	if p.pause == 0 {
		many, err := s.ask(ctx, p, crowdOf)
		if err != nil {
			return row{}, err
		}
		r.measured += fmt.Sprintf("; p95 of %d at once %s", crowdOf, millis(many.at(95)))
	}
	say("  %s: %s", r.what, r.measured)
	return r, nil
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// freeAddress is one of this machine that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
