package main

import (
	"fmt"
	"strings"
	"testing"

	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// manyTables is as many as a large installation has, every other one with rows.
const manyTables = `
do $$ begin
	for i in 1..5000 loop
		execute format('create table t_%s (id int)', i);
		if i % 2 = 0 then execute format('insert into t_%s values (1), (2)', i); end if;
		if i % 10 = 0 then execute format('create index on t_%s (id)', i); end if;
		if i % 500 = 0 then commit; end if;
	end loop;
end $$;
`

// grown is a database as years of work leave them, and how it is dumped on each version.
type grown struct {
	name   string
	schema func(major int) string
	flags  map[int][]string
}

func always(schema string) func(int) string { return func(int) string { return schema } }

// grownDatabases hold everything that PostgreSQL has.
var grownDatabases = []grown{
	{"rentals", always(pgdumps.Rentals), map[int][]string{
		13: {"-Fp"}, 15: {"-Fc"}, 17: {"-Fp", "--inserts", "--clean", "--if-exists", "--create"}, 18: {"-Ft"},
	}},
	{"music", always(pgdumps.Music), map[int][]string{
		13: {"-Fc"}, 15: {"-Fp", "--quote-all-identifiers"}, 17: {"-Ft"}, 18: {"-Fp"},
	}},
	{"everything", pgdumps.Everything, map[int][]string{
		13: {"-Ft"}, 15: {"-Fp", "--column-inserts"}, 17: {"-Fc", "--quote-all-identifiers"}, 18: {"-Fc", "--no-owner"},
	}},
	{"shop", always(pgdumps.Shop), map[int][]string{
		13: {"-Fp", "--disable-triggers", "--load-via-partition-root"}, 18: {"-Fp", "--rows-per-insert=9"},
	}},
	{"5,000 tables", always(manyTables), map[int][]string{17: {"-Fc"}}},
}

// TestGoodBackupsOfGrownDatabasesRaiseNoFalseAlarm is the promise that nobody is woken
// for a good backup, whatever is in it.
func TestGoodBackupsOfGrownDatabasesRaiseNoFalseAlarm(t *testing.T) {
	for _, g := range grownDatabases {
		for _, major := range majors {
			flags, wanted := g.flags[major]
			if !wanted {
				continue
			}
			t.Run(fmt.Sprintf("%s of %d with %s", g.name, major, strings.Join(flags, " ")), func(t *testing.T) {
				t.Parallel()
				needDocker(t, major)
				dump := pgdumps.Start(t, major).Load(t, g.schema(major)).DumpFile(t, flags...)
				code, rep := drillFiles(t, backups{"db.dump": dump}, "match: db.dump\n")
				if code != exitGood || (rep.Verdict != verify.Passed && rep.Verdict != verify.Warned) {
					t.Fatalf("exit %d, verdict %s %s, findings:\n%s", code, rep.Verdict, rep.Error, findings(rep))
				}
				mustBeWhole(t, rep)
			})
		}
	}
}

// mustBeWhole fails t unless all that the dump lists was found again: every object, and
// as many rows of every table. Warned may be only of what a bare server lacks.
func mustBeWhole(t testing.TB, rep verify.Report) {
	t.Helper()
	looked := map[string]bool{}
	for _, r := range rep.Results {
		looked[r.Check] = true
		if r.Verdict != verify.Passed && r.Code != verify.RoleAbsent {
			t.Errorf("%s %s %s %q: %s", r.Check, r.Verdict, r.Code, r.Subject, r.Detail)
		}
		if r.Check == "inventory" && (r.Observed == "" || r.Observed != r.Expected) {
			t.Errorf("inventory: %s of %s", r.Observed, r.Expected)
		}
	}
	for _, check := range []string{"inventory", "census", "restore", "integrity"} {
		if !looked[check] {
			t.Errorf("nobody looked at the %s", check)
		}
	}
	counted := 0
	for _, table := range rep.Tables {
		if table.DumpRows == nil {
			continue
		}
		counted++
		if *table.DumpRows != table.Rows {
			t.Errorf("%s: %d rows in the dump, %d restored", table.Table, *table.DumpRows, table.Rows)
		}
	}
	if counted == 0 {
		t.Error("no table was counted in the dump")
	}
	t.Logf("%d objects, %d tables counted, verdict %s, not checked: %q", rep.Manifest.Objects, counted, rep.Verdict, rep.NotChecked)
}

// TestWhatIsDroppedFromAGrownDatabaseIsMissed shows that the same reports would not have
// been as good without the objects.
func TestWhatIsDroppedFromAGrownDatabaseIsMissed(t *testing.T) {
	needDocker(t, 15)
	dropped := map[string]string{ // subject -> statement
		"index public.film_sorting":                             "DROP INDEX public.film_sorting",
		"index public.payment_amount":                           "DROP INDEX public.payment_amount",
		"constraint public.rental.rented_once":                  "ALTER TABLE public.rental DROP CONSTRAINT rented_once",
		"constraint public.store.store_manager":                 "ALTER TABLE public.store DROP CONSTRAINT store_manager",
		"trigger public.film.film_words":                        "DROP TRIGGER film_words ON public.film",
		`rule public.staff.staff, noted`:                        `DROP RULE "staff, noted" ON public.staff`,
		"policy public.payment.own payments":                    `DROP POLICY "own payments" ON public.payment`,
		"view public.film_list":                                 "DROP VIEW public.film_list",
		"materialized view public.never_filled":                 "DROP MATERIALIZED VIEW public.never_filled",
		"sequence public.film_number":                           "DROP SEQUENCE public.film_number",
		"function public.in_stock(integer)":                     "DROP FUNCTION public.in_stock(integer) CASCADE",
		"procedure public.close_month(date, character varying)": "DROP PROCEDURE public.close_month(date, varchar)",
		"aggregate public.listed(text)":                         "DROP AGGREGATE public.listed(text)",
		"operator public.^@~":                                   "DROP OPERATOR public.^@~ (text, text)",
		"statistics public.film_stats":                          "DROP STATISTICS public.film_stats",
		"publication all_tables":                                "DROP PUBLICATION all_tables",
	}
	dump := beforeEnd(pgdumps.Start(t, 15).Load(t, pgdumps.Rentals).DumpFile(t, "-Fp"))
	for _, statement := range dropped {
		dump = fmt.Appendf(dump, "%s;\n", statement)
	}
	code, rep := drillFiles(t, backups{"db.dump": append(dump, "\n"+plainEnd...)}, "match: db.dump\n")
	mustFail(t, code, rep, verify.ObjectsMissing)
	for _, r := range rep.Results {
		if r.Code != verify.ObjectsMissing {
			continue
		}
		if _, expected := dropped[r.Subject]; !expected {
			t.Errorf("%s is said to be missing", r.Subject)
		}
		delete(dropped, r.Subject)
	}
	for subject := range dropped {
		t.Errorf("nobody missed %s", subject)
	}
}

// trapped has a constraint that only holds where the search path finds its table, which
// it never does in a restore.
const trapped = `
create table rates (currency char(3) primary key);
create function known(c char) returns boolean language plpgsql as 'begin return exists (select from rates where currency = c); end';
create table prices (id int primary key, currency char(3) check (known(currency)));
insert into rates values ('EUR');
insert into prices select n, 'EUR' from generate_series(1, 10) n;
`

// TestAFunctionThatNeedsASearchPathIsTold covers the commonest way in which a database
// that runs well makes dumps that do not restore.
func TestAFunctionThatNeedsASearchPathIsTold(t *testing.T) {
	needDocker(t, 15)
	db := pgdumps.Start(t, 15).Load(t, trapped)
	for _, flag := range []string{"-Fc", "-Fp"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			code, rep := drillFiles(t, backups{"db.dump": db.DumpFile(t, flag)}, "match: db.dump\n")
			mustFail(t, code, rep, verify.RowsMissing)
			if r := mustHave(t, rep, verify.Failed, verify.RestoreIncomplete); !strings.Contains(r.Hint, "search path") {
				t.Errorf("the hint does not explain it: %+v", r)
			}
		})
	}
}
