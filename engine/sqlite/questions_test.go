package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"lifeboat/engine"
)

const queryLimit = time.Minute

func TestTheNewestValueOfAColumnIsATime(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	forms := map[string]string{
		"iso": "'2026-03-04T05:06:07Z'", "sqlite": "'2026-03-04 05:06:07'", "offset": "'2026-03-04 07:06:07+02:00'", "fraction": "'2026-03-04 05:06:07.000'",
		"seconds": "1772600767", "milliseconds": "1772600767000", "microseconds": "1772600767000000", "nanoseconds": "1772600767000000000",
		"julian": "julianday('2026-03-04 05:06:07')", "as text": "'1772600767'", "Go": "'2026-03-04 05:06:07 +0000 UTC'",
	}
	script := "CREATE TABLE t(\"nothing\" DATETIME"
	values := "INSERT INTO t VALUES(NULL"
	var names []string
	for name, value := range forms {
		script += `, "` + name + `" DATETIME`
		values += ", " + value
		names = append(names, name)
	}
	_, res, err := restore(t, one(made(t, script+");"+values+");")))
	if err != nil {
		t.Fatal(err)
	}
	table := engine.Table{Name: "T"} // names differ in case as they may
	measures := []engine.Measure{{Table: table, Column: "nothing"}}
	for _, name := range names {
		measures = append(measures, engine.Measure{Table: table, Column: name})
	}
	got, err := res.DB.Measure(t.Context(), measures)
	if err != nil || len(got) != 1 || got[0].Err != nil || got[0].Rows != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, name := range names {
		if at := got[0].Max[name]; at.Sub(want).Abs() > time.Millisecond {
			t.Errorf("%s: got %s, want %s", name, at, want)
		}
	}
	if at, ok := got[0].Max["nothing"]; ok {
		t.Errorf("an empty column has %s", at)
	}
}

func TestQueriesAnswerAndChangeNothing(t *testing.T) {
	_, res, err := restore(t, one(made(t, `CREATE TABLE t(a INT, made DATETIME, f REAL); INSERT INTO t VALUES(1, '2026-01-02 03:04:05', 1.5), (2, NULL, 2);
		CREATE VIEW v AS SELECT a FROM t;`)))
	if err != nil {
		t.Fatal(err)
	}
	for stmt, want := range map[string]string{
		"select count(*) from t": "2", "select count(*) from v; ": "2", "select made from t order by a -- the first": "2026-01-02 03:04:05",
		"select f from t": "1.5", "select a, f from t where a = 2": "2", "select a from t where a > 5": "", "select made from t where a = 2": "",
		"with x as (select 7 as n) select n from x": "7", "values (3)": "3", "pragma user_version": "0",
	} {
		if got, err := res.DB.Query(t.Context(), stmt, queryLimit); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", stmt, got, err, want)
		}
	}
	for _, stmt := range []string{
		"delete from t", "insert into t values(1,2,3)", "create table u(a)", "create temp table u(a)", "drop table t", "attach ':memory:' as x",
		"vacuum into '/tmp/lifeboat-must-not-exist.db'", "pragma query_only=off", "pragma writable_schema=on", "pragma journal_mode=wal",
		"select load_extension('x')", "no sql at all", "select nothing from nowhere", "",
	} {
		got, err := res.DB.Query(t.Context(), stmt, queryLimit)
		if refused := new(engine.QueryError); stmt != "" && (!errors.As(err, &refused) || refused.Timeout) {
			t.Errorf("%s: got %q, %v; want a refusal", stmt, got, err)
		}
	}
	_, err = res.DB.Query(t.Context(), "with recursive s(i) as (select 1 union all select i+1 from s) select count(*) from s", 20*time.Millisecond)
	if refused := new(engine.QueryError); !errors.As(err, &refused) || !refused.Timeout {
		t.Errorf("an endless query: got %v, want a timeout", err)
	}
}
