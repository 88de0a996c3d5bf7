package postgres

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeboat/engine"
	"lifeboat/internal/testkit/pgdumps"
)

const partitioned = `
create table parent (id int, what text) partition by hash (id);
create table leaf_0 partition of parent for values with (modulus 3, remainder 0);
create table leaf_1 partition of parent for values with (modulus 3, remainder 1);
create table leaf_2 partition of parent for values with (modulus 3, remainder 2);
create table "other table" (a int);
create table nothing (a int);
insert into parent select i, 'x' from generate_series(1, 100) i where i % 7 <> 0;
delete from leaf_1;
insert into "other table" select generate_series(1, 5);
`

func TestRowsLoadedThroughAParentAreCountedThere(t *testing.T) {
	t.Parallel()
	db := pgdumps.Start(t, 17).Load(t, partitioned)
	rows, err := strconv.ParseInt(db.Query(t, "select count(*) from parent"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	sum := engine.Count{Table: engine.Table{Schema: "public", Name: "parent"}, Rows: rows, Tree: true}
	for _, flags := range [][]string{
		{"-Fc"}, {"-Fp"}, {"-Ft", "--inserts"}, {"-Fp", "--rows-per-insert=10"},
	} {
		got, err := read(t.Context(), stream(db.Dump(t, append(flags, "--load-via-partition-root")...)))
		if err != nil {
			t.Errorf("%v: %v", flags, err)
		}
		if !slices.Contains(got.Census.Tables, sum) {
			t.Errorf("%v: %+v lacks %+v", flags, got.Census.Tables, sum)
		}
		for _, c := range got.Census.Tables {
			if strings.HasPrefix(c.Table.Name, "leaf") {
				t.Errorf("%v: %v is counted apart from its parent", flags, c)
			}
		}
	}
}

func TestPartsOfADatabase(t *testing.T) {
	t.Parallel()
	db := pgdumps.Start(t, 17).Load(t, partitioned)
	rows := counted(t, db)
	for _, format := range []string{"-Fc", "-Fp"} {
		got, err := read(t.Context(), stream(db.Dump(t, format, "--schema-only")))
		if err != nil || len(got.Census.Tables) != 0 || len(got.Manifest.Objects) == 0 {
			t.Errorf("schema alone %s: %v, census %v of %d objects", format, err, got.Census, len(got.Manifest.Objects))
		}
		got, err = read(t.Context(), stream(db.Dump(t, format, "--data-only")))
		if diff := cmp.Diff(rows, census(got.Census)); err != nil || diff != "" || len(got.Manifest.Objects) != 0 {
			t.Errorf("data alone %s: %v, rows (-want +got):\n%s", format, err, diff)
		}
	}
}

// TestTablesOfExtensions makes an extension with a table whose rows are dumped, which
// none of PostgreSQL's own has.
func TestTablesOfExtensions(t *testing.T) {
	t.Parallel()
	db := pgdumps.Start(t, 17).Load(t, `create table own (a int); insert into own values (1);`)
	if db.Query(t, "select count(*) from pg_available_extensions where name = 'lifeboat_config'") == "0" {
		const install = `d=$(pg_config --sharedir)/extension
			printf "default_version = '1'\nrelocatable = true\n" >"$d/lifeboat_config.control"
			printf "create table settings (name text); insert into settings values ('built in');
				select pg_catalog.pg_extension_config_dump('settings', '');" >"$d/lifeboat_config--1.sql"`
		db.Root(t, "sh", "-c", install)
	}
	db.Query(t, "create extension lifeboat_config; insert into settings values ('added');")
	want := []engine.Count{
		{Table: engine.Table{Schema: "public", Name: "own"}, Rows: 1},
		{Table: engine.Table{Schema: "public", Name: "settings"}, Rows: 2, AtLeast: true},
	}
	for _, format := range []string{"-Fc", "-Fp"} {
		got, err := read(t.Context(), stream(db.Dump(t, format)))
		slices.SortFunc(got.Census.Tables, func(a, b engine.Count) int { return compareTables(a.Table, b.Table) })
		if diff := cmp.Diff(want, got.Census.Tables); err != nil || diff != "" {
			t.Errorf("%s: %v, census (-want +got):\n%s", format, err, diff)
		}
	}
}

// TestClusterDumps does not run beside other tests: pg_dumpall fails when one of them
// drops its database meanwhile.
func TestClusterDumps(t *testing.T) {
	for _, major := range []int{13, 18} {
		server := pgdumps.Start(t, major)
		one := server.Load(t, `create table a (x int); insert into a select generate_series(1, 9); create type "b c" as enum ();`)
		two := server.Load(t, `create table a (x int); insert into a select generate_series(1, 4);`)
		got, err := read(t.Context(), stream(server.DumpAll(t)))
		if err != nil {
			t.Errorf("%d: %v", major, err)
		}
		rows := census(got.Census)
		if rows[one.Name+".public.a"] != 9 || rows[two.Name+".public.a"] != 4 {
			t.Errorf("%d: rows %v, want 9 of %s and 4 of %s", major, rows, one.Name, two.Name)
		}
		kind := engine.Object{Kind: "type", Table: engine.Table{Database: one.Name, Schema: "public", Name: "b c"}}
		if !slices.Contains(got.Manifest.Objects, kind) {
			t.Errorf("%d: objects %v lack %v", major, got.Manifest.Objects, kind)
		}
		if got.Manifest.Format != formatCluster || len(got.Manifest.Roles) != 0 || got.Manifest.ServerVersion == "" {
			t.Errorf("%d: %q of %q asks for roles %v, all of which it creates itself", major, got.Manifest.Format,
				got.Manifest.ServerVersion, got.Manifest.Roles)
		}
	}
}
