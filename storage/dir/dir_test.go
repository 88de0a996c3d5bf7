package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeboat/storage"
	"lifeboat/storage/dir"
	"lifeboat/storage/storagetest"
)

func write(t testing.TB, root, key, content string) {
	t.Helper()
	path := filepath.Join(root, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func source(t testing.TB, root string) *dir.Source {
	t.Helper()
	s, err := dir.New("nas", root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keys(t testing.TB, s storage.Source, prefix string) []string {
	t.Helper()
	var got []string
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	return got
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t testing.TB) storagetest.Fixture {
		root := t.TempDir()
		return storagetest.Fixture{
			Source: source(t, root),
			Put:    func(t testing.TB, key, content string) { write(t, root, key, content) },
			Remove: func(t testing.TB, key string) {
				if err := os.Remove(filepath.Join(root, key)); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func TestLinksAreFollowedInsideTheFolderOnly(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	write(t, outside, "secret", "not ours")
	write(t, root, "db/monday.dump", "ours")
	for name, to := range map[string]string{
		"latest": "db/monday.dump", "stolen": filepath.Join(outside, "secret"), "away": "../" + filepath.Base(outside),
		"all": "db", "db/loop": "..", "dangling": "nothing", "self": "self",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := source(t, root)
	want := []string{"all/monday.dump", "db/monday.dump", "latest"}
	if got := keys(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	for _, key := range []string{"stolen", "away/secret", "dangling", "self", "../" + filepath.Base(outside) + "/secret"} {
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Stat(%s) = %v, want ErrNotFound", key, err)
		}
	}
	if o, err := s.Stat(t.Context(), "latest"); err != nil || o.Size != 4 {
		t.Errorf("Stat(latest) = %+v, %v; want the file it leads to", o, err)
	}
}

func TestPipesAndSocketsAreNoBackups(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "pipe.dump"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, root, "real.dump", "x")
	s := source(t, root)
	if got := keys(t, s, ""); !slices.Equal(got, []string{"real.dump"}) {
		t.Errorf("List = %q, want the regular file only", got)
	}
	if _, err := s.Stat(t.Context(), "pipe.dump"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Stat(pipe) = %v, want ErrNotFound", err)
	}
	// Opening must not wait for a writer.
	if _, err := s.Open(t.Context(), storage.Object{Key: "pipe.dump"}, 0, -1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Open(pipe) = %v, want ErrNotFound", err)
	}
}

func TestAGrowingFileIsNoticed(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"grows": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
		"is rewritten in place": func(path string) error {
			return errors.Join(os.WriteFile(path, []byte("CONTENT"), 0o644), os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
		},
		"shrinks": func(path string) error { return os.Truncate(path, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "a.dump", "content")
			s := source(t, root)
			o, err := s.Stat(t.Context(), "a.dump")
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(t.Context(), o, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if err := spoil(filepath.Join(root, "a.dump")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(r); !errors.Is(err, storage.ErrChanged) {
				t.Errorf("a file that changed while it was read: %v, want ErrChanged", err)
			}
			if _, err := s.Open(t.Context(), o, 0, -1); !errors.Is(err, storage.ErrChanged) {
				t.Errorf("Open of what was listed before = %v, want ErrChanged", err)
			}
		})
	}
}

func TestAMissingFolderIsNoAnswer(t *testing.T) {
	root := t.TempDir()
	write(t, root, "file", "x")
	for _, path := range []string{filepath.Join(root, "nowhere"), filepath.Join(root, "file")} {
		s := source(t, path)
		_, statErr := s.Stat(t.Context(), "a")
		_, openErr := s.Open(t.Context(), storage.Object{Key: "a"}, 0, -1)
		var listErr error
		for _, err := range s.List(t.Context(), "") {
			listErr = err
		}
		for op, err := range map[string]error{"Stat": statErr, "Open": openErr, "List": listErr} {
			if !errors.Is(err, storage.ErrUnreachable) || errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s below %s = %v, want ErrUnreachable", op, path, err)
				continue
			}
			if !strings.Contains(err.Error(), "nas") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s says %q, which does not name source and folder", op, err)
			}
		}
	}
}

func TestALargeFolderIsListedInPages(t *testing.T) {
	root := t.TempDir()
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("n%05d", i))
		if err := os.WriteFile(filepath.Join(root, want[i]), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, page := range []int{200, 999, 2499, 2500, 2501} {
		s := source(t, root)
		dir.SetPage(s, page)
		if got := keys(t, s, ""); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %d names listed, want %d in order", page, len(got), len(want))
		}
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", "x")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	for _, err := range source(t, root).List(ctx, "") {
		if !errors.Is(err, why) {
			t.Errorf("List = %v, want the cause", err)
		}
	}
}
