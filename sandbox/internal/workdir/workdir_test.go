package workdir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lifeboat/sandbox"
)

func parent(t *testing.T) string {
	t.Helper()
	dir, err := Parent(filepath.Join(t.TempDir(), "boxes"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func makeDir(t *testing.T, parent string) Dir {
	t.Helper()
	d, err := Make(parent, Label{Runner: "test", Owner: sandbox.Owner{Drill: "d1"}, Deadline: time.Unix(1000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestListFindsWhatMakeMadeAndNothingElse(t *testing.T) {
	p := parent(t)
	d := makeDir(t, p)
	write(t, filepath.Join(p, "a file"), 1)
	if err := os.Mkdir(filepath.Join(p, "a folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := List(p, "test")
	if err != nil || len(got) != 1 || got[0].Path != d.Path || got[0].Label.Owner.Drill != "d1" || !got[0].Label.Deadline.Equal(d.Label.Deadline) {
		t.Errorf("List = %+v, %v", got, err)
	}
	if got, err := List(p, "another runner"); err != nil || len(got) != 0 {
		t.Errorf("another runner's: %+v, %v", got, err)
	}
	if got, err := List(filepath.Join(p, "absent"), "test"); err != nil || len(got) != 0 {
		t.Errorf("absent parent: %+v, %v", got, err)
	}
	write(t, filepath.Join(d.Path, labelFile), 3)
	if _, err := List(p, "test"); err == nil {
		t.Error("a label that cannot be read was passed over in silence")
	}
}

// A process killed while it made a folder leaves one without a label.
func TestListRemovesUnfinishedFoldersOnceTheyAreOld(t *testing.T) {
	p := parent(t)
	half := filepath.Join(p, "0123"+unfinished)
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		age  time.Duration
		gone bool
	}{{0, false}, {2 * unfinishedAge, true}} {
		made := time.Now().Add(-c.age)
		if err := os.Chtimes(half, made, made); err != nil {
			t.Fatal(err)
		}
		if _, err := List(p, "test"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(half); os.IsNotExist(err) != c.gone {
			t.Errorf("after %s: %v, want gone %v", c.age, err, c.gone)
		}
	}
}

func TestUsedCountsBlocksOnceAndFollowsNoLinks(t *testing.T) {
	d := makeDir(t, parent(t))
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, 8<<20)
	one := filepath.Join(d.Box(), "one")
	write(t, one, 1<<20)
	sparse := filepath.Join(d.Box(), "sparse")
	write(t, sparse, 0)
	err := errors.Join(os.Link(one, filepath.Join(d.Box(), "again")), os.Symlink(outside, filepath.Join(d.Box(), "link")),
		os.Truncate(sparse, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	used, err := d.Used(t.Context())
	if err != nil || used < 1<<20 || used > 2<<20 {
		t.Errorf("Used = %d, %v; want about 1 MiB", used, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Used(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRemoveFollowsNoLinksAndMayBeRepeated(t *testing.T) {
	d := makeDir(t, parent(t))
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, 1)
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(d.Box(), "link")); err != nil {
		t.Fatal(err)
	}
	// Deep enough that its path is longer than the system takes.
	deep, err := os.OpenRoot(d.Box())
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if err := deep.Mkdir("below", 0o700); err != nil {
			t.Fatal(err)
		}
		next, err := deep.OpenRoot("below")
		if err != nil {
			t.Fatal(err)
		}
		_ = deep.Close()
		deep = next
	}
	_ = deep.Close()
	if _, err := d.Used(t.Context()); err == nil {
		t.Error("a box too deep to be measured was given a size")
	}
	for range 2 {
		if err := d.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(d.Path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a file outside was removed: %v", err)
	}
}

func TestParentRefusesALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Parent(link); err == nil {
		t.Error("a parent that is a link was accepted")
	}
}

func TestEndingKeepsTheFirstReason(t *testing.T) {
	e := NewEnding()
	if e.Err() != nil {
		t.Error("a reason before the end")
	}
	if !e.Because(sandbox.ErrDeadline) || e.Because(sandbox.ErrGone) {
		t.Error("not only the first reason counts")
	}
	<-e.Done()
	if !errors.Is(e.Err(), sandbox.ErrDeadline) {
		t.Errorf("Err = %v", e.Err())
	}
}
