package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

// Found is what a look at a target's newest backup told.
type Found struct {
	Artifact storage.Artifact
	Manifest engine.Manifest
	Needs    engine.Needs
	Layers   []string // of the envelope, outermost first
}

// Look finds the newest backup of a target and reads its head, as the first phases of
// a drill do. It starts nothing and records nothing.
func (p *Pipeline) Look(ctx context.Context, j Job) (Found, error) {
	r := &run{Pipeline: p, job: j, log: p.Log, rep: verify.Report{Target: j.Target.Name, Started: p.Now()}}
	art, err := r.locate(ctx)
	if err != nil {
		return Found{}, err
	}
	eng, man, err := r.inspect(ctx, art)
	if err != nil {
		return Found{Artifact: art}, err
	}
	return Found{Artifact: art, Manifest: man, Needs: eng.Needs(man), Layers: r.rep.Artifact.Layers}, nil
}

// tryTime is how long a sandbox lives that is started only to be probed.
const tryTime = 2 * time.Minute

// TryRunner starts a small sandbox, probes its isolation from inside and removes it.
func (p *Pipeline) TryRunner(ctx context.Context, on sandbox.Runner, needs engine.Needs) (sandbox.Isolation, error) {
	now := p.Now()
	box, err := on.Start(ctx, sandbox.Spec{
		Owner:    sandbox.Owner{Installation: p.Installation, Instance: p.Instance, Drill: p.NewID(now), Target: "doctor"},
		Limits:   sandbox.Limits{CPUs: 0.5, Memory: 256 << 20, Disk: 64 << 20, Pids: 64},
		Deadline: p.machine().Add(tryTime), Image: needs.Image, User: needs.User, Server: needs.Server, Version: needs.Version,
	})
	if err != nil {
		return sandbox.Isolation{}, fmt.Errorf("start sandbox: %w", err)
	}
	iso, err := box.Isolation(ctx)
	closing, cancel := cleanup(ctx, "removing the sandbox")
	defer cancel()
	return iso, errors.Join(err, box.Close(closing))
}
