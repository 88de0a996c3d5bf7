package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifeboat/engine"
)

// scripted is a plain dump with some statements in it.
func scripted(statements string) textDump {
	return textDump("--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 17.5\n-- Dumped by pg_dump version 17.5\n\n" +
		statements + "\n\n--\n-- PostgreSQL database dump complete\n--\n\n")
}

func measured(t *testing.T, d drilled, want ...engine.Measure) map[string]engine.Measured {
	t.Helper()
	got, err := d.restored.DB.Measure(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]engine.Measured)
	for _, m := range got {
		name := m.Table.String()
		if m.Err != nil {
			name += " without"
		}
		byName[name] = m
	}
	return byName
}

func TestOnePassTellsRowsAndNewestValues(t *testing.T) {
	t.Parallel()
	d := drill(t, scripted(`
		CREATE SCHEMA s;
		CREATE DOMAIN s.moment AS timestamp;
		CREATE TABLE s.events (id integer, at timestamptz, day date, local s.moment, note text) PARTITION BY LIST (id);
		CREATE TABLE s.events_1 PARTITION OF s.events FOR VALUES IN (1);
		CREATE TABLE s.events_2 PARTITION OF s.events FOR VALUES IN (2);
		INSERT INTO s.events VALUES (1, '2024-03-01 12:00:00.123456+00', '2024-03-02', '2024-03-03 01:02:03', 'x'),
			(2, '2024-04-01 12:00:00+02', 'infinity', NULL, 'y'), (2, '-infinity', NULL, NULL, 'z');
		CREATE TABLE s.parent (id integer);
		CREATE TABLE s.child () INHERITS (s.parent);
		INSERT INTO s.parent VALUES (1);
		INSERT INTO s.child VALUES (1), (2);
		CREATE TABLE s.empty (at timestamptz);`))
	d.clean(t)
	events := engine.Table{Schema: "s", Name: "events"}
	got := measured(t, d,
		engine.Measure{Table: events, Column: "at"}, engine.Measure{Table: engine.Table{Name: "events"}, Column: "day"},
		engine.Measure{Table: events, Column: "local"}, engine.Measure{Table: engine.Table{Schema: "s", Name: "empty"}, Column: "at"},
		engine.Measure{Table: engine.Table{Schema: "s", Name: "child"}, Column: "gone"},
		engine.Measure{Table: engine.Table{Schema: "s", Name: "nowhere"}, Column: "at"},
		engine.Measure{Table: engine.Table{Schema: "s", Name: "events_1"}, Column: "note"})

	rows := map[string][2]int64{"s.events": {0, 3}, "s.events_1": {1, 1}, "s.events_2": {2, 2}, "s.parent": {1, 3}, "s.child": {2, 2}, "s.empty": {0, 0}}
	for name, want := range rows {
		if m := got[name]; m.Rows != want[0] || m.Tree != want[1] || m.Err != nil {
			t.Errorf("%s: %d rows, %d with those below, want %v (%v)", name, m.Rows, m.Tree, want, m.Err)
		}
	}
	newest := map[string]time.Time{
		"at":    time.Date(2024, 4, 1, 10, 0, 0, 0, time.UTC),
		"day":   time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC),
		"local": time.Date(2024, 3, 3, 1, 2, 3, 0, time.UTC),
	}
	for column, want := range newest {
		if at := got["s.events"].Max[column]; !at.Equal(want) {
			t.Errorf("newest %s is %s, want %s", column, at, want)
		}
	}
	if at := got["s.events_1"].Max["at"]; !at.Equal(time.Date(2024, 3, 1, 12, 0, 0, 123456000, time.UTC)) {
		t.Errorf("newest at of one partition is %s", at)
	}
	if _, ok := got["s.empty"].Max["at"]; ok {
		t.Error("an empty table has a newest value")
	}
	for _, name := range []string{"s.child without", "s.nowhere without", "s.events_1 without"} {
		if !errors.Is(got[name].Err, engine.ErrNoTable) {
			t.Errorf("%s: got %v, want ErrNoTable", name, got[name].Err)
		}
	}
}

