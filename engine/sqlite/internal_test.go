package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/engine"
)

func TestTheLimitAloneStopsASecondDatabase(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "own.db")) // without a guard
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := session(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "CREATE TABLE t(a)"); err != nil {
		t.Fatal(err)
	}
	for _, stmt := range []string{"ATTACH '%s' AS x", "VACUUM INTO '%s'"} {
		other := filepath.Join(dir, "other.db")
		if _, err := conn.ExecContext(t.Context(), fmt.Sprintf(stmt, other)); err == nil {
			t.Errorf("%s was run", stmt)
		}
		if _, err := os.Stat(other); !os.IsNotExist(err) {
			t.Errorf("%s made a file", stmt)
		}
	}
}

// summary is what a scanner understood of sql that comes in pieces of a size.
func summary(sql []byte, piece int) string {
	var b strings.Builder
	s := scanner{keep: 1 << 20}
	s.onEnd = func(st *statement) {
		o, ok := st.created()
		fmt.Fprintf(&b, "%s|%q|%d|%v|%v|%v|%q\n", st.keyword, st.target(), st.rows, st.inexact, o, ok, st.text)
	}
	for len(sql) > 0 {
		n := min(piece, len(sql))
		s.write(sql[:n])
		sql = sql[n:]
	}
	fmt.Fprint(&b, s.close(), s.damage, s.err)
	return b.String()
}

var sqlSeeds = []string{
	"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(a);\nINSERT INTO t VALUES(1),('a;''b',X'00'),(-1, (2));\nCOMMIT;\n",
	"CREATE TEMP TRIGGER IF NOT EXISTS r AFTER INSERT ON \"a b\" BEGIN SELECT CASE WHEN 1 THEN 2 END; UPDATE t SET a=';'; END;\nINSERT OR REPLACE INTO main.[x y] (a,b) VALUES (1,2) ON CONFLICT DO NOTHING;",
	"-- a comment; with 'quotes\n/* and; more */ INSERT INTO `t``u` DEFAULT VALUES; REPLACE INTO t SELECT 1; DELETE FROM sqlite_sequence; END",
	"INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','d','d',0,'CREATE VIRTUAL TABLE d USING fts5(b)');",
	"/**** ERROR: (11) *****/ ROLLBACK; -- due to errors", ".shell ls\n;CREATE TRIGGER r AFTER INSERT ON \"a b\" BEGIN SELECT 1; END;CREATE UNIQUE INDEX i ON t(a);CREATE VIEW v AS SELECT 1;",
}

func TestTheScannerUnderstandsWhatToolsWrite(t *testing.T) {
	want := []string{
		"INSERT t 3 exact", "INSERT x y 1 inexact", "INSERT t`u 0 exact", "REPLACE t 0 inexact", "DELETE sqlite_sequence 0 exact",
		"INSERT sqlite_schema 1 exact", "CREATE trigger a b.r", "CREATE index i", "CREATE view v",
	}
	var got []string
	for _, seed := range sqlSeeds {
		s := scanner{onEnd: func(st *statement) {
			kind := map[bool]string{true: "inexact", false: "exact"}[st.inexact]
			if o, ok := st.created(); ok && o.Kind != "table" {
				got = append(got, "CREATE "+o.Kind+" "+o.Name)
			} else if st.target() != "" {
				got = append(got, fmt.Sprintf("%s %s %d %s", st.keyword, st.target(), st.rows, kind))
			}
		}}
		s.write([]byte(seed))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzScannerDoesNotCareHowTheStreamIsCut(f *testing.F) {
	for _, seed := range sqlSeeds {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, sql []byte, piece int) {
		whole := summary(sql, len(sql)+1)
		if cut := summary(sql, 1+(piece&0xff)); cut != whole {
			t.Errorf("in pieces:\n%s\nat once:\n%s", cut, whole)
		}
		c := newCounter()
		c.Write(sql)
		if err := c.finish(); err != nil && !errors.Is(err, engine.ErrTruncated) && !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("it ends with %v", err)
		}
	})
}

func FuzzDatabaseFilesAreReadOrRefused(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		f.Fatal(err)
	}
	for _, stmt := range []string{"PRAGMA page_size=512", "CREATE TABLE t(a, b)", "CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID", "CREATE VIEW v AS SELECT '" + strings.Repeat("x", 2000) + "'",
		"PRAGMA journal_mode=WAL", "INSERT INTO t VALUES(1, 2), (3, zeroblob(900))", "INSERT INTO w VALUES(1), (2)"} {
		if _, err := db.Exec(stmt); err != nil {
			f.Fatal(err)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		f.Fatal(err)
	}
	if err := db.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(file, log)
	f.Add(file, []byte{})
	f.Add(file[:1000], log)
	f.Fuzz(func(t *testing.T, file, log []byte) {
		_, err := recognise(file, true)
		if err != nil && !isForeign(err) && !errors.Is(err, engine.ErrTruncated) && !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("recognise ends with %v", err)
		}
		var rec engine.Received
		p, err := newPager(bytes.NewReader(file), int64(len(file)), bytes.NewReader(log))
		if err == nil {
			rec, err = p.count(t.Context(), engine.Received{}, false)
		}
		if err != nil && !errors.Is(err, engine.ErrFormat) && !errors.Is(err, engine.ErrTruncated) && !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("it ends with %v", err)
		}
		for _, c := range rec.Census.Tables {
			if c.Rows < 0 || c.Rows > int64(len(file)+len(log)) {
				t.Errorf("%d rows in %d bytes", c.Rows, len(file)+len(log))
			}
		}
	})
}
