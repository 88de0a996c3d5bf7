package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// headLimit is how much more than a small dump its inspection may read.
const headLimit = 1 << 20

// testInspect gives the engine a dump that goes on for ever, if it is one stream; the
// table of contents of a directory has its own end.
func testInspect(t *testing.T, f Fixture, d Dump) {
	endless := &altered{dump: d.Files, alter: func(_ string, r io.Reader) io.Reader {
		if len(d.Files) > 1 {
			return r
		}
		return io.MultiReader(r, io.LimitReader(readFunc(func(p []byte) (int, error) {
			for i := range p {
				p[i] = '\n' // a script may end so
			}
			return len(p), nil
		}), 1<<30))
	}}
	m, err := f.Engine.Inspect(t.Context(), endless)
	if err != nil {
		t.Fatal(err)
	}
	if n := endless.read.Load(); n > d.Files.size()+headLimit {
		t.Errorf("read %d bytes to inspect a dump of %d", n, d.Files.size())
	}
	if n := endless.open.Load(); n != 0 {
		t.Errorf("%d streams were left open", n)
	}
	if m.Engine != f.Engine.Name() || m.Format == "" {
		t.Errorf("it calls itself engine %q, format %q", m.Engine, m.Format)
	}
	again, err := f.Engine.Inspect(t.Context(), d.Files)
	if err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("the second time it finds %+v (%v), at first %+v", again, err, m)
	}
}

// testNeeds asks what a small and a large dump take.
func testNeeds(t *testing.T, f Fixture, d Dump) {
	m, err := f.Engine.Inspect(t.Context(), d.Files)
	if err != nil {
		t.Fatal(err)
	}
	n := f.Engine.Needs(m)
	if (n.Server == "") != (n.Image == "") || n.Server != "" && (n.User == "" || n.Version <= 0) {
		t.Errorf("image %q, user %q, server %q, version %d: they go together", n.Image, n.User, n.Server, n.Version)
	}
	const large = 10 << 30
	if n.Memory(0) <= 0 || n.Memory(large) < n.Memory(0) || n.Disk(large) < large || n.Disk(large) < n.Disk(0) {
		t.Errorf("memory %d to %d, disk %d to %d: too little for what the dump holds",
			n.Memory(0), n.Memory(large), n.Disk(0), n.Disk(large))
	}
}

// testWhole takes a whole dump all the way and asks the database everything.
func testWhole(t *testing.T, f Fixture, d Dump) {
	got, restored, box, err := load(t, f, d.Files)
	if err != nil {
		t.Fatal(err)
	}
	if got.Read != "" || got.Bytes != d.Files.size() {
		t.Errorf("received %d of %d bytes, with the remark %q", got.Bytes, d.Files.size(), got.Read)
	}
	census := make(map[engine.Table]int64)
	for _, c := range got.Census.Tables {
		census[c.Table] = c.Rows
	}
	for table, want := range f.Tables {
		if n, ok := census[table]; !ok || n != want {
			t.Errorf("census of %s is %d (%v), want %d", table, n, ok, want)
		}
	}
	for _, e := range restored.Errors {
		if e.Class != engine.Harmless {
			t.Errorf("error of the restore: %+v", e)
		}
	}
	if restored.Tool == "" {
		t.Error("it does not say what restored it")
	}
	db := restored.DB
	// The questions are asked at once, as the checks of a drill do.
	t.Run("questions", func(t *testing.T) {
		for name, ask := range map[string]func(*testing.T){
			"count":     func(t *testing.T) { testCount(t, f, db) },
			"measure":   func(t *testing.T) { testMeasure(t, f, db) },
			"inventory": func(t *testing.T) { testInventory(t, got.Manifest, db) },
			"soundness": func(t *testing.T) { testSoundness(t, db) },
			"query":     func(t *testing.T) { testQuery(t, f, db) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ask(t)
			})
		}
	})
	testCount(t, f, db) // nothing that was asked has changed anything
	testClose(t, db, box)
}

