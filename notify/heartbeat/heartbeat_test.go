package heartbeat

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifeboat/notify"
	"lifeboat/notify/notifytest"
)

const secret = "/pAtHsEcReT"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestABeatIsOneCall(t *testing.T) {
	r := notifytest.NewReceiver(t)
	if err := Beat(t.Context(), r.URL+secret); err != nil {
		t.Fatal(err)
	}
	if got := r.Requests(); len(got) != 1 || got[0].Method != "GET" || got[0].Path != secret {
		t.Errorf("got %v", got)
	}
}

func TestABeatIsTriedAgainWhereThatMayHelp(t *testing.T) {
	short := []time.Duration{time.Millisecond, time.Millisecond}
	tests := []struct {
		name   string
		faults []notifytest.Fault
		calls  int // that were taken
		ok     bool
	}{
		{"a server in trouble", []notifytest.Fault{notifytest.Broken, notifytest.Busy}, 1, true},
		{"a server in trouble for long", []notifytest.Fault{notifytest.Broken, notifytest.Broken, notifytest.Broken}, 0, false},
		{"a lost answer", []notifytest.Fault{notifytest.Lost}, 2, true},
		{"a refusal", []notifytest.Fault{notifytest.Refuse}, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := notifytest.NewReceiver(t)
			for _, f := range test.faults {
				r.Fault(f)
			}
			err := beat(t.Context(), r.URL+secret, short)
			if (err == nil) != test.ok || len(r.Requests()) != test.calls {
				t.Errorf("got %v and %d calls", err, len(r.Requests()))
			}
			if err != nil && strings.Contains(err.Error(), "pAtHsEcReT") {
				t.Errorf("the address is in %q", err)
			}
		})
	}
}

func TestABeatEndsWithItsContext(t *testing.T) {
	r := notifytest.NewReceiver(t)
	r.Fault(notifytest.Hang)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Beat(ctx, r.URL+secret) }()
	<-r.Hung()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

func TestAnAddressThatCannotBeCalledIsRefusedAtOnce(t *testing.T) {
	if err := Beat(t.Context(), "https://hc.example/pAtHsEcReT\x7f"); !errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), "pAtHsEcReT") {
		t.Errorf("got %v", err)
	}
}