func TestADumpCannotTalkItselfWell(t *testing.T) {
	t.Parallel()
	d := drill(t, scripted(`
		CREATE TABLE public.orders (id integer PRIMARY KEY, at timestamptz);
		INSERT INTO public.orders VALUES (1, '2020-01-01'), (2, '2020-01-02');
		CREATE FUNCTION public.count() RETURNS bigint LANGUAGE sql AS 'SELECT 1000000::bigint';
		CREATE FUNCTION public.zero(bigint, "any") RETURNS bigint LANGUAGE internal AS 'int8inc_any';
		CREATE AGGREGATE public.max(timestamptz) (SFUNC = timestamptz_larger, STYPE = timestamptz, INITCOND = '2999-01-01');
		CREATE FUNCTION public.differs(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.differs);
		ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
		ALTER TABLE public.orders FORCE ROW LEVEL SECURITY;
		ALTER ROLE ALL SET search_path = public, pg_catalog;
		ALTER ROLE ALL SET statement_timeout = '1ms';
		ALTER ROLE ALL SET default_transaction_isolation = 'serializable';
		ALTER ROLE ALL SET idle_in_transaction_session_timeout = '10ms';
		ALTER ROLE postgres SET role = 'pg_monitor';
		ALTER ROLE postgres NOLOGIN;
		CREATE ROLE nobody;
		ALTER DATABASE restored SET role = 'nobody';
		ALTER DATABASE restored SET client_encoding = 'SQL_ASCII';
		CREATE FUNCTION public.stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); END $$;
		CREATE EVENT TRIGGER stop_login ON login EXECUTE FUNCTION public.stop();
		CREATE EVENT TRIGGER stop_ddl ON ddl_command_start EXECUTE FUNCTION public.stop();`))
	got := measured(t, d, engine.Measure{Table: engine.Table{Name: "orders"}, Column: "at"})
	if m := got["public.orders"]; m.Rows != 2 || m.Max["at"].Year() != 2020 {
		t.Errorf("got %+v", m)
	}
	objects, err := d.restored.DB.Inventory(t.Context())
	orders := engine.Object{Kind: "table", Table: engine.Table{Schema: "public", Name: "orders"}}
	if err != nil || !slices.Contains(objects, orders) {
		t.Errorf("the inventory lacks the table: %v", err)
	}
	found, err := d.restored.DB.Soundness(t.Context())
	if err != nil || len(found.Findings) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
	if !slices.ContainsFunc(found.Checked, func(s string) bool { return strings.Contains(s, "amcheck") }) {
		t.Errorf("amcheck was kept out: %+v", found)
	}
}

// Servers before 17 cannot be told to leave event triggers alone.
func TestAnEventTriggerForbidsNothingAndTellsNothing(t *testing.T) {
	t.Parallel()
	for _, enable := range []string{"", "ALTER EVENT TRIGGER guard ENABLE ALWAYS;"} {
		d := drill(t, textDump(strings.ReplaceAll(string(scripted(`
			CREATE TABLE public.orders (id integer PRIMARY KEY, who text);
			INSERT INTO public.orders VALUES (1, 'secret');
			CREATE FUNCTION public.guard() RETURNS event_trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'no change, says %', (SELECT who FROM public.orders); END $$;
			CREATE EVENT TRIGGER guard ON ddl_command_start EXECUTE FUNCTION public.guard();`+enable)), "17.5", "15.5")))
		found, err := d.restored.DB.Soundness(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		looked := slices.ContainsFunc(found.Checked, func(s string) bool { return strings.Contains(s, "amcheck") })
		if said := fmt.Sprint(found); looked != (enable == "") || strings.Contains(said, "secret") {
			t.Errorf("with %q: got %s", enable, said)
		}
	}
}

func TestAQueryIsReadOnlyAndEnds(t *testing.T) {
	t.Parallel()
	d := drill(t, scripted(`
		CREATE TABLE public.orders (id integer, who text);
		INSERT INTO public.orders VALUES (1, 'secret'), (2, NULL);
		CREATE FUNCTION public.tell() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'secret'; END $$;`))
	ask := func(sql string) (string, *engine.QueryError) {
		t.Helper()
		answer, err := d.restored.DB.Query(t.Context(), sql, 2*time.Second)
		var refused *engine.QueryError
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%s: %v", sql, err)
		}
		return answer, refused
	}
	for sql, want := range map[string]string{
		"select count(*) from orders":                       "2",
		"select id, who from orders order by id":            "1",
		"select who from orders where id = 2":               "",
		"select 1 where false":                              "",
		"select current_setting('transaction_read_only')":   "on",
		"with x as (select 7 as n) select n from x":         "7",
		"select count(*) > 1 from public.orders":            "t",
		"select '2024-01-01T00:00:00Z'::timestamptz::text;": "2024-01-01 00:00:00+00",
	} {
		if got, err := ask(sql); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", sql, got, err, want)
		}
	}
	for sql, want := range map[string]string{
		"delete from orders":                  "cannot execute DELETE in a read-only transaction",
		"commit; delete from orders":          "cannot insert multiple commands into a prepared statement",
		"select nothing from orders":          `column "nothing" does not exist`,
		"select who::integer from orders":     `invalid input syntax for type integer: "…"`,
		"select tell()":                       "an exception raised by a function",
		"create table public.more (id int)":   "cannot execute CREATE TABLE in a read-only transaction",
		"select * from nosuch":                `relation "nosuch" does not exist`,
		"set transaction read write":          "transaction read-write mode must be set before any query",
		"select set_config('role', 'x', true": "syntax error at end of input",
	} {
		if _, err := ask(sql); err == nil || err.Message != want || err.Timeout {
			t.Errorf("%s: got %v, want %q", sql, err, want)
		}
	}
	if _, err := ask("select pg_sleep(60)"); err == nil || !err.Timeout {
		t.Errorf("a query without end: got %v", err)
	}
	if _, err := d.restored.DB.Query(t.Context(), "set statement_timeout = 0", time.Second); err != nil {
		t.Error(err)
	}
	if got, err := ask("select count(*) from orders"); err != nil || got != "2" {
		t.Errorf("after all that: got %q, %v", got, err)
	}
}

