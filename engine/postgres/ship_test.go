package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"lifeboat/engine"
)

// memoryDump is a directory dump in memory.
type memoryDump struct {
	names   []string
	content map[string][]byte
	broken  string // name of a file that cannot be opened
}

var errStorage = errors.New("storage is down")

func (d memoryDump) Files() []engine.File {
	var files []engine.File
	for _, n := range d.names {
		files = append(files, engine.File{Name: n})
	}
	return files
}

func (d memoryDump) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if name == d.broken {
		return nil, errStorage
	}
	return io.NopCloser(bytes.NewReader(d.content[name])), nil
}

func TestFilesArriveAsTheyAreAndNowhereElse(t *testing.T) {
	t.Parallel()
	box := startBox(t, 15)
	l := testLoader(box, engine.Manifest{Format: formatDirectory})
	files := map[string][]byte{
		"toc.dat":             noise(10),
		"1.dat.gz":            noise(3*frameSize + 5),
		"2.dat":               {},
		"blobs.toc":           []byte("D 5\nF x\n"),
		"README":              noise(100),
		"../escape.dat":       noise(100),
		"; touch hacked; .gz": noise(5),
		"sub/3.dat":           noise(77),
	}
	err := l.ship(t.Context(), func(_ context.Context, f *framer) error {
		for name, content := range files {
			if err := f.file(name, bytes.NewReader(content)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.bin = "/usr/bin"
	got := shell(t, l, "cd dump; sha256sum *; cd ..; ls", "")
	var want []string
	for _, name := range []string{"1.dat.gz", "2.dat", "blobs.toc", "toc.dat"} {
		want = append(want, fmt.Sprintf("%x  %s", sha256.Sum256(files[name]), name))
	}
	want = slices.Insert(want, 2, fmt.Sprintf("%x  3.dat", sha256.Sum256(files["sub/3.dat"])))
	if strings.TrimSpace(got) != strings.Join(want, "\n")+"\ndump" {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestFilesAreOpenedAheadAndInTheirOrder(t *testing.T) {
	d := memoryDump{names: []string{"5.dat", "1.dat", "toc.dat", "9.dat"}, content: map[string][]byte{}}
	for i := range 50 {
		d.names = append(d.names, fmt.Sprintf("1%d.dat", i))
	}
	next, stop := openAhead(t.Context(), d, tocFirst(d.Files()))
	defer stop()
	var got []string
	for {
		f, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f.name)
		f.body.Close()
	}
	if len(got) != len(d.names) || !slices.Equal(got[:4], []string{"toc.dat", "5.dat", "1.dat", "9.dat"}) {
		t.Errorf("got %q", got)
	}
}

func TestAFileThatCannotBeOpenedEndsWithTheStoragesOwnError(t *testing.T) {
	t.Parallel()
	d := memoryDump{names: []string{"README", "notes"}, content: map[string][]byte{}, broken: "notes"}
	l := testLoader(startBox(t, 15), engine.Manifest{Format: formatDirectory})
	err := l.receiveFiles(t.Context(), d, d.Files(), newScanner(l.manifest))
	if !errors.Is(err, errStorage) {
		t.Errorf("got %v, want the storage's own error", err)
	}
}
