package postgres

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/engine"
	"lifeboat/internal/testkit"
)

// said is what pg_restore or psql wrote, in the forms of several versions, as far as it
// stands for one error.
var said = []string{
	// pg_restore 12 and later
	`pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 2; 3079 16385 EXTENSION postgis (no owner)
pg_restore: error: could not execute query: ERROR:  could not open extension control file "/usr/share/postgresql/15/extension/postgis.control": No such file or directory
Command was: CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;`,
	`pg_restore: from TOC entry 2; 3079 16385 EXTENSION vector (no owner)
pg_restore: error: could not execute query: ERROR:  extension "vector" is not available
DETAIL:  Could not open extension control file "/usr/share/postgresql/17/extension/vector.control": No such file or directory.
HINT:  The extension must first be installed on the system where PostgreSQL is running.
Command was: CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;`,
	`pg_restore: from TOC entry 2; 3079 16385 EXTENSION pg_madeup (no owner)
pg_restore: error: could not execute query: ERROR:  extension "pg_madeup" is not available`,
	`pg_restore: from TOC entry 215; 1259 16399 TABLE places alice
pg_restore: error: could not execute query: ERROR:  type "public.geometry" does not exist
LINE 4:     spot public.geometry(Point,4326)
                 ^
Command was: CREATE TABLE public.places (
    id integer,
    spot public.geometry(Point,4326)
);`,
	`pg_restore: from TOC entry 3390; 0 16388 TABLE DATA orders alice
pg_restore: error: COPY failed for table "orders": ERROR:  invalid input syntax for type integer: "secret"
CONTEXT:  COPY orders, line 3, column id: "secret"`,
	`pg_restore: from TOC entry 3390; 0 16388 TABLE DATA orders alice
pg_restore: error: COPY failed for table "orders": ERROR:  duplicate key value violates unique constraint "orders_pkey"
DETAIL:  Key (id)=(4711) already exists.
CONTEXT:  COPY orders, line 2`,
	`pg_restore: from TOC entry 3220; 2606 16394 FK CONSTRAINT orders orders_customer_fkey alice
pg_restore: error: could not execute query: ERROR:  insert or update on table "orders" violates foreign key constraint "orders_customer_fkey"
DETAIL:  Key (customer)=(secret) is not present in table "customers".
Command was: ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES public.customers(id);`,
	`pg_restore: from TOC entry 3218; 1259 16396 INDEX orders_email alice
pg_restore: error: could not execute query: ERROR:  could not create unique index "orders_email"
DETAIL:  Key (email)=(secret@example.org) is duplicated.`,
	`pg_restore: from TOC entry 215; 1259 16399 TABLE orders bob
pg_restore: error: could not execute query: ERROR:  role "bob" does not exist
Command was: ALTER TABLE public.orders OWNER TO bob;`,
	`pg_restore: from TOC entry 6; 2615 2200 SCHEMA public postgres
pg_restore: error: could not execute query: ERROR:  schema "public" already exists
Command was: CREATE SCHEMA public;`,
	`pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;`,
	`pg_restore: error: could not read from input file: end of file`,
	`pg_restore: error: unsupported version (1.16) in file header`,
	`pg_restore: error: could not uncompress data: (null)`,
	`pg_restore: from TOC entry 300; 1255 16500 FUNCTION f() alice
pg_restore: error: could not execute query: ERROR:  could not access file "$libdir/madeup": No such file or directory`,
	`pg_restore: from TOC entry 301; 1255 16501 FUNCTION g() alice
pg_restore: error: could not execute query: ERROR:  language "plpython3u" does not exist
HINT:  Use CREATE EXTENSION to load the language into the database.`,
	`pg_restore: from TOC entry 3400; 0 16600 MATERIALIZED VIEW DATA totals alice
pg_restore: error: could not execute query: ERROR:  relation "rates" does not exist
LINE 1: SELECT rate FROM rates WHERE currency = c
QUERY:  SELECT rate FROM rates WHERE currency = c
CONTEXT:  SQL function "rate" during inlining
Command was: REFRESH MATERIALIZED VIEW app.totals;`,
	`pg_restore: from TOC entry 3401; 0 16601 MATERIALIZED VIEW DATA audit alice
pg_restore: error: could not execute query: ERROR:  account 4711 of jane@example.org is "overdrawn", says jane
CONTEXT:  PL/pgSQL function app.audit(integer) line 3 at RAISE`,
	// pg_restore 11 and earlier
	`pg_restore: [archiver (db)] Error while PROCESSING TOC:
pg_restore: [archiver (db)] Error from TOC entry 2; 3079 16385 EXTENSION postgis
pg_restore: [archiver (db)] could not execute query: ERROR:  could not open extension control file "/usr/share/postgresql/9.6/extension/postgis.control": No such file or directory
    Command was: CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;`,
	`pg_restore: [archiver] could not read from input file: end of file`,
	`pg_restore: [archiver] unsupported version (1.14) in file header`,
	// psql
	`psql:/box/dump:12: ERROR:  role "postgres" already exists
psql:/box/dump:12: STATEMENT:  CREATE ROLE postgres;`,
	`psql:/box/dump:20: ERROR:  table "orders" does not exist
psql:/box/dump:20: STATEMENT:  DROP TABLE public.orders;`,
	`psql:/box/dump:21: ERROR:  relation "public.orders" does not exist
psql:/box/dump:21: STATEMENT:  ALTER TABLE ONLY public.orders DROP CONSTRAINT orders_pkey;`,
	`psql:/box/dump:22: ERROR:  relation "public.orders" does not exist
LINE 1: INSERT INTO public.orders VALUES (1, 'secret');
                    ^
psql:/box/dump:22: STATEMENT:  INSERT INTO public.orders VALUES (1, 'secret');`,
	`psql:/box/dump:5: error: invalid command \restrict`,
	`psql:/box/dump:5: invalid command \unrestrict`,
	`psql:/box/dump:40: ERROR:  null value in column "id" of relation "orders" violates not-null constraint
DETAIL:  Failing row contains (null, secret).
CONTEXT:  COPY orders, line 1: "\N	secret"`,
	`psql:/box/dump:41: ERROR:  null value in column "id" violates not-null constraint
DETAIL:  Failing row contains (null, secret).`,
	`psql:/box/dump:50: ERROR:  missing data for column "note"
CONTEXT:  COPY orders, line 9: "secret"`,
	`psql:/box/dump:51: ERROR:  invalid byte sequence for encoding "UTF8": 0xe9 0x20 0x73
CONTEXT:  COPY orders, line 7`,
	`psql:/box/dump:52: ERROR:  value too long for type character varying(3)
CONTEXT:  COPY orders, line 1, column note: "secret"`,
	`psql:/box/dump:53: ERROR:  new row for relation "orders" violates check constraint "positive"
DETAIL:  Failing row contains (-1).`,
	`psql:/box/dump:54: ERROR:  date/time field value out of range: "9999-99-99"`,
	`psql:/box/dump:55: ERROR:  directory "/mnt/fast" does not exist
psql:/box/dump:55: STATEMENT:  CREATE TABLESPACE fast OWNER postgres LOCATION '/mnt/fast';`,
	`psql:/box/dump:56: ERROR:  invalid value for parameter "default_tablespace": "fast"
DETAIL:  Tablespace "fast" does not exist.`,
	`psql:/box/dump:57: ERROR:  unrecognized configuration parameter "default_table_access_method"`,
	`psql:/box/dump:58: ERROR:  syntax error at or near "secret"
LINE 1: secret`,
	`psql:/box/dump:59: ERROR:  foreign-data wrapper "mysql_fdw" does not exist`,
	`psql:/box/dump:60: ERROR:  security label provider "selinux" is not loaded`,
	`psql:/box/dump:61: error: \connect: connection to server on socket "/box/.s.PGSQL.5432" failed: FATAL:  database "shop" does not exist`,
	`psql:/box/dump:62: ERROR:  something nobody has seen about "secret" and 'secret' number 12345`,
}

