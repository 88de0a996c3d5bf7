package jobs

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

func TestARunnerThatIsGoneIsTold(t *testing.T) {
	w := newWorld(t)
	store, now := w.open(), w.now()
	defer store.Close()
	dir := filepath.Join(t.TempDir(), "boxes")
	said := &strings.Builder{}
	log := slog.New(slog.NewTextHandler(said, nil))
	p := &Pipeline{
		Local: scratch.New(scratch.Config{Dir: dir}), History: store, Log: log, Now: func() time.Time { return now },
		Machine: func() time.Time { return now }, Alive: func(string) bool { return true },
	}
	s := &Service{Pipeline: p, Store: store, Log: log, Now: p.Now}
	conditions := func() []Condition {
		p.sweep(t.Context())
		return s.Conditions(t.Context())
	}
	if list := conditions(); len(list) > 0 {
		t.Errorf("with all well: %+v", list)
	}
	if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil { // nobody can look below it
		t.Fatal(err)
	}
	began := now
	for range 3 {
		list := conditions()
		if len(list) != 1 || list[0].Code != SandboxMissing || !list[0].Since.Equal(began) || !strings.Contains(list[0].Detail, dir) {
			t.Errorf("%s after its folder was gone: %+v", now.Sub(began), list)
		}
		now = now.Add(time.Hour)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if list := conditions(); len(list) > 0 {
		t.Errorf("with all well again: %+v", list)
	}
	if n := strings.Count(said.String(), "level=WARN"); n != 1 || !strings.Contains(said.String(), "again") {
		t.Errorf("the log says this of one trouble:\n%s", said)
	}
}
