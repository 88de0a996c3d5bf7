package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// page is one kind of request; path gives its address for the nth.
type page struct {
	name  string
	bar   time.Duration // that 95 of 100 stay below
	path  func(n int) string
	times int           // how often it is asked for, by everybody together
	pause time.Duration // between requests, past what is remembered; then only one asks
}

// Bars of the budget.
const (
	fleetBar   = 50 * time.Millisecond
	pageBar    = 100 * time.Millisecond
	metricsBar = time.Second
)

const (
	askTimes = 200
	crowdOf  = 8 // who ask at once
)

// pages are all there are, each with other arguments at each request.
func (c crowd) pages(drills []string, cursor string) []page {
	fixed := func(path string) func(int) string { return func(int) string { return path } }
	name := func(n int) string { return c.name(n * 7919 % c.targets) }
	drill := func(n int) string { return drills[n%len(drills)] }
	last := c.targets / 50
	list := []page{
		{name: "fleet", bar: fleetBar, path: fixed("/")},
		{name: "fleet, a page in the middle", bar: fleetBar, path: func(n int) string { return "/?page=" + strconv.Itoa(1+n*37%last) }},
		{name: "fleet, last page", bar: fleetBar, path: fixed("/?page=" + strconv.Itoa(last))},
		{name: "fleet, one verdict", bar: fleetBar, path: fixed("/?verdict=passed&page=40")},
		{name: "fleet, searched", bar: fleetBar, path: func(n int) string { return fmt.Sprintf("/?q=%03d", n%1000) }},
		{name: "target", path: func(n int) string { return "/targets/" + name(n) }},
		{name: "target, older drills", path: func(n int) string { return "/targets/" + name(n) + "?before=" + url.QueryEscape(cursor) }},
		{name: "target of 5,000 tables", path: fixed("/targets/" + wide)},
		{name: "strip of a target", path: func(n int) string { return "/targets/" + name(n) + "/strip" }},
		{name: "backups of a target", path: func(n int) string { return "/targets/" + name(n) + "/artifacts" }},
		{name: "drill", path: func(n int) string { return "/drills/" + drill(n) }},
		{name: "drill of 5,000 tables", path: func(n int) string { return "/drills/" + wideDrill(n%wideDrills) }},
		{name: "drill as JSON", path: func(n int) string { return "/drills/" + drill(n) + ".json" }},
		{name: "queue", path: fixed("/queue")},
		{name: "alerts", path: fixed("/alerts")},
		{name: "alerts, deep", path: func(n int) string { return "/alerts?before=" + strconv.Itoa(1+n*97%alerts) }},
		{name: "alerts of one state", path: fixed("/alerts?state=sent")},
		{name: "coverage", path: fixed("/coverage")},
		{name: "badge", path: func(n int) string { return "/badges/" + name(n) + ".svg" }},
		{name: "API targets", path: fixed("/api/v1/targets")},
		{name: "API targets, deep", path: func(n int) string { return "/api/v1/targets?offset=" + strconv.Itoa(n*41%c.targets) }},
		{name: "API target", path: func(n int) string { return "/api/v1/targets/" + name(n) }},
		{name: "API drills", path: fixed("/api/v1/drills")},
		{name: "API drills, deep", path: fixed("/api/v1/drills?cursor=" + url.QueryEscape(cursor))},
		{name: "API drills, two verdicts, deep", path: fixed("/api/v1/drills?verdict=failed&verdict=errored&cursor=" + url.QueryEscape(cursor))},
		{name: "API drills of a target", path: func(n int) string { return "/api/v1/drills?target=" + name(n) }},
		{name: "API report", path: func(n int) string { return "/api/v1/drills/" + drill(n) + "/report" }},
		{name: "API queue", path: fixed("/api/v1/queue")},
		{name: "readyz", path: fixed("/readyz")},
		{name: "metrics", bar: metricsBar, path: fixed("/metrics"), times: 10, pause: 5100 * time.Millisecond},
	}
	for i := range list {
		if list[i].bar == 0 {
			list[i].bar = pageBar
		}
		if list[i].times == 0 {
			list[i].times = askTimes
		}
	}
	return list
}

// latency is how long a page took, sorted.
type latency struct {
	took  []time.Duration
	bytes int
}

func (l latency) at(percent int) time.Duration {
	return l.took[min(len(l.took)-1, len(l.took)*percent/100)]
}

// ask asks for a page as often as it says, by so many at once.
func (s *served) ask(ctx context.Context, p page, clients int) (latency, error) {
	var l latency
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		wg.Go(func() {
			for n := c; n < p.times; n += clients {
				if err := sleep(ctx, p.pause); err != nil {
					errs[c] = err
					return
				}
				took, body, err := s.get(ctx, p.path(n))
				if err != nil {
					errs[c] = err
					return
				}
				mu.Lock()
				l.took, l.bytes = append(l.took, took), max(l.bytes, len(body))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(l.took)
	return l, errors.Join(errs...)
}

// someDrills asks the service for drills of all ages, and a place in the middle of the list.
func (s *served) someDrills(ctx context.Context, c crowd) (ids []string, cursor string, err error) {
	half := max(1, c.drills/c.targets/2)
	for n := range 40 {
		var list struct {
			Drills []struct {
				ID string `json:"id"`
			} `json:"drills"`
			Next string `json:"next"`
		}
		_, body, err := s.get(ctx, fmt.Sprintf("/api/v1/drills?limit=%d&target=%s", half, c.name(n*997%c.targets)))
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		if err != nil {
			return nil, "", err
		}
		for _, d := range list.Drills {
			ids = append(ids, d.ID)
		}
		cursor = list.Next
	}
	if len(ids) == 0 || cursor == "" {
		return nil, "", errors.New("there are not enough drills on record")
	}
	return ids, cursor, nil
}