func TestEveryErrorIsClassifiedWithoutItsRows(t *testing.T) {
	var report strings.Builder
	for _, text := range said {
		tr := newTranscript(15, func(int64) {})
		fmt.Fprintln(tr, text)
		tr.Close()
		errs, count := tr.verdict(1)
		if len(errs) != 1 || len(count) != 1 {
			t.Errorf("one error was written, %d were read:\n%s", len(errs), text)
		}
		for _, e := range errs {
			fmt.Fprintf(&report, "%s | %s | %s | %s\n", className(e.Class), e.Subject, e.Message, e.Hint)
		}
	}
	testkit.Golden(t, "errors.golden", report.String())
	for _, secret := range []string{"secret", "4711", "jane"} {
		if strings.Contains(report.String(), secret) {
			t.Errorf("row contents were let through: %q", secret)
		}
	}
}

func className(c engine.ErrorClass) string {
	return [...]string{"unclassified", "data lost", "extension absent", "role absent", "harmless"}[c]
}

func TestWhatFollowsFromAnAbsentExtensionSaysSo(t *testing.T) {
	tr := newTranscript(15, func(int64) {})
	fmt.Fprintln(tr, said[0])
	fmt.Fprintln(tr, said[3])
	tr.Close()
	errs, _ := tr.verdict(1)
	if len(errs) != 2 || errs[1].Hint != "Follows from the absence of extension postgis." {
		t.Errorf("got %+v", errs)
	}
}

