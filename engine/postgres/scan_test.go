package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeboat/engine"
	"lifeboat/internal/testkit/pgdumps"
)

// majors are the versions whose dumps are read in tests.
var majors = []int{13, 15, 17, 18}

// makers make a dump of one database in every format.
var makers = []struct {
	name, format string
	on           int // only on this version, 0 for all
	make         func(t testing.TB, db pgdumps.Database) engine.Dump
}{
	{"custom", formatCustom, 0, streamOf("-Fc")},
	{"custom into a file", formatCustom, 17, func(t testing.TB, db pgdumps.Database) engine.Dump {
		return stream(db.DumpFile(t, "-Fc"))
	}},
	{"custom uncompressed", formatCustom, 17, streamOf("-Fc", "-Z0")},
	{"custom lz4", formatCustom, 17, streamOf("-Fc", "-Zlz4")},
	{"custom zstd", formatCustom, 17, streamOf("-Fc", "-Zzstd:long")},
	{"custom inserts", formatCustom, 17, streamOf("-Fc", "--inserts")},
	{"custom with statistics", formatCustom, 18, streamOf("-Fc", "--statistics")},
	{"tar", formatTar, 0, streamOf("-Ft")},
	{"tar inserts", formatTar, 17, streamOf("-Ft", "--rows-per-insert=7")},
	{"directory", formatDirectory, 0, folderOf()},
	{"directory uncompressed", formatDirectory, 17, folderOf("-Z0")},
	{"directory lz4", formatDirectory, 17, folderOf("-Zlz4")},
	{"directory zstd", formatDirectory, 17, folderOf("-Zzstd")},
	{"directory inserts", formatDirectory, 17, folderOf("--inserts")},
	{"directory in tar", formatDirectory, 0, func(t testing.TB, db pgdumps.Database) engine.Dump {
		return stream(db.DumpDirTar(t))
	}},
	{"plain", formatPlain, 0, streamOf("-Fp")},
	{"plain with database", formatPlain, 17, streamOf("-Fp", "-C", "-c", "--if-exists")},
	{"plain verbose", formatPlain, 17, streamOf("-Fp", "-v", "--use-set-session-authorization", "--quote-all-identifiers")},
	{"plain inserts", formatPlain, 0, streamOf("-Fp", "--inserts")},
	{"plain column inserts", formatPlain, 17, streamOf("-Fp", "--column-inserts", "--on-conflict-do-nothing")},
	{"plain many rows an insert", formatPlain, 17, streamOf("-Fp", "--rows-per-insert=100")},
	{"plain in latin1 with dollar quotes off", formatPlain, 17, streamOf("-Fp", "-E", "LATIN1", "--disable-dollar-quoting", "-T", "nothing")},
}

func streamOf(flags ...string) func(testing.TB, pgdumps.Database) engine.Dump {
	return func(t testing.TB, db pgdumps.Database) engine.Dump { return stream(db.Dump(t, flags...)) }
}

func folderOf(flags ...string) func(testing.TB, pgdumps.Database) engine.Dump {
	return func(t testing.TB, db pgdumps.Database) engine.Dump { return readFolder(t, db.DumpDir(t, flags...)) }
}

// counted asks the server itself for the rows of every table that holds its own.
func counted(t testing.TB, db pgdumps.Database) map[string]int64 {
	t.Helper()
	const sql = `select json_agg(json_build_object('schema', nspname, 'name', relname, 'rows',
		(xpath('/row/n/text()', query_to_xml(format('select count(*) as n from only %I.%I', nspname, relname), false, true, '')))[1]::text::bigint))
		from pg_class c join pg_namespace n on n.oid = relnamespace
		where relkind = 'r' and nspname not like 'pg\_%' and nspname <> 'information_schema'`
	var tables []struct {
		Schema, Name string
		Rows         int64
	}
	if err := json.Unmarshal([]byte(db.Query(t, sql)), &tables); err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]int64)
	for _, x := range tables {
		rows[engine.Table{Schema: x.Schema, Name: x.Name}.String()] = x.Rows
	}
	return rows
}

// census is a census by the names of its tables.
func census(c engine.Census) map[string]int64 {
	rows := make(map[string]int64)
	for _, x := range c.Tables {
		rows[x.Table.String()] = x.Rows
	}
	return rows
}

func objects(m engine.Manifest) []string {
	var list []string
	for _, o := range m.Objects {
		list = append(list, o.Kind+" "+o.Table.String())
	}
	slices.Sort(list)
	return list
}

