package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/docker"
)

var dockerRunner = sync.OnceValues(func() (*docker.Runner, error) {
	return docker.New(context.Background(), docker.Config{Log: slog.New(slog.DiscardHandler)})
})

// startBox starts a sandbox with a server image, removed at the end of the test.
func startBox(t testing.TB, major int) sandbox.Sandbox {
	t.Helper()
	r, err := dockerRunner()
	testkit.Need(t, "docker", err == nil)
	box, err := r.Start(t.Context(), sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "postgres-test", Instance: "postgres-test", Drill: t.Name(), Target: "test"},
		Limits:   testLimits,
		Deadline: time.Now().Add(15 * time.Minute),
		Image:    "postgres:" + tagOf(major),
		User:     "postgres",
		Server:   "postgres",
		Version:  major,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return box
}

var testLimits = sandbox.Limits{CPUs: 2, Memory: 1 << 30, Disk: 4 << 30, Pids: 500}

// source is a real server that tests take their dumps from.
type source struct {
	t   testing.TB
	box sandbox.Sandbox
	l   *loader
}

// newSource starts a server of a major version in a sandbox of its own.
func newSource(t testing.TB, major int) *source {
	t.Helper()
	box := startBox(t, major)
	l := testLoader(box, engine.Manifest{ServerVersion: tagOf(major)})
	if err := l.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &source{t, box, l}
}

func testLoader(box sandbox.Sandbox, m engine.Manifest) *loader {
	return New().Prepare(box, m, engine.Options{Limits: testLimits, Progress: func(engine.Progress) {}}).(*loader)
}

// sh runs a script inside, with the server's programs on PATH, and returns its output.
func (s *source) sh(script string, stdin string) string {
	s.t.Helper()
	return shell(s.t, s.l, script, stdin)
}

func shell(t testing.TB, l *loader, script, stdin string) string {
	t.Helper()
	var out, complaints strings.Builder
	exit, err := l.box.Exec(t.Context(), sandbox.Cmd{
		Args: []string{"bash", "-c", `set -euo pipefail; PATH="` + l.bin + `:$PATH"; cd "$PGHOST"; ` + script},
		Env:  []string{"PGHOST=" + l.box.Dir(), "PGUSER=postgres", "LC_ALL=C.UTF-8"}, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &complaints,
	})
	if err != nil || exit != 0 {
		t.Fatalf("%s\nexit %d, %v\n%s", script, exit, err, complaints.String())
	}
	return out.String()
}

// sql runs a script in a database of the source.
func (s *source) sql(database, script string) {
	s.t.Helper()
	s.sh("psql -X -q -v ON_ERROR_STOP=1 -d "+database+" -f - >/dev/null", script)
}

// dump runs a command in the source that writes a dump on stdout.
func (s *source) dump(command string) *fileDump {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "dump")
	f, err := os.Create(file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	var complaints strings.Builder
	exit, err := s.box.Exec(s.t.Context(), sandbox.Cmd{
		Args: []string{"bash", "-c", `set -euo pipefail; PATH="` + s.l.bin + `:$PATH"; cd "$PGHOST"; ` + command},
		Env:  []string{"PGHOST=" + s.box.Dir(), "PGUSER=postgres", "LC_ALL=C.UTF-8"}, Stdout: f, Stderr: &complaints,
	})
	if err != nil || exit != 0 {
		s.t.Fatalf("%s: exit %d, %v\n%s", command, exit, err, complaints.String())
	}
	return &fileDump{file: file}
}

// directory makes a directory dump, copied to the machine of the test.
func (s *source) directory(database string) *fileDump {
	s.t.Helper()
	s.sh("rm -rf directory; pg_dump -Fd -j 2 -f directory "+database, "")
	dir := s.t.TempDir()
	for name := range strings.FieldsSeq(s.sh("ls directory", "")) {
		f := s.dump("cat directory/" + name)
		if err := os.Rename(f.file, filepath.Join(dir, name)); err != nil {
			s.t.Fatal(err)
		}
	}
	return &fileDump{dir: dir}
}

// fileDump is a dump in a file, or a directory dump, of this machine.
type fileDump struct{ file, dir string }

func (d *fileDump) Files() []engine.File {
	if d.dir == "" {
		return []engine.File{{}}
	}
	entries, _ := os.ReadDir(d.dir)
	var files []engine.File
	for _, e := range entries {
		files = append(files, engine.File{Name: e.Name()})
	}
	return files
}

func (d *fileDump) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if d.dir != "" {
		return os.Open(path.Join(d.dir, name))
	}
	return os.Open(d.file)
}

// textDump is a dump that is a script.
type textDump string

func (textDump) Files() []engine.File { return []engine.File{{}} }

func (d textDump) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(d))), nil
}

// drill restores a dump the way a drill does: boot and receive at once.
type drilled struct {
	loader   *loader
	manifest engine.Manifest
	received engine.Received
	restored engine.Restored
}

func drill(t testing.TB, d engine.Dump) drilled {
	t.Helper()
	m, err := New().Inspect(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return drillOn(t, startBox(t, New().Needs(m).Version), m, d)
}

func drillOn(t testing.TB, box sandbox.Sandbox, m engine.Manifest, d engine.Dump) drilled {
	t.Helper()
	l := testLoader(box, m)
	booted := make(chan error, 1)
	go func() { booted <- l.Boot(t.Context()) }()
	got, err := l.Receive(t.Context(), d)
	if err := errors.Join(err, <-booted); err != nil {
		t.Fatal(err)
	}
	restored, err := l.Restore(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := restored.DB.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return drilled{l, m, got, restored}
}

// census compares the rows counted in the dump with the rows restored.
func (d drilled) census(t testing.TB) {
	t.Helper()
	measured, err := d.restored.DB.Measure(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.received.Census.Tables) == 0 {
		t.Error("the census is empty")
	}
	for _, c := range d.received.Census.Tables {
		i := slices.IndexFunc(measured, func(m engine.Measured) bool { return m.Table == c.Table })
		if i < 0 {
			t.Errorf("%s: in the dump, not restored", c.Table)
			continue
		}
		got := measured[i].Rows
		if c.Tree {
			got = measured[i].Tree
		}
		if measured[i].Err != nil || got != c.Rows {
			t.Errorf("%s: %d rows in the dump, %d restored (%v)", c.Table, c.Rows, got, measured[i].Err)
		}
	}
}

// clean reports every error of the restore that is not harmless.
func (d drilled) clean(t testing.TB) {
	t.Helper()
	for _, e := range d.restored.Errors {
		if e.Class != engine.Harmless {
			t.Errorf("class %d: %s: %s", e.Class, e.Subject, e.Message)
		}
	}
}

// whole reports every object that the dump promised and the database lacks.
func (d drilled) whole(t testing.TB) {
	t.Helper()
	inventory, err := d.restored.DB.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[engine.Object]bool)
	for _, o := range inventory {
		have[o] = true
	}
	for _, o := range d.received.Manifest.Objects {
		if !have[o] {
			t.Errorf("%s %s: in the dump, not restored", o.Kind, o.Table)
		}
	}
	if len(d.received.Manifest.Objects) == 0 {
		t.Error("the manifest lists nothing")
	}
}
