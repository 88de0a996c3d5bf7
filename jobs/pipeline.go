package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

// run is one drill under way.
type run struct {
	*Pipeline
	job Job
	id  string
	// again is true for a second look at a backup that failed.
	again bool
	began time.Time // by the clock of this machine
	live  *live     // nil for a mere look, which tells nobody how it goes
	log   *slog.Logger

	rep    verify.Report
	phases phases
	input  verify.Input // filled as the drill goes on
	box    sandbox.Sandbox
	loader engine.Loader
}

// drill is the way of one drill, top to bottom. Its error is either a fact about
// the backup or an accident of ours; conclude tells them apart.
func (r *run) drill(ctx context.Context) error {
	art, err := r.locate(ctx)
	if err != nil {
		return err
	}
	eng, man, err := r.inspect(ctx, art)
	if err != nil {
		return err
	}
	place, err := r.admit(ctx, art, eng.Needs(man))
	if err != nil {
		return err
	}
	defer place.release()

	box, err := r.start(ctx, place, eng.Needs(man))
	if err != nil {
		return err
	}
	defer r.discard(ctx, box)
	ctx, unbind := sandbox.Bind(ctx, box)
	defer unbind()

	r.loader = eng.Prepare(box, man, r.options())
	restored, err := r.load(ctx, art)
	if err != nil {
		return err
	}
	defer r.disconnect(ctx, restored.DB)
	return r.check(ctx, restored)
}

// locate finds the backup to drill and judges what needs no restore.
func (r *run) locate(ctx context.Context) (storage.Artifact, error) {
	defer r.phase(Locate)()
	art, err := r.choose(ctx, r.job.Source)
	if err != nil {
		return storage.Artifact{}, err
	}
	r.input.Artifact = art
	r.rep.Artifact = artifactReport(art)
	r.note("took %s, %s", art.Key, units.Bytes(art.Bytes()))
	return art, nil
}

// inspect reads the head of the dump and finds the engine it belongs to.
func (r *run) inspect(ctx context.Context, art storage.Artifact) (engine.Engine, engine.Manifest, error) {
	defer r.phase(Inspect)()
	head := r.dump(art, nil)
	var unknown, notBackup error = engine.ErrFormat, nil
	for _, eng := range r.Engines {
		if r.job.Target.Engine != "" && r.job.Target.Engine != eng.Name() {
			continue
		}
		man, err := eng.Inspect(ctx, head)
		r.rep.Artifact.Layers = head.layers()
		switch {
		case errors.Is(err, engine.ErrFormat):
			unknown = err
		case errors.Is(err, engine.ErrNotBackup): // to this engine; another may know it
			notBackup = cmp.Or(notBackup, err)
		case err != nil:
			return nil, engine.Manifest{}, fmt.Errorf("inspect %s: %w", art.Key, err)
		default:
			r.rep.Manifest = manifestReport(man)
			r.note("%s %s, of server version %s", man.Engine, man.Format, cmp.Or(man.ServerVersion, "unknown"))
			return eng, man, nil
		}
	}
	return nil, engine.Manifest{}, fmt.Errorf("inspect %s: %w", art.Key, cmp.Or(notBackup, unknown))
}

// start boots the sandbox and proves that it is one.
func (r *run) start(ctx context.Context, place place, needs engine.Needs) (sandbox.Sandbox, error) {
	defer r.phase(Start)()
	box, err := place.runner.Start(ctx, sandbox.Spec{
		Owner:    sandbox.Owner{Installation: r.Installation, Instance: r.Instance, Drill: r.id, Target: r.job.Target.Name},
		Limits:   place.limits,
		Deadline: r.deadline(),
		Keep:     r.job.Keep > 0,
		Image:    place.image,
		User:     needs.User,
		Server:   needs.Server,
		Version:  needs.Version,
	})
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	r.box = box
	r.rep.Sandbox = sandboxReport(box.Describe())
	r.note("sandbox %s %s: %g CPUs, %s of memory, %s of disk", place.runner.Name(), place.image,
		place.limits.CPUs, units.Bytes(place.limits.Memory), units.Bytes(place.limits.Disk))
	return box, nil
}

// deadline is when the sandbox ends whatever happens to the drill.
func (r *run) deadline() time.Time {
	return r.began.Add(r.job.Timeout + cleanupTimeout + r.job.Keep)
}

// load boots the server while the dump already streams in, then restores.
func (r *run) load(ctx context.Context, art storage.Artifact) (engine.Restored, error) {
	sums, err := r.sidecars(ctx, art)
	if err != nil {
		return engine.Restored{}, err
	}
	began := r.Now()
	received, err := r.bootAndReceive(ctx, r.loader, r.dump(art, sums))
	if err != nil {
		return engine.Restored{}, err
	}
	end := r.phase(Load)
	restored, err := r.loader.Restore(ctx, received)
	end()
	if err != nil {
		return engine.Restored{}, fmt.Errorf("restore: %w", err)
	}
	r.input.Restored = restored
	r.input.LoadTime = r.Now().Sub(began)
	r.rep.Restore = restoreReport(restored)
	r.note("restored by %s in %s, exit code %d", restored.Tool, units.Duration(r.input.LoadTime), restored.Exit)
	return restored, nil
}

