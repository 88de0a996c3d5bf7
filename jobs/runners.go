package jobs

import (
	"context"
	"sync"
	"time"

	"lifeboat/sandbox"
)

// seekPace is how often runners that were not there are looked for again.
const seekPace = time.Minute

// runners guards Servers and NoServers once the pipeline is in use.
type runners struct {
	mu     sync.Mutex
	sought time.Time // by the clock of this machine
	silent troubles  // of those that were there and do not answer now
}

// servers are the runners for engines with a server, and why others are not to be had.
func (p *Pipeline) servers() ([]sandbox.Runner, error) {
	p.runners.mu.Lock()
	defer p.runners.mu.Unlock()
	return p.Servers, p.NoServers
}

// all are all runners.
func (p *Pipeline) all() []sandbox.Runner {
	servers, _ := p.servers()
	return append([]sandbox.Runner{p.Local}, servers...)
}

// seek looks again for runners that were not there, such as a Docker that started after
// Lifeboat did. It is called from one goroutine at a time.
func (p *Pipeline) seek(ctx context.Context) {
	now := p.machine()
	p.runners.mu.Lock()
	due := p.FindServers != nil && p.NoServers != nil && now.Sub(p.runners.sought) >= seekPace
	if due {
		p.runners.sought = now
	}
	before := len(p.Servers)
	p.runners.mu.Unlock()
	if !due {
		return
	}
	found, missing := p.FindServers(ctx)
	p.runners.mu.Lock()
	p.Servers, p.NoServers = found, missing
	p.runners.mu.Unlock()
	if len(found) > before {
		p.Log.InfoContext(ctx, "a runner of sandboxes is there now", "runners", len(found))
	}
}
