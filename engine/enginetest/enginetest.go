// Package enginetest is what every engine must pass: whole dumps, tried all the way to
// the answers about the restored database, and broken ones, each of which must be
// called what it is. It restores for real and knows no engine by name.
package enginetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// Fixture is an engine and what the suite must know about it.
type Fixture struct {
	Engine engine.Engine
	// Start starts an empty sandbox within Limits that is removed with the test.
	Start  func(t testing.TB, n engine.Needs) sandbox.Sandbox
	Limits sandbox.Limits
	// Dumps are whole dumps of one database in different formats, small ones.
	Dumps []Dump
	// Tables is how many rows each table of it holds, one without any included.
	Tables map[engine.Table]int64
	// Newest names a column of times, NewestAt its newest value.
	Newest   engine.Measure
	NewestAt time.Time
	// Faulty is a whole dump with a statement that its database refuses.
	Faulty Dump
	// Writes are statements that would change the database, Endless is one that does
	// not end by itself.
	Writes  []string
	Endless string
}

// Dump is one dump by name.
type Dump struct {
	Name  string
	Files Files
	// Flips are positions in the largest file where a changed bit has to be noticed, at
	// the latest by asking the restored database. A format without checksums has none;
	// one dump at least must have some.
	Flips []int
}

// Run puts one engine through the suite.
func Run(t *testing.T, f Fixture) {
	if len(f.Dumps) == 0 || len(f.Writes) == 0 || f.Endless == "" || !slices.ContainsFunc(f.Dumps, flippable) {
		t.Fatal("the fixture does not give the suite what it needs")
	}
	t.Run("what is no dump of this engine", func(t *testing.T) { testStrangers(t, f) })
	for _, d := range append(slices.Clone(f.Dumps), f.Faulty) {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			t.Run("inspect", func(t *testing.T) { testInspect(t, f, d) })
			t.Run("needs", func(t *testing.T) { testNeeds(t, f, d) })
			if d.Name == f.Faulty.Name {
				t.Run("restore", func(t *testing.T) { testFaulty(t, f) })
				return
			}
			t.Run("whole", func(t *testing.T) { testWhole(t, f, d) })
			t.Run("cut", func(t *testing.T) { testCut(t, f, d) })
			t.Run("flipped", func(t *testing.T) { testFlipped(t, f, d) })
			t.Run("stream", func(t *testing.T) { testStream(t, f, d) })
		})
	}
}

func flippable(d Dump) bool { return len(d.Flips) > 0 }

// prepare inspects a dump and makes its loader in a sandbox of its own.
func prepare(t testing.TB, f Fixture, d engine.Dump) (engine.Loader, sandbox.Sandbox) {
	t.Helper()
	m, err := f.Engine.Inspect(t.Context(), d)
	if err != nil {
		t.Fatalf("Inspect: %v", err)
	}
	box := f.Start(t, f.Engine.Needs(m))
	return f.Engine.Prepare(box, m, engine.Options{Limits: f.Limits, Progress: func(engine.Progress) {}}), box
}

// receive inspects and receives a dump without a server. What it returns is nil when
// the head alone was enough to refuse it.
func receive(t testing.TB, f Fixture, d engine.Dump) (*engine.Received, error) {
	t.Helper()
	m, err := f.Engine.Inspect(t.Context(), d)
	if err != nil {
		return nil, err
	}
	l := f.Engine.Prepare(f.Start(t, f.Engine.Needs(m)), m, engine.Options{Limits: f.Limits, Progress: func(engine.Progress) {}})
	got, err := l.Receive(t.Context(), d)
	return &got, err
}

// load takes a dump as far as it goes: the first two steps at once, as a drill does.
func load(t testing.TB, f Fixture, d engine.Dump) (engine.Received, engine.Restored, sandbox.Sandbox, error) {
	t.Helper()
	l, box := prepare(t, f, d)
	booted := make(chan error, 1)
	go func() { booted <- l.Boot(t.Context()) }()
	got, err := l.Receive(t.Context(), d)
	if bootErr := <-booted; bootErr != nil {
		t.Fatalf("Boot: %v", bootErr)
	}
	if err != nil {
		return got, engine.Restored{}, box, err
	}
	restored, err := l.Restore(t.Context(), got)
	if err == nil {
		t.Cleanup(func() {
			if err := restored.DB.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	return got, restored, box, err
}

// isBroken reports whether err says that a dump of this engine is not whole.
func isBroken(err error) bool {
	return errors.Is(err, engine.ErrTruncated) || errors.Is(err, engine.ErrCorrupt)
}

// isFact reports whether err is an answer about the backup at all.
func isFact(err error) bool {
	return isBroken(err) || errors.Is(err, engine.ErrNotBackup) || errors.Is(err, engine.ErrFormat)
}
