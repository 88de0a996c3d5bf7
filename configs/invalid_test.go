package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what is derived: wants of the fixtures, tables of the reference")

// wantOf reads the "# want: 3:5 path: rule" lines at the top of a fixture.
func wantOf(data []byte) (want []string) {
	for line := range strings.Lines(string(data)) {
		if mistake, ok := strings.CutPrefix(line, "# want: "); ok {
			want = append(want, strings.TrimSpace(mistake))
		}
	}
	return want
}

func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/invalid/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	all := make(map[string][]byte)
	for _, p := range paths {
		if all[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestEveryMistakeIsReportedWhereItIs(t *testing.T) {
	for path, data := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			c, err := Parse(path, data, env)
			var m *Mistakes
			if !errors.As(err, &m) || c != nil {
				t.Fatalf("Parse = %v, %v, want mistakes alone", c, err)
			}
			var got []string
			for _, one := range m.List {
				got = append(got, one.String())
			}
			if *update {
				rewrite(t, path, data, got)
				return
			}
			if want := wantOf(data); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasPrefix(first, path+": ") {
				t.Errorf("the message begins %q, want the file's name", first)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message gives the secret away: %s", err)
			}
		})
	}
}

// rewrite replaces the want lines of a fixture; when their number changes, so do the
// lines they speak of, and a second run is needed.
func rewrite(t *testing.T, path string, data []byte, got []string) {
	t.Helper()
	var b strings.Builder
	for _, m := range got {
		b.WriteString("# want: " + m + "\n")
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "# want: ") {
			b.WriteString(line)
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