func TestWhatABareServerLacksIsToldApart(t *testing.T) {
	t.Parallel()
	d := drill(t, scripted(`
		CREATE EXTENSION vector WITH SCHEMA public;
		CREATE TABLE public.items (id integer, v public.vector(3));
		CREATE TABLE public.owned (id integer);
		ALTER TABLE public.owned OWNER TO somebody;
		GRANT SELECT ON public.owned TO pg_no_such_role;
		CREATE TABLESPACE fast LOCATION '/mnt/fast';
		SET default_tablespace = fast;
		CREATE TABLE public.unplaced (id integer PRIMARY KEY);
		INSERT INTO public.unplaced VALUES (1);
		INSERT INTO public.unplaced VALUES (1);
		SET some_future_setting = 0;`))
	count := d.restored.ErrorCount
	want := map[engine.ErrorClass]int{engine.ExtensionAbsent: 1, engine.RoleAbsent: 1, engine.DataLost: 2, engine.Harmless: 3}
	for class, n := range want {
		if count[class] != n {
			t.Errorf("%s: %d, want %d", className(class), count[class], n)
		}
	}
	if count[engine.Unclassified] != 0 || t.Failed() {
		t.Errorf("errors: %+v", d.restored.Errors)
	}
	if !slices.Equal(d.restored.RolesCreated, []string{"somebody"}) {
		t.Errorf("roles created: %q", d.restored.RolesCreated)
	}
}

func TestFiveThousandTablesAreCountedInFewRoundTrips(t *testing.T) {
	t.Parallel()
	var sql strings.Builder
	const n = 5000
	for i := range n {
		fmt.Fprintf(&sql, "CREATE TABLE public.t%d (id integer);\n", i)
	}
	sql.WriteString("INSERT INTO public.t4711 VALUES (1);\n")
	d := drill(t, scripted(sql.String()))
	d.clean(t)
	var last atomic.Int64
	d.restored.DB.(*database).progress = func(p engine.Progress) {
		if p.Step == "count" && p.Total == n {
			last.Store(max(last.Load(), p.Done))
		}
	}
	got := measured(t, d)
	if last.Load() != n {
		t.Errorf("%d of %d tables were told as counted", last.Load(), n)
	}
	if len(got) != n || got["public.t4711"].Rows != 1 {
		t.Errorf("%d tables, %+v", len(got), got["public.t4711"])
	}
	found, err := d.restored.DB.Soundness(t.Context())
	if err != nil || len(found.Findings) != 0 || len(found.Skipped) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
}
