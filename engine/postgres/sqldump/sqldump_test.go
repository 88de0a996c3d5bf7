package sqldump

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifeboat/engine"
)

const dumped = "--\n-- PostgreSQL database dump\n--\n\n"
const ended = "--\n-- PostgreSQL database dump complete\n--\n\n"

// run reads a script and lists what it holds, one line each.
func run(t testing.TB, script string) (told Script, list []string, err error) {
	t.Helper()
	told, err = Read(t.Context(), strings.NewReader(script), Handler{
		Item: func(i Item) {
			list = append(list, fmt.Sprintf("%s %s/%s/%s", i.Desc, i.Database, i.Schema, i.Tag))
		},
		Rows: func(r Rows) {
			s := fmt.Sprintf("%d rows %s/%s/%s", r.N, r.Database, r.Schema, r.Name)
			for _, flag := range []struct {
				set  bool
				word string
			}{{r.Via, " via"}, {r.Unknown, " unknown"}, {r.Heading, " heading"}} {
				if flag.set {
					s += flag.word
				}
			}
			list = append(list, s)
		},
	})
	return told, list, err
}

func TestWhatAScriptHolds(t *testing.T) {
	tests := []struct {
		name, script string
		want         []string
	}{
		{"copied rows that look like SQL", dumped + "COPY public.a (x) FROM stdin;\n'; DROP TABLE b;\n-- PostgreSQL database dump complete\n$$\n\\.\n\n" + ended,
			[]string{"3 rows /public/a"}},
		{"a search path, as before 10.3", dumped + "SET search_path = \"My Schema\", pg_catalog;\nCOPY a (x) FROM stdin;\n1\n\\.\nINSERT INTO a VALUES (1);\n" +
			"SET search_path = other, pg_catalog;\nINSERT INTO a VALUES (2);\n" + ended,
			[]string{"1 rows /My Schema/a", "1 rows /My Schema/a", "1 rows /other/a"}},
		{"the path of set_config", dumped + "SELECT pg_catalog.set_config('search_path', 'shop, public', false);\nINSERT INTO a VALUES (1);\n" + ended,
			[]string{"1 rows /shop/a"}},
		{"tables whose names begin alike", dumped + "INSERT INTO public.a VALUES (1);\nINSERT INTO public.ab VALUES (1), (2);\n" + ended,
			[]string{"1 rows /public/a", "2 rows /public/ab"}},
		{"a heading without rows", dumped + "-- Data for Name: a; Type: TABLE DATA; Schema: public; Owner: me\n" + ended,
			[]string{"0 rows /public/a heading"}},
		{"rows through a parent", dumped + "-- Data for Name: leaf; Type: TABLE DATA; Schema: public; Owner: me\nCOPY public.root (a) FROM stdin;\n1\n\\.\n" + ended,
			[]string{"1 rows /public/root via"}},
		{"rows that are not spelled out", dumped + "INSERT INTO a.b SELECT 1;\n" + ended, []string{"0 rows /a/b unknown"}},
		{"escaping strings", dumped + "SET standard_conforming_strings = off;\nINSERT INTO a.b VALUES ('\\'), (1');\n" + ended, []string{"1 rows /a/b"}},
		{"a file of the server", dumped + "COPY a.b FROM '/etc/passwd';\n" + ended, nil},
		{"an object with its heading", dumped + "-- Name: f(integer); Type: FUNCTION; Schema: public; Owner: me\nCREATE FUNCTION public.f(integer) RETURNS int AS $$;$$;\nALTER FUNCTION public.f(integer) OWNER TO me;\n" + ended,
			[]string{"FUNCTION /public/f(integer)", "ACL //"}},
		{"a name with a line end", dumped + "-- Name: two lines; Type: TABLE; Schema: public; Owner: me\nCREATE TABLE public.\"two\nlines\" ();\n" + ended,
			[]string{"TABLE /public/two\nlines"}},
		{"another database", dumped + "\\connect -reuse-previous=on \"dbname='it\\'s'\"\nINSERT INTO a.b VALUES (1);\n" + ended,
			[]string{"1 rows it's/a/b"}},
		{"SQL by others", "CREATE TABLE a (b int);\nALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);\nCREATE INDEX ON a (b);\nCREATE UNIQUE INDEX i ON x.a (b);\n" +
			"CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();\nCREATE TEMP TABLE z ();\nCREATE VIEW v AS SELECT 1;\nCREATE ROLE r;\n",
			[]string{"TABLE /public/a", "CONSTRAINT /public/a c", "INDEX /x/i", "TRIGGER /public/a t", "VIEW /public/v", "ROLE //r"}},
	}
	for _, tt := range tests {
		_, got, err := run(t, tt.script)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestScriptsThatEndTooEarly(t *testing.T) {
	tests := []struct{ name, script string }{
		{"without the closing remark", dumped + "SELECT 1;\n"},
		{"inside the closing remark", dumped + "SELECT 1;\n" + ended[:len(ended)-1]},
		{"inside rows", dumped + "COPY a FROM stdin;\n1\n"},
		{"without the closing line of rows", dumped + "COPY a FROM stdin;\n1\n" + ended},
		{"inside a statement", dumped + "SELECT"},
		{"inside a string", dumped + "SELECT ';\n" + ended},
		{"without the second of two dumps", dumped + ended + dumped + "SELECT 1;\n"},
		{"a cluster without its own remark", "-- PostgreSQL database cluster dump\n\n" + dumped + ended},
		{"inside \\unrestrict", dumped + "\\restrict abc\n" + ended + "\\unrestrict a"},
	}
	for _, tt := range tests {
		if _, _, err := run(t, tt.script); !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("%s: %v, want %v", tt.name, err, engine.ErrTruncated)
		}
	}
}

func TestScriptsMayGoOnAfterTheirClosingRemark(t *testing.T) {
	for _, more := range []string{"", "\\unrestrict abc\n\n", "ANALYZE;\n", "\n\n\n"} {
		if _, _, err := run(t, dumped+ended+more); err != nil {
			t.Errorf("followed by %q: %v", more, err)
		}
	}
}

func TestCommandsOfPsqlAreNamed(t *testing.T) {
	told, _, err := run(t, dumped+"\\restrict key\n\\! rm -rf /\n\\connect shop\n"+ended)
	if err != nil || strings.Join(told.Commands, " ") != `\! \connect \restrict` || told.Database != "shop" {
		t.Errorf("%v, commands %q, database %q", err, told.Commands, told.Database)
	}
}

func TestCommandsAreFoundWhereverPsqlRunsThem(t *testing.T) {
	tests := []struct{ script, want string }{
		{"SELECT 'id' \\gexec\n;", `\gexec`},
		{"SELECT 1 \\g |sh\n;", `\g`},
		{"CREATE TABLE a.b (\n\\! id\n);", `\!`},
		{"\\echo one \\copy a.b from x\n", `\copy \echo`},
		{"\\set name `id`\n", "\\set `...`"},
		{"\\connect \"it`s\"\n", `\connect`},
		{"SELECT '\\! id', E'\\'\\! id', $$ \\! id $$; -- \\! id\n/* \\! id */", ""},
		{"COPY a.b FROM stdin;\n\\! id\n\\.\n", ""},
		{"\\N\tjane\n\\jane@example.org\n", ""},
	}
	for _, tt := range tests {
		told, _, err := run(t, tt.script)
		if got := strings.Join(told.Commands, " "); err != nil || got != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.script, got, err, tt.want)
		}
	}
}

