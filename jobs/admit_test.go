package jobs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"lifeboat/sandbox"
)

// host is a runner of which only the room is asked.
type host struct {
	sandbox.Runner
	room sandbox.Room
}

func (h *host) Name() string                               { return "docker" }
func (h *host) Room(context.Context) (sandbox.Room, error) { return h.room, nil }
func gib(n int64) int64                                    { return n << 30 }
func ask(cpus float64, memory, disk int64) room            { return room{1, cpus, gib(memory), gib(disk)} }
func mute(string)                                          {}
func newHost() *host {
	return &host{room: sandbox.Room{CPUs: 2, Memory: gib(8), FreeDisk: gib(100)}}
}

func TestAdmissionWaitsWithAReasonUntilRoomIsGivenBack(t *testing.T) {
	tests := []struct {
		name          string
		first, second room
		why           string
	}{
		{"processors", ask(2, 1, 1), ask(1, 1, 1), "needs 1 CPUs, 0 free"},
		{"memory", ask(1, 6, 1), ask(1, 4, 1), "needs 4.00 GiB of memory, 2.00 GiB free"},
		{"disk", ask(1, 1, 88), ask(1, 1, 40), "needs 40.0 GiB of disk, 12.0 GiB free"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a admission
				h := newHost()
				release, err := a.take(t.Context(), h, tt.first, h.room, 0, mute)
				if err != nil {
					t.Fatal(err)
				}
				var said []string
				admitted := make(chan error, 1)
				go func() {
					again, err := a.take(t.Context(), h, tt.second, h.room, 0, func(why string) { said = append(said, why) })
					if err == nil {
						again()
					}
					admitted <- err
				}()
				synctest.Wait()
				if len(said) == 0 || !strings.Contains(said[0], tt.why) {
					t.Fatalf("while waiting it said %q, want %q", said, tt.why)
				}
				release()
				if err := <-admitted; err != nil {
					t.Errorf("after room was given back: %v", err)
				}
			})
		})
	}
}

func TestAdmissionRefusesWhatNoWaitingWouldHelp(t *testing.T) {
	var a admission
	_, err := a.take(t.Context(), newHost(), ask(1, 1, 400), newHost().room, 0, mute)
	if !errors.Is(err, sandbox.ErrOutOfRoom) {
		t.Errorf("400 GiB on a host with 100 GiB: %v, want ErrOutOfRoom", err)
	}
}

func TestAdmissionStopsWaitingWhenTheDrillIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a admission
		h := newHost()
		if _, err := a.take(t.Context(), h, ask(2, 1, 1), h.room, 0, mute); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := a.take(ctx, h, ask(2, 1, 1), h.room, 0, mute)
			done <- err
		}()
		synctest.Wait()
		cancel(ErrInterrupted)
		if err := <-done; !errors.Is(err, ErrInterrupted) {
			t.Errorf("cancelled wait = %v, want ErrInterrupted", err)
		}
	})
}

func TestRoomGivenBackTwiceCountsOnce(t *testing.T) {
	var a admission
	h := newHost()
	release, err := a.take(t.Context(), h, ask(1, 1, 1), h.room, 0, mute)
	if err != nil {
		t.Fatal(err)
	}
	release()
	release()
	if got := a.taken[h]; got != (room{}) {
		t.Errorf("taken after release = %+v, want nothing", got)
	}
}