func TestDumpsReadAsTheirServerSays(t *testing.T) {
	t.Parallel()
	for _, major := range majors {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			db := load(t, major)
			want := counted(t, db)
			checkList(t, db)
			var promised []string
			for _, m := range makers {
				if m.on != 0 && m.on != major {
					continue
				}
				got, err := read(t.Context(), m.make(t, db))
				if err != nil || got.Read != "" {
					t.Errorf("%s: %v, read %q", m.name, err, got.Read)
					continue
				}
				if diff := cmp.Diff(want, census(got.Census)); diff != "" {
					t.Errorf("%s: rows on the server (-) and in the dump (+):\n%s", m.name, diff)
				}
				if left := got.Census.LeftOut; len(left) > 0 {
					t.Errorf("%s: a whole dump is said to leave out rows of %v", m.name, left)
				}
				if promised == nil {
					promised = objects(got.Manifest)
				}
				if diff := cmp.Diff(promised, objects(got.Manifest)); diff != "" {
					t.Errorf("%s: objects of the first format (-) and of this (+):\n%s", m.name, diff)
				}
				checkManifest(t, m.name, m.format, major, got.Manifest)
			}
		})
	}
}

// checkManifest checks what is the same for all dumps of the schema.
func checkManifest(t *testing.T, name, format string, major int, got engine.Manifest) {
	t.Helper()
	if got.Format != format || !strings.HasPrefix(got.ServerVersion, fmt.Sprint(major)) ||
		strings.Contains(got.ServerVersion, " ") || !strings.HasPrefix(got.ToolVersion, fmt.Sprint(major)) {
		t.Errorf("%s: is %q of server %q by tool %q", name, got.Format, got.ServerVersion, got.ToolVersion)
	}
	roles := []string{"Reader One", "granted_default", "policy_role", "postgres", "shop_owner", `two, with "quotes"`}
	if diff := cmp.Diff(roles, got.Roles); diff != "" {
		t.Errorf("%s: roles (-want +got):\n%s", name, diff)
	}
	if diff := cmp.Diff([]string{"hstore", "pgcrypto"}, got.Extensions); diff != "" {
		t.Errorf("%s: extensions (-want +got):\n%s", name, diff)
	}
}

// listed are the kinds that pg_restore -l writes as they are named here.
var listed = map[string]string{
	"TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view", "SEQUENCE": "sequence",
	"INDEX": "index", "CONSTRAINT": "constraint", "FK CONSTRAINT": "constraint", "CHECK CONSTRAINT": "constraint",
	"TRIGGER": "trigger", "RULE": "rule", "POLICY": "policy", "FUNCTION": "function", "PROCEDURE": "procedure",
	"AGGREGATE": "aggregate", "TYPE": "type", "DOMAIN": "domain", "COLLATION": "collation", "STATISTICS": "statistics",
	"TEXT SEARCH CONFIGURATION": "text search configuration", "SCHEMA": "schema", "EXTENSION": "extension",
	"EVENT TRIGGER": "event trigger", "PUBLICATION": "publication",
}

// checkList compares a manifest with what pg_restore lists.
func checkList(t *testing.T, db pgdumps.Database) {
	t.Helper()
	dump := db.Dump(t, "-Fc")
	want := make(map[string]int)
	for line := range strings.Lines(db.List(t, dump)) {
		if kind := kindOf(line); kind != "" {
			want[kind]++
		}
	}
	m, err := inspect(t.Context(), stream(dump))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, o := range m.Objects {
		if o.Kind != "operator" { // pg_restore lists each of its types
			got[o.Kind]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed by pg_restore (-) and in the manifest (+):\n%s", diff)
	}
}

// kindOf reads a line such as "215; 1259 16386 TABLE public orders postgres".
func kindOf(line string) string {
	f := strings.Fields(line)
	if len(f) < 5 || !strings.HasSuffix(f[0], ";") {
		return ""
	}
	rest := strings.Join(f[3:], " ")
	for _, other := range []string{"TABLE DATA", "TABLE ATTACH", "INDEX ATTACH", "SEQUENCE SET", "SEQUENCE OWNED", "PUBLICATION TABLE",
		"MATERIALIZED VIEW DATA"} {
		if strings.HasPrefix(rest, other) {
			return ""
		}
	}
	for desc, kind := range listed {
		if strings.HasPrefix(rest, desc+" ") {
			return kind
		}
	}
	return ""
}
