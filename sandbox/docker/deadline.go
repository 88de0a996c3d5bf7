package docker

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/moby/moby/client"
)

// endFirst ends the first process, and with it the sandbox, once the seconds given to it
// are over.
const endFirst = `sleep "$0"; kill -TERM 1`

// EndBy implements sandbox.Sandbox. The time runs inside, beside the first process and as
// the same user, where nothing that commands do can reach it. The deadline of the first
// process stays behind it. A sweep goes by that one: labels cannot be changed.
func (b *Box) EndBy(ctx context.Context, t time.Time) error {
	if err := b.ended(); err != nil {
		return err
	}
	if !t.Before(b.deadline()) {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errSilent)
	defer cancel()
	seconds := strconv.FormatInt(int64(math.Ceil(max(0, time.Until(t).Seconds()))), 10)
	made, err := b.run.cli.ExecCreate(ctx, b.id, client.ExecCreateOptions{
		User: "0:0", WorkingDir: "/", Cmd: []string{"sh", "-c", endFirst, seconds},
	})
	if err == nil {
		_, err = b.run.cli.ExecStart(ctx, made.ID, client.ExecStartOptions{Detach: true})
	}
	if err != nil {
		return fmt.Errorf("bring the deadline of sandbox %s forward: %w", short(b.id), causeOf(ctx, err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = t
	return nil
}

func (b *Box) deadline() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}