func TestALineOfAnyLengthTakesBoundedMemory(t *testing.T) {
	long := strings.Repeat("x", 16<<20)
	script := dumped + "-- " + long + "\nINSERT INTO a.b VALUES ('" + long + "');\nCREATE TABLE " + long + " ();\n" + ended
	result := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			if _, _, err := run(b, script); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 4<<20 {
		t.Errorf("reading %d bytes took %d bytes of memory", len(script), got)
	}
}

// FuzzRead checks that any script is read or called truncated.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"13.sql", "17-inserts.sql", "17-all.sql"} {
		dump, err := os.ReadFile(filepath.Join("..", "testdata", "dumps", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(dump))
	}
	f.Fuzz(func(t *testing.T, script string) {
		if _, _, err := run(t, script); err != nil && !errors.Is(err, engine.ErrTruncated) {
			t.Errorf("%v, want it called truncated", err)
		}
	})
}

func BenchmarkPlainDump(b *testing.B) {
	script := dumped + "COPY public.a (x) FROM stdin;\n" + strings.Repeat("12345\tsome text of a row\t2024-01-01 10:00:00+00\t\\N\n", 500000) + "\\.\n" + ended
	b.SetBytes(int64(len(script)))
	for b.Loop() {
		if _, _, err := run(b, script); err != nil {
			b.Fatal(err)
		}
	}
}
