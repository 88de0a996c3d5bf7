package sqlite_test

import (
	"archive/tar"
	"bytes"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"lifeboat/engine"
)

// counts compares the census of a dump with the restored database and with want.
func counts(t *testing.T, dump files, want map[string]int64) engine.Received {
	t.Helper()
	rec, res, err := restore(t, dump)
	if err != nil {
		t.Fatal(err)
	}
	if res.Exit != 0 || len(res.Errors) > 0 {
		t.Errorf("restore ended %d with %+v", res.Exit, res.Errors)
	}
	measured, err := res.DB.Measure(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range measured {
		if m.Err != nil || m.Rows != want[m.Table.Name] {
			t.Errorf("%s has %d rows (%v), want %d", m.Table, m.Rows, m.Err, want[m.Table.Name])
		}
	}
	census := map[string]int64{}
	for _, c := range rec.Census.Tables {
		census[c.Table.Name] = c.Rows
	}
	for name, n := range want {
		if census[name] != n {
			t.Errorf("census of %s is %d, want %d", name, census[name], n)
		}
	}
	sound, err := res.DB.Soundness(t.Context())
	if err != nil || len(sound.Findings) > 0 {
		t.Errorf("soundness: %v, %+v", err, sound.Findings)
	}
	return rec
}

const series = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<%d) "

func TestFilesOfAllShapesAreCounted(t *testing.T) {
	many := fmt.Sprintf("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE INDEX i ON t(b);"+
		series+"INSERT INTO t SELECT i, 'value '||i FROM s; "+series+"INSERT INTO w SELECT 'key '||i, zeroblob(300) FROM s; DELETE FROM t WHERE a%%3=0;", 20000, 5000)
	want := map[string]int64{"t": 20000 - 6666, "w": 5000}
	columns := ""
	for i := range 900 {
		columns += fmt.Sprintf(", a_rather_long_name_of_column_%d TEXT", i)
	}
	for name, setup := range map[string]string{
		"plain": "", "small pages": "PRAGMA page_size=512;", "big pages": "PRAGMA page_size=65536;",
		"utf-16le": "PRAGMA encoding='UTF-16le';", "utf-16be": "PRAGMA encoding='UTF-16be';", "auto vacuum": "PRAGMA auto_vacuum=FULL;",
		"long schema": "CREATE TABLE wide(id INT" + columns + ");",
	} {
		t.Run(name, func(t *testing.T) {
			want := want
			if name == "long schema" {
				want = map[string]int64{"t": want["t"], "w": want["w"], "wide": 0}
			}
			counts(t, one(made(t, setup+many)), want)
		})
	}
}

func TestBackupsMadeByTheToolAreRestored(t *testing.T) {
	dir := t.TempDir()
	live := filepath.Join(dir, "live.db")
	shell(t, live, shop)
	backup, vacuumed := filepath.Join(dir, "backup.db"), filepath.Join(dir, "vacuumed.db")
	shell(t, live, ".backup "+backup+"\nVACUUM INTO '"+vacuumed+"';")
	want := map[string]int64{}
	for name, n := range rows {
		want[name] = n
	}
	for name, n := range map[string]int64{"docs_data": -1, "docs_idx": -1, "docs_content": 500, "docs_docsize": 500, "docs_config": 1} {
		want[name] = n
	}
	for _, path := range []string{backup, vacuumed} {
		rec, res, err := restore(t, one(read(t, path)))
		if err != nil || res.Exit != 0 {
			t.Fatalf("%s: %v", path, err)
		}
		for _, c := range rec.Census.Tables {
			if n, known := want[c.Table.Name]; !known || n >= 0 && n != c.Rows {
				t.Errorf("%s: census of %s is %d, want %d", path, c.Table, c.Rows, n)
			}
		}
	}
}

// liveCopy copies the files of a database in mid-use: its log is not applied.
func liveCopy(t *testing.T) files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "live.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, stmt := range []string{
		"PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0",
		"CREATE TABLE t(a, b)", "PRAGMA wal_checkpoint(TRUNCATE)",
		fmt.Sprintf("INSERT INTO t "+series+"SELECT i, 'x'||i FROM s", 3000),
		"DELETE FROM t WHERE a > 2500", "CREATE TABLE u(a)", "INSERT INTO u VALUES(1)",
		"PRAGMA cache_size=2", "BEGIN", fmt.Sprintf("INSERT INTO t "+series+"SELECT i, 'lost'||i FROM s", 3000), // never committed
	} {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	return files{"live.db": read(t, path), "live.db-wal": read(t, path+"-wal"), "live.db-shm": read(t, path+"-shm")}
}

func TestTheLogBesideADatabaseIsReplayed(t *testing.T) {
	copied := liveCopy(t)
	want := map[string]int64{"t": 2500, "u": 1}
	t.Run("directory", func(t *testing.T) { counts(t, copied, want) })
	t.Run("unfinished transaction", func(t *testing.T) {
		_, res, err := restore(t, copied)
		if err != nil || len(res.Notes) != 1 || res.Notes[0].Subject != "write-ahead log" {
			t.Errorf("notes are %+v, %v; want one about the log", res.Notes, err)
		}
	})
	t.Run("tar", func(t *testing.T) { counts(t, one(archive(t, copied, "live.db", "live.db-shm", "live.db-wal")), want) })
	t.Run("log first", func(t *testing.T) {
		small := files{"a-wal": copied["live.db-wal"][:2000], "b": made(t, "CREATE TABLE t(a); INSERT INTO t VALUES(1);")}
		counts(t, one(archive(t, small, "a-wal", "b")), map[string]int64{"t": 1})
	})
	t.Run("database alone", func(t *testing.T) { counts(t, one(copied["live.db"]), map[string]int64{"t": 0}) })
}

// archive makes a tar archive of files in this order.
func archive(t *testing.T, from files, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(from[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(from[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAHotJournalIsRolledBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, stmt := range []string{
		"CREATE TABLE t(a, b)", fmt.Sprintf("INSERT INTO t "+series+"SELECT i, 'x'||i FROM s", 3000),
		"PRAGMA cache_size=2", "BEGIN", "UPDATE t SET b = 'gone' || a", "DELETE FROM t WHERE a > 10",
	} {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatalf("%s: %v", stmt, err)
		}
	}
	rec, res, err := restore(t, files{"live.db": read(t, path), "live.db-journal": read(t, path+"-journal")})
	if err != nil || res.Exit != 0 {
		t.Fatal(err, res.Errors)
	}
	if len(rec.Census.Tables) != 0 || len(rec.Census.Uncounted) != 1 {
		t.Errorf("census is %+v, want it to say that it cannot tell", rec.Census)
	}
	got, err := res.DB.Query(t.Context(), "SELECT count(*) FROM t WHERE b LIKE 'x%'", queryLimit)
	if err != nil || got != "3000" {
		t.Errorf("got %s rows, %v; want 3000", got, err)
	}
}
