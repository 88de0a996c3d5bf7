// Package heartbeat calls an address that somebody else watches, such as one of
// healthchecks.io: when calls stop coming, that service raises the alarm. It says that
// Lifeboat works, and carries no alert.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lifeboat/notify"
	"lifeboat/notify/internal/wire"
)

// timeout of one attempt.
const timeout = 10 * time.Second

// pauses before the second and the third attempt.
var pauses = []time.Duration{2 * time.Second, 5 * time.Second}

// Beat calls an address with GET, and tries twice more where that may help. The address is
// a credential: no error holds it.
func Beat(ctx context.Context, address string) error { return beat(ctx, address, pauses) }

func beat(ctx context.Context, address string, pauses []time.Duration) error {
	client := wire.Client{Timeout: timeout, Secrets: []wire.Secret{wire.Hide(address)}}
	for attempt := 0; ; attempt++ {
		err := once(ctx, client, address)
		if err == nil {
			return nil
		}
		if errors.Is(err, notify.ErrRefused) || attempt == len(pauses) || ctx.Err() != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
		pause := time.NewTimer(pauses[attempt])
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("heartbeat: %w", err)
		case <-pause.C:
		}
	}
}

func once(ctx context.Context, client wire.Client, address string) error {
	req, err := wire.NewRequest(ctx, http.MethodGet, address, "", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return client.Check(resp)
}
