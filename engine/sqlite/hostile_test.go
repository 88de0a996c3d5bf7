package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/engine"
	"lifeboat/engine/sqlite"
	"lifeboat/sandbox"
)

// load takes a dump as far as it goes, in a sandbox whose disk limit is given.
func load(t *testing.T, ctx context.Context, d engine.Dump, disk int64) (engine.Restored, error) {
	t.Helper()
	e := sqlite.New()
	m, err := e.Inspect(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	l := e.Prepare(box(t), m, engine.Options{Limits: sandbox.Limits{Disk: disk}, Progress: func(engine.Progress) {}})
	rec, err := l.Receive(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	res, err := l.Restore(ctx, rec)
	if res.DB != nil {
		t.Cleanup(func() { res.DB.Close(context.Background()) })
	}
	return res, err
}

func sqlDump(body string) files {
	return one([]byte("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(a);\nINSERT INTO t VALUES('here');\n" + body + "\nCOMMIT;\n"))
}

func TestHostileStatementsReachNothing(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim.db")
	shell(t, victim, "CREATE TABLE v(a); INSERT INTO v VALUES(1);")
	before := read(t, victim)
	target := filepath.Join(outside, "new.db")
	for name, body := range map[string]string{
		"attach":             "ATTACH '" + target + "' AS x; CREATE TABLE x.y(a);",
		"attach a victim":    "COMMIT; ATTACH '" + victim + "' AS x; DELETE FROM x.v; BEGIN;",
		"attach in disguise": "CREATE TABLE u(a); /*;*/ATTACH/**/'" + target + "'AS x;",
		"vacuum into":        "COMMIT; VACUUM INTO '" + target + "'; BEGIN;",
		"vacuum":             "COMMIT; VACUUM; BEGIN;",
		"load_extension":     "INSERT INTO t VALUES(load_extension('/tmp/x.so'));",
		"in a trigger":       "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT load_extension('x'); END; INSERT INTO t VALUES(1);",
		"in a view":          "CREATE VIEW v AS SELECT load_extension('x'); INSERT INTO t SELECT * FROM v;",
		"in a default":       "CREATE TABLE d(a, b DEFAULT (load_extension('x'))); INSERT INTO d(a) VALUES(1);",
		"writefile":          "INSERT INTO t VALUES(writefile('" + target + "', 'x'));",
		"schema by hand":     "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('table','p','p',1,'CREATE TABLE p(a)');",
		"schema by update":   "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage=1;",
		"temp directory":     "PRAGMA temp_store_directory='" + outside + "';",
		"heap":               "PRAGMA hard_heap_limit=1;",
		"page count":         "PRAGMA max_page_count=999999999;",
		"endless":            "INSERT INTO t WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i FROM s) SELECT i FROM s;",
		"shell":              ".shell touch " + target + "\n;",
		"dot output":         ".output " + target + "\n;",
		"explain":            "EXPLAIN ATTACH '" + target + "' AS x;",
		"nul":                strings.Repeat("-- far behind the head\n", 1000) + "INSERT INTO t VALUES(1)\x00; ATTACH '" + target + "' AS x;",
	} {
		t.Run(name, func(t *testing.T) {
			res, err := load(t, t.Context(), sqlDump(body), 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Errors) == 0 && name != "nul" {
				t.Error("it was not refused")
			}
			for _, e := range res.Errors {
				if strings.Contains(e.Message+e.Subject, outside) {
					t.Errorf("the error quotes the statement: %+v", e)
				}
			}
			if got, err := res.DB.Query(t.Context(), "SELECT count(*) FROM t WHERE a = 'here'", queryLimit); err != nil || got != "1" {
				t.Errorf("the rows of the dump: %s, %v; want 1", got, err)
			}
		})
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("something was written outside: %v, %v", names(entries), err)
	}
	if string(read(t, victim)) != string(before) {
		t.Error("another database was changed")
	}
}

func names(entries []fs.DirEntry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestARestoreStopsAtTheDiskLimit(t *testing.T) {
	body := strings.Repeat("INSERT INTO t VALUES(zeroblob(60000));\n", 200)
	_, err := load(t, t.Context(), sqlDump(body), 2<<20)
	if limit := new(sandbox.LimitError); !errors.As(err, &limit) || limit.Limit != "disk" {
		t.Errorf("got %v, want the disk limit", err)
	}
}

// A row that would take gigabytes of this process is our limit, and not the backup's fault.
func TestARowTooLargeForMemoryIsNotHeld(t *testing.T) {
	for name, row := range map[string]string{
		"in the text":        "'" + strings.Repeat("x", 65<<20) + "'",
		"made by a function": "zeroblob(250000000)",
		"grown on the way":   "hex(zeroblob(40000000))",
	} {
		_, err := load(t, t.Context(), sqlDump("INSERT INTO t VALUES("+row+");\n"), 1<<30)
		if !errors.Is(err, sandbox.ErrOutOfRoom) {
			t.Errorf("%s: got %v, want it out of room", name, err)
		}
	}
}

func TestARestoreStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the drill was cancelled")
	cancel(why)
	if _, err := load(t, ctx, sqlDump(""), 1<<30); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestErrorsOfStatementsAreClassifiedAndCounted(t *testing.T) {
	body := "CREATE TABLE k(a INTEGER PRIMARY KEY, b TEXT NOT NULL);\n" +
		"CREATE INDEX i ON k(b COLLATE house_order);\nCREATE VIRTUAL TABLE v USING spatial_thing(a);\nINSERT INTO gone VALUES('secret');\n" +
		"INSERT INTO k VALUES(1, 'secret');\nINSERT INTO k VALUES(1, 'secret');\nINSERT INTO k VALUES(2, NULL);\nINSERT INTO k VALUES(3, secret);\n" +
		"INSERT INTO k VALUES(4, 'secret' 'secret');\nPRAGMA made_up=1;\n" + strings.Repeat("INSERT INTO k VALUES(1, 'secret');\n", 200)
	res, err := load(t, t.Context(), sqlDump(body), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	want := map[engine.ErrorClass]int{engine.ExtensionAbsent: 2, engine.DataLost: 205, engine.Harmless: 1}
	if res.Exit == 0 || fmt.Sprint(res.ErrorCount) != fmt.Sprint(want) {
		t.Errorf("exit %d, counted %v, want %v", res.Exit, res.ErrorCount, want)
	}
	if len(res.Errors) != engine.MaxRestoreErrors {
		t.Errorf("%d errors are kept, want %d", len(res.Errors), engine.MaxRestoreErrors)
	}
	if text := fmt.Sprintf("%+v", res.Errors); strings.Contains(text, "secret") {
		t.Errorf("an error shows row data: %s", text)
	}
	for i, subject := range []string{"collation sequence house_order", "module spatial_thing", "table gone", "table k"} {
		if res.Errors[i].Subject != subject {
			t.Errorf("error %d is about %q, want %q", i, res.Errors[i].Subject, subject)
		}
	}
}

func TestAVirtualTableOfAnUnknownModuleIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made.db")
	shell(t, path, "CREATE TABLE t(a); INSERT INTO t VALUES(1);")
	shell(t, path, "PRAGMA writable_schema=ON; INSERT INTO sqlite_schema VALUES('table','v','v',0,'CREATE VIRTUAL TABLE v USING spatial_thing(a)');")
	for form, dump := range map[string]files{"file": one(read(t, path)), "sql": one([]byte(shell(t, path, ".dump")))} {
		rec, res, err := restore(t, dump)
		if err != nil {
			t.Fatal(form, err)
		}
		if len(res.Errors) != 1 || res.Errors[0].Class != engine.ExtensionAbsent || len(rec.Manifest.Extensions) != 1 {
			t.Errorf("%s: errors are %+v, extensions %v", form, res.Errors, rec.Manifest.Extensions)
		}
		measured, err := res.DB.Measure(t.Context(), nil)
		if err != nil || len(measured) != 1 || measured[0].Rows != 1 {
			t.Errorf("%s: measured %+v, %v", form, measured, err)
		}
		sound, err := res.DB.Soundness(t.Context())
		if err != nil || len(sound.Findings) > 0 {
			t.Errorf("%s: %v, %+v", form, err, sound)
		}
	}
}
