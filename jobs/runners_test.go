package jobs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"lifeboat/sandbox"
	"lifeboat/sandbox/scratch"
)

func TestARunnerThatComesUpLaterIsFoundWithinAMinute(t *testing.T) {
	now := time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)
	late := scratch.New(scratch.Config{Dir: t.TempDir()})
	gone := errors.New("docker is not there")
	var up bool
	asked := 0
	p := &Pipeline{
		Local: scratch.New(scratch.Config{Dir: t.TempDir()}), NoServers: gone, Log: slog.New(slog.DiscardHandler),
		Machine: func() time.Time { return now },
		FindServers: func(context.Context) ([]sandbox.Runner, error) {
			asked++
			if !up {
				return nil, gone
			}
			return []sandbox.Runner{late}, nil
		},
	}
	for range 3 {
		p.seek(t.Context())
	}
	if servers, why := p.servers(); asked != 1 || len(servers) != 0 || !errors.Is(why, gone) {
		t.Errorf("after three looks within a minute: asked %d times, %v, %v; want once, and why none is there", asked, servers, why)
	}
	up, now = true, now.Add(seekPace)
	p.seek(t.Context())
	if servers, why := p.servers(); len(servers) != 1 || why != nil || len(p.all()) != 2 {
		t.Errorf("a minute later: %v, %v; want the one that came up", servers, why)
	}
	now = now.Add(time.Hour)
	p.seek(t.Context())
	if asked != 2 {
		t.Errorf("asked %d times although none is missing any more", asked)
	}
}