// bootAndReceive runs both at once, beside the proof of isolation, and stops all
// when one cannot go on.
func (r *run) bootAndReceive(ctx context.Context, l engine.Loader, d *dump) (engine.Received, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	boot := make(chan error, 1)
	go func() {
		defer r.phase(Boot)()
		err := l.Boot(ctx)
		if err != nil {
			err = fmt.Errorf("start server: %w", err)
			cancel(err)
		}
		boot <- err
	}()
	proof := make(chan error, 1)
	go func() { proof <- r.prove(ctx) }()

	received, err := r.receive(ctx, l, d)
	if err != nil {
		cancel(err)
	}
	bootErr, proofErr := <-boot, <-proof
	if isFact(err) { // the backup's own fault outweighs whatever its end stopped
		return engine.Received{}, err
	}
	return received, firstCause(ctx, err, bootErr, proofErr)
}

// receive streams the dump into the sandbox and takes down what was seen of it.
func (r *run) receive(ctx context.Context, l engine.Loader, d *dump) (engine.Received, error) {
	end := r.phase(Fetch)
	received, err := l.Receive(ctx, d)
	// The rest of the stored bytes belongs to the checksum, whatever the dump is worth.
	if endErr := d.finish(ctx, err == nil || isFact(err)); err == nil {
		err = endErr
	}
	r.phases.add(Fetch, d.bytesRead(), rowsOf(received.Census))
	end()
	r.input.SHA256, r.input.Checksums = d.sums()
	r.input.Received = received
	r.rep.Artifact.SHA256 = r.input.SHA256
	r.rep.Artifact.Layers = d.layers()
	if received.Manifest.Engine != "" {
		r.rep.Manifest = manifestReport(received.Manifest)
	}
	r.rep.Manifest.Bytes = received.Bytes
	if err != nil {
		if received.Read != "" {
			err = &partlyReadError{read: received.Read, err: err}
		}
		return received, fmt.Errorf("read %s: %w", r.input.Artifact.Key, err)
	}
	r.note("the dump is whole: %s read, %s counted in it", units.Bytes(d.bytesRead()), units.Counted(rowsOf(received.Census), "row"))
	return received, nil
}

// prove runs the isolation probes. A sandbox that leaks is an accident of ours, and
// nothing is restored in it.
func (r *run) prove(ctx context.Context) error {
	iso, err := r.box.Isolation(ctx)
	if err != nil {
		return fmt.Errorf("probe isolation: %w", err)
	}
	r.rep.Sandbox.Isolated, r.rep.Sandbox.Probes = iso.Isolated, iso.Probes
	if !iso.Isolated {
		return &leakError{iso.Probes}
	}
	r.note("the sandbox holds: %s", units.Counted(int64(len(iso.Probes)), "probe"))
	return nil
}

// cleanupTimeout bounds removing one sandbox; the deadline inside and the next
// sweep come after it.
const cleanupTimeout = 10 * time.Second

// cleanup is a context for tidying up that outlives the cancellation of ctx.
func cleanup(ctx context.Context, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), cleanupTimeout,
		fmt.Errorf("%s took longer than %s", what, cleanupTimeout))
}

// discard removes box even when ctx is already cancelled, after a last look at what
// it used. A failure is logged, not returned: it says nothing about the backup, and
// Sweep tries again.
func (r *run) discard(ctx context.Context, box sandbox.Sandbox) {
	ctx, cancel := cleanup(ctx, "removing the sandbox")
	defer cancel()
	if u, err := box.Usage(ctx); err == nil {
		r.rep.Sandbox.PeakMemory, r.rep.Sandbox.PeakDisk = u.PeakMemory, u.PeakDisk
		r.rep.Sandbox.CPUSeconds = u.CPU.Seconds()
	}
	if r.job.Keep > 0 && box.Err() == nil && r.keep(ctx, box) {
		return
	}
	defer r.phase(Discard)()
	if err := box.Close(ctx); err != nil {
		r.log.ErrorContext(ctx, "sandbox not removed", "error", err)
	}
}

// keep leaves the sandbox to people for the time asked for, and reports whether it
// could. One that could not be told when to end is better removed: it holds a
// production's data.
func (r *run) keep(ctx context.Context, box sandbox.Sandbox) bool {
	until := r.machine().Add(r.job.Keep)
	if last := r.deadline(); until.After(last) {
		until = last
	}
	if err := box.EndBy(ctx, until); err != nil {
		r.log.ErrorContext(ctx, "sandbox not kept", "error", err)
		return false
	}
	r.rep.Sandbox.KeptUntil, r.rep.Sandbox.Enter = &until, box.Describe().Enter
	if run, shell := box.Describe().Run, r.shell(); run != "" && shell != "" {
		r.rep.Sandbox.Enter = run + " " + shell
	}
	return true
}

// shell opens what was restored, empty when nothing was.
func (r *run) shell() string {
	if r.loader == nil {
		return ""
	}
	return r.loader.Shell()
}

// disconnect closes the connections into the sandbox.
func (r *run) disconnect(ctx context.Context, db engine.Database) {
	if db == nil {
		return
	}
	ctx, cancel := cleanup(ctx, "closing the restored database")
	defer cancel()
	if err := db.Close(ctx); err != nil {
		r.log.DebugContext(ctx, "connections not closed cleanly", "error", err)
	}
}

// options passes the limits on and turns the engine's progress into ours.
func (r *run) options() engine.Options {
	return engine.Options{
		Limits:   r.job.Limits,
		Progress: func(p engine.Progress) { r.progress(Phase(p.Step), p.Done, p.Total, p.Unit) },
	}
}
