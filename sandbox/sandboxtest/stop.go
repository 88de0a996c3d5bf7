package sandboxtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"lifeboat/sandbox"
)

func testStart(t *testing.T, f Fixture) {
	for name, forget := range map[string]func(*sandbox.Spec){
		"cpus":         func(s *sandbox.Spec) { s.Limits.CPUs = 0 },
		"memory":       func(s *sandbox.Spec) { s.Limits.Memory = 0 },
		"disk":         func(s *sandbox.Spec) { s.Limits.Disk = 0 },
		"pids":         func(s *sandbox.Spec) { s.Limits.Pids = 0 },
		"deadline":     func(s *sandbox.Spec) { s.Deadline = time.Time{} },
		"installation": func(s *sandbox.Spec) { s.Owner.Installation = "" },
		"instance":     func(s *sandbox.Spec) { s.Owner.Instance = "" },
		"drill":        func(s *sandbox.Spec) { s.Owner.Drill = "" },
	} {
		t.Run("without "+name+" nothing starts", func(t *testing.T) {
			s := f.Spec
			forget(&s)
			refused(t, f, s)
		})
	}
	t.Run("a deadline that passed is refused", func(t *testing.T) {
		s := f.Spec
		s.Deadline = time.Now().Add(-time.Second)
		refused(t, f, s)
	})
	t.Run("a cancelled start leaves nothing", func(t *testing.T) {
		for _, after := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			box, err := f.Runner.Start(ctx, f.Spec)
			cancel()
			if err == nil { // it was quicker
				if err := box.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		nothingLeft(t, f)
	})
	t.Run("a sandbox outlives the context of its start and says what it is", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		box, err := f.Runner.Start(ctx, f.Spec)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close(t.Context())
		if !f.NoCommands {
			if out, code := shell(t, box, "echo alive"); code != 0 || out != "alive" {
				t.Errorf("got %q, exit %d", out, code)
			}
		}
		if d := box.Describe(); d.Runner != f.Runner.Name() || d.ID == "" {
			t.Errorf("Describe() = %+v", d)
		}
		room, err := f.Runner.Room(t.Context())
		if err != nil || room.CPUs <= 0 || room.Memory <= 0 || room.FreeMemory > room.Memory || room.FreeDisk > room.Disk {
			t.Errorf("Room() = %+v, %v", room, err)
		}
	})
}

// refused demands that s is not started, and that nothing comes of it.
func refused(t *testing.T, f Fixture, s sandbox.Spec) {
	t.Helper()
	box, err := f.Runner.Start(t.Context(), s)
	if err == nil {
		box.Close(t.Context())
		t.Fatal("it was started")
	}
	nothingLeft(t, f)
}

func testIsolation(t *testing.T, f Fixture) {
	box := start(t, f, nil)
	for range 2 { // anew at each call
		iso, err := box.Isolation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !iso.Isolated || len(iso.Probes) == 0 {
			t.Errorf("isolated %t with %d probes", iso.Isolated, len(iso.Probes))
		}
		for _, p := range iso.Probes {
			if !p.OK || p.Name == "" || p.Detail == "" {
				t.Errorf("probe %+v", p)
			}
		}
	}
}

func testClose(t *testing.T, f Fixture) {
	t.Run("twice, also when its context has ended", func(t *testing.T) {
		box := start(t, f, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 {
			if err := box.Close(ctx); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
		nothingLeft(t, f)
		if _, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"true"}}); err == nil {
			t.Error("a command ran after Close")
		}
		if err := box.Err(); err != nil {
			t.Errorf("Err() = %v, but it did not stop by itself", err)
		}
	})
	t.Run("while commands run", func(t *testing.T) {
		if f.NoCommands {
			return
		}
		box := start(t, f, nil)
		var all sync.WaitGroup
		started := make(chan struct{}, 3)
		for range 3 {
			all.Go(func() {
				begun := writerFunc(func(p []byte) (int, error) { started <- struct{}{}; return len(p), nil })
				code, err := box.Exec(t.Context(), sandbox.Cmd{Args: []string{"sh", "-c", "echo; exec sleep 600"}, Stdout: begun})
				if err == nil && code == 0 {
					t.Error("a command whose sandbox was removed reported success")
				}
			})
		}
		for range 3 {
			<-started
		}
		if err := box.Close(t.Context()); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	t.Run("several at once", func(t *testing.T) {
		box := start(t, f, nil)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := box.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func testSweep(t *testing.T, f Fixture) {
	begin := func(drill, instance string, keep bool, life time.Duration) {
		start(t, f, func(s *sandbox.Spec) {
			s.Owner.Drill, s.Owner.Instance, s.Keep = drill, instance, keep
			s.Deadline = time.Now().Add(life)
		})
	}
	begin("of the dead", "dead", false, time.Hour)
	begin("kept of the dead", "dead", true, time.Hour)
	begin("of the living", "alive", false, time.Hour)
	begin("overdue", "alive", true, 10*time.Minute)
	other := start(t, f, func(s *sandbox.Spec) { s.Owner.Installation += "-other"; s.Owner.Instance = "dead" })

	q := sandbox.SweepQuery{
		Installation: f.Spec.Owner.Installation,
		Now:          time.Now().Add(20 * time.Minute),
		Alive:        func(instance string) bool { return instance == "alive" },
	}
	var mu sync.Mutex
	var swept []string
	var all sync.WaitGroup
	for range 2 { // two at once do not trip over each other
		all.Go(func() {
			drills, err := f.Runner.Sweep(t.Context(), q)
			if err != nil {
				t.Errorf("Sweep: %v", err)
			}
			mu.Lock()
			swept = append(swept, drills...)
			mu.Unlock()
		})
	}
	all.Wait()
	slices.Sort(swept)
	if got, want := slices.Compact(swept), []string{"of the dead", "overdue"}; !slices.Equal(got, want) {
		t.Errorf("swept %q, want %q", got, want)
	}
	left, err := f.Left(t.Context(), f.Spec.Owner.Installation)
	if err != nil || len(left) == 0 {
		t.Errorf("left %q, %v; the living and the kept must be", left, err)
	}
	if _, err := other.Isolation(t.Context()); err != nil {
		t.Errorf("another installation's sandbox was swept: %v", err)
	}
	again, err := f.Runner.Sweep(t.Context(), q)
	if err != nil || len(again) != 0 {
		t.Errorf("second sweep = %q, %v", again, err)
	}
}

// expect demands an error of a kind.
func expect(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