// testCount wants the exact rows of every table.
func testCount(t *testing.T, f Fixture, db engine.Database) {
	measured, err := db.Measure(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[engine.Table]int64)
	for _, m := range measured {
		if m.Err != nil {
			t.Errorf("%s: %v", m.Table, m.Err)
		}
		if _, twice := rows[m.Table]; twice {
			t.Errorf("%s was measured twice", m.Table)
		}
		if m.Tree < m.Rows {
			t.Errorf("%s: %d rows, %d with its partitions", m.Table, m.Rows, m.Tree)
		}
		rows[m.Table] = m.Rows
	}
	for table, want := range f.Tables {
		if n, ok := rows[table]; !ok || n != want {
			t.Errorf("%s has %d rows (%v), want %d", table, n, ok, want)
		}
	}
}

// testMeasure asks for a column that is there, one that is not, and a table that is not.
func testMeasure(t *testing.T, f Fixture, db engine.Database) {
	absent := engine.Measure{Table: engine.Table{Schema: f.Newest.Table.Schema, Name: "absent_table"}, Column: "x"}
	noColumn := engine.Measure{Table: f.Newest.Table, Column: "absent_column"}
	measured, err := db.Measure(t.Context(), []engine.Measure{f.Newest, noColumn, absent})
	if err != nil {
		t.Fatal(err)
	}
	counted, lost := 0, make(map[string]int)
	for _, m := range measured {
		switch {
		case errors.Is(m.Err, engine.ErrNoTable):
			lost[m.Table.Name]++
		case m.Err != nil:
			t.Errorf("%s: %v", m.Table, m.Err)
		case m.Table == f.Newest.Table:
			counted++
			if m.Rows != f.Tables[m.Table] || !m.Max[f.Newest.Column].Equal(f.NewestAt) {
				t.Errorf("%s: %d rows, newest %v; want %d and %s", m.Table, m.Rows, m.Max, f.Tables[m.Table], f.NewestAt)
			}
		}
	}
	if counted != 1 || lost[absent.Table.Name] != 1 || lost[noColumn.Table.Name] != 1 {
		t.Errorf("%d counts of %s, told absent: %v; want one of each", counted, f.Newest.Table, lost)
	}
}

// testInventory wants everything the dump promised.
func testInventory(t *testing.T, m engine.Manifest, db engine.Database) {
	list, err := db.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[engine.Object]bool)
	for _, o := range list {
		have[o] = true
	}
	for _, o := range m.Objects {
		if !have[o] {
			t.Errorf("%s %s is promised and not there", o.Kind, o.Table)
		}
	}
	if len(m.Objects) == 0 {
		t.Error("the dump promises nothing")
	}
}

// testSoundness wants something looked at and nothing found.
func testSoundness(t *testing.T, db engine.Database) {
	sound, err := db.Soundness(t.Context())
	if err != nil || len(sound.Findings) > 0 || len(sound.Checked) == 0 {
		t.Errorf("%+v, %v; want something checked and nothing found", sound, err)
	}
}

// testQuery asks a question, tries to write, and asks what takes for ever.
func testQuery(t *testing.T, f Fixture, db engine.Database) {
	for table, want := range f.Tables {
		got, err := db.Query(t.Context(), "SELECT count(*) FROM "+table.String(), time.Minute)
		if err != nil || got != fmt.Sprint(want) {
			t.Errorf("%s: %q rows (%v), want %d", table, got, err, want)
		}
	}
	for _, sql := range append([]string{"SELECT nothing FROM nowhere", "this is no SQL"}, f.Writes...) {
		got, err := db.Query(t.Context(), sql, time.Minute)
		var refused *engine.QueryError
		if !errors.As(err, &refused) || refused.Timeout || refused.Message == "" {
			t.Errorf("%s: %q, %v; want it refused", sql, got, err)
		}
	}
	_, err := db.Query(t.Context(), f.Endless, 50*time.Millisecond)
	var refused *engine.QueryError
	if !errors.As(err, &refused) || !refused.Timeout {
		t.Errorf("%s: %v, want it stopped at its limit", f.Endless, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Query(ctx, "SELECT 1", time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v, want %v", err, context.Canceled)
	}
}

// testClose closes twice; the sandbox goes on.
func testClose(t *testing.T, db engine.Database, box sandbox.Sandbox) {
	for range 2 {
		if err := db.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := box.Err(); err != nil {
		t.Errorf("the sandbox ended with the database: %v", err)
	}
}