func TestProgressLinesAndNoticesAreNoErrors(t *testing.T) {
	var done int64
	tr := newTranscript(15, func(n int64) { done = n })
	fmt.Fprint(tr, `pg_restore: connecting to database for restore
pg_restore: creating TABLE "public.orders"
pg_restore: processing item 3390 TABLE DATA orders
pg_restore: launching item 3390 TABLE DATA orders
pg_restore: processing data for table "public.orders"
pg_restore: finished item 3390 TABLE DATA orders
pg_restore: finished item 3391 TABLE DATA customers
pg_restore: finished main parallel loop
psql:/box/dump:5: NOTICE:  extension "plpgsql" already exists, skipping
psql:/box/dump:6: WARNING:  wal_level is insufficient to publish logical changes
HINT:  Set wal_level to logical before creating subscriptions.
pg_restore: warning: wal_level is insufficient
`)
	tr.Close()
	if errs, _ := tr.verdict(0); len(errs) != 0 || done != 2 {
		t.Errorf("got %+v and %d tables done, want no errors and 2", errs, done)
	}
}

func TestErrorsThatCannotBeReadAreCountedAllTheSame(t *testing.T) {
	tests := []struct {
		name, text string
		exit, want int
	}{
		{"the tool counted more than were seen", "pg_restore: warning: errors ignored on restore: 3\n", 1, 1},
		{"an old tool did", "WARNING: errors ignored on restore: 3\n", 1, 1},
		{"the tool failed and said nothing", "", 137, 1},
		{"the tool succeeded", "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTranscript(15, func(int64) {})
			fmt.Fprint(tr, tt.text)
			tr.Close()
			if errs, count := tr.verdict(tt.exit); len(errs) != tt.want || count[engine.Unclassified] != tt.want {
				t.Errorf("got %+v, want %d unclassified", errs, tt.want)
			}
		})
	}
}

func TestManyErrorsAreKeptWithinBounds(t *testing.T) {
	tr := newTranscript(15, func(int64) {})
	long := strings.Repeat("x", 1<<16)
	for i := range 1000 {
		fmt.Fprintf(tr, "psql:/box/dump:%d: ERROR:  role \"r%d\" already exists\nSTATEMENT:  %s\n", i, i, long)
	}
	fmt.Fprintln(tr, `psql:/box/dump:2: ERROR:  could not create unique index "late"`)
	tr.Close()
	errs, count := tr.verdict(0)
	if len(errs) != engine.MaxRestoreErrors || count[engine.Harmless] != 1000 || count[engine.DataLost] != 1 {
		t.Errorf("kept %d, counted %v", len(errs), count)
	}
	if errs[0].Class != engine.DataLost {
		t.Error("the one grave error was not kept")
	}
}
