package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifeboat/history"
	"lifeboat/history/historytest"
	"lifeboat/verify"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStoreKeepsThePromisesOfHistory(t *testing.T) {
	historytest.Run(t, func(t testing.TB) history.Store {
		return open(t, filepath.Join(t.TempDir(), "history.db"))
	})
}

func TestRecordIsReadableByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "for it", "odd?name#50%.db")
	s := open(t, path)
	begin(t, s, historytest.Drill("d1", "orders", 0))
	for file, want := range map[string]os.FileMode{
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700 | os.ModeDir,
	} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %s, want %s", filepath.Base(file), info.Mode(), want)
		}
	}
}

func TestRecordOutlivesItsProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := open(t, path)
	d := historytest.Drill("d1", "orders", 0)
	id, err := s.Installation(t.Context())
	if err := errors.Join(err, s.Finish(t.Context(), begin(t, s, d), historytest.Report(d, verify.Failed), nil), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if left, _ := filepath.Glob(path + "?*"); len(left) > 0 {
		t.Errorf("closing left %v beside the file", left)
	}
	s = open(t, path)
	if again, err := s.Installation(t.Context()); err != nil || again != id {
		t.Errorf("Installation = %q, %v; want %q", again, err, id)
	}
	if r, err := s.Get(t.Context(), "d1"); err != nil || r.Verdict != verify.Failed {
		t.Errorf("Get = %s, %v; want the report", r.Verdict, err)
	}
}

func TestFilesThatAreNoRecordAreRefusedAndLeftAlone(t *testing.T) {
	cases := []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"text", func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("dear diary, ", 500)))
		}, "not a SQLite database: move the file aside"},
		{"another program's database", func(t *testing.T, path string) {
			edit(t, path, `CREATE TABLE accounts (id INTEGER)`)
		}, "another program; give the history a path of its own"},
		{"another program's mark", func(t *testing.T, path string) {
			edit(t, path, `PRAGMA application_id = 42`)
		}, "another program"},
		{"a newer Lifeboat's record", func(t *testing.T, path string) {
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)
		}, "newer version of Lifeboat (form 999, this version knows up to 2); run that version"},
		{"a torn record", func(t *testing.T, path string) {
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(b[100:4096], strings.Repeat("\xff", 4096)) // the schema's page, after the file's header
			write(t, path, b)
		}, "it is damaged: move the file aside"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.db")
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), path)
			if err == nil {
				s.Close()
				t.Fatal("Open took the file")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("Open = %v\nwant the path and %q", err, c.want)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the refused file was changed (%v)", err)
			}
		})
	}
}

func TestPathThatCannotBeAFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, []byte("x"))
	for _, path := range []string{"", dir, filepath.Join(file, "below.db")} {
		if s, err := Open(t.Context(), path); err == nil {
			s.Close()
			t.Errorf("Open(%q) succeeded", path)
		}
	}
}

func TestDamageFoundLaterIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := open(t, path)
	for i := range 50 {
		d := historytest.Drill(fmt.Sprintf("d%d", i), "orders", i)
		if err := s.Finish(t.Context(), begin(t, s, d), historytest.Report(d, verify.Passed), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := 60 * 4096; page < len(b); page += 4096 {
		copy(b[page:], strings.Repeat("\xee", 64))
	}
	write(t, path, b)
	s, err = Open(t.Context(), path)
	if err == nil {
		_, err = s.Baseline(t.Context(), "orders", 50)
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "it is damaged: move the file aside") {
		t.Errorf("reading a damaged record = %v, want what to do", err)
	}
}

func TestFullDiskIsNamedAndLosesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "history.db"))
	var pages int
	if _, err := s.write.Exec(`VACUUM`); err != nil { // no room that is free inside
		t.Fatal(err)
	}
	if err := s.write.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+1)); err != nil {
		t.Fatal(err)
	}
	d := historytest.Drill("d1", "orders", 0)
	l := begin(t, s, d)
	r := historytest.Report(d, verify.Passed)
	r.Results[0].Detail = strings.Repeat("long ", 10_000)
	err := s.Finish(t.Context(), l, r, nil)
	if err == nil || !strings.Contains(err.Error(), "make room on its disk") || !strings.Contains(err.Error(), s.path) {
		t.Fatalf("Finish on a full disk = %v, want the file and the cause", err)
	}
	if list, err := s.List(t.Context(), history.Filter{Target: "orders", Limit: 1}); err != nil || len(list) != 1 || list[0].State != history.Running {
		t.Errorf("List = %+v, %v; want the drill still running", list, err)
	}
	if _, err := s.write.Exec(`PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), l, r, nil); err != nil {
		t.Errorf("Finish once there is room: %v", err)
	}
}

func begin(t *testing.T, s *Store, d history.Drill) history.Lease {
	t.Helper()
	l, err := s.Begin(t.Context(), d, "host/1", time.Hour, d.Asked)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
