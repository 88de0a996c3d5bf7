package sqltext

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// pieces lists what a scanner finds in a script.
func pieces(s *Scanner) (list []string, err error) {
	for {
		kind, err := s.Next()
		if err != nil {
			return list, err
		}
		list = append(list, map[Kind]string{Statement: "S ", Comment: "C ", Command: "M "}[kind]+string(s.Text()))
	}
}

func TestScriptsAreSplitAsPsqlDoes(t *testing.T) {
	tests := []struct {
		name, script string
		want         []string
	}{
		{"statements", "a; b ;\n\n;c\n;", []string{"S a", "S b ", "S c\n"}},
		{"comments", "-- one\na -- two;\nb; /* ; /* nested; */ */ c;", []string{"C -- one", "S a \nb", "S c"}},
		{"strings", "a ';' '''; ' \"x;\"\"\" b;", []string{`S a ';' '''; ' "x;""" b`}},
		{"a backslash at the end of a string", `a '\'; b;`, []string{`S a '\'`, "S b"}},
		{"escapes", `a e'\'; ' E'\\'; b;`, []string{`S a e'\'; ' E'\\'`, "S b"}},
		{"a name that ends in e", `some'x'; b;`, []string{"S some'x'", "S b"}},
		{"dollar quotes", "a $$ ; $x$ $$ $tag$ $$;\n$tag $tag$; b;", []string{"S a $$ ; $x$ $$ $tag$ $$;\n$tag $tag$", "S b"}},
		{"dollars that quote nothing", "a$b$; $1; c$$;", []string{"S a$b$", "S $1", "S c$$"}},
		{"parentheses", "create rule r as do (a; b); c;", []string{"S create rule r as do (a; b)", "S c"}},
		{"a body in SQL", "create or replace function f() begin atomic select case when a then b end; c; end; d;",
			[]string{"S create or replace function f() begin atomic select case when a then b end; c; end", "S d"}},
		{"a transaction", "begin; a; end;", []string{"S begin", "S a", "S end"}},
		{"commands", "\\connect x\na;\n  \\restrict y", []string{`M \connect x`, "S a", `M \restrict y`}},
		{"umlauts", "ä; 'ö;';", []string{"S ä", "S 'ö;'"}},
	}
	for _, tt := range tests {
		for reader, r := range map[string]io.Reader{
			"at once":      strings.NewReader(tt.script),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tt.script)),
		} {
			got, err := pieces(NewScanner(r))
			if !errors.Is(err, io.EOF) || strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%s %s: %q, %v, want %q", tt.name, reader, got, err, tt.want)
			}
		}
	}
}

func TestOpenEndsAreNamed(t *testing.T) {
	tests := []struct{ script, inside string }{
		{"a", "a statement"}, {"a 'b", "a string"}, {`a "b`, "a quoted name"}, {"a $$ b $", "a dollar-quoted string"},
		{"/* a", "a comment"}, {"a (b;", "a statement"}, {`a e'b\`, "a string"}, {"a -- b", "a statement"},
	}
	for _, tt := range tests {
		_, err := pieces(NewScanner(strings.NewReader(tt.script)))
		var open *OpenError
		if !errors.As(err, &open) || open.Inside != tt.inside {
			t.Errorf("%q: %v, want it open inside %s", tt.script, err, tt.inside)
		}
	}
}

func TestTuplesOfInserts(t *testing.T) {
	tests := []struct {
		sql  string
		want int64
		ok   bool
	}{
		{"INSERT INTO t VALUES (1);", 1, true},
		{"insert into t (a, b) values (1, 'x'), (2, '), ('), (3, f((1), (2)));", 3, true},
		{"INSERT INTO t (\"values\") OVERRIDING SYSTEM VALUE VALUES (1),\n(2) ON CONFLICT (a) DO UPDATE SET (b) = (1);", 2, true},
		{"INSERT INTO t DEFAULT VALUES;", 1, true},
		{"INSERT INTO t VALUES (1) RETURNING (a);", 1, true},
		{"INSERT INTO t SELECT (1), (2);", 0, false},
		{"SELECT (1);", 0, false},
	}
	for _, tt := range tests {
		s := NewScanner(strings.NewReader(tt.sql))
		if _, err := s.Next(); err != nil {
			t.Errorf("%s: %v", tt.sql, err)
		}
		if got, ok := s.Tuples(); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %d rows, %v, want %d, %v", tt.sql, got, ok, tt.want, tt.ok)
		}
	}
}

func TestRowsOfCopyText(t *testing.T) {
	tests := []struct {
		name, data string
		rows       int64
		done       bool
	}{
		{"no rows", "\\.\n", 0, true},
		{"rows", "1\ta\n2\t\\N\n\\.\n", 2, true},
		{"empty rows", "\n\n\\.\n", 2, true},
		{"null in the first column", "\\N\t1\n\\N\t2\n\\.\n", 2, true},
		{"a dot after an escaped backslash", "\\\\.\n\\.\n", 1, true},
		{"carriage returns", "1\r\n\\.\r\n", 1, true},
		{"a row that begins like the end", "\\.x\n\\.\n", 1, true},
		{"no end", "1\n2\n", 2, false},
		{"half of a row", "1\n2", 1, false},
		{"half of the end", "1\n\\.", 1, false},
	}
	for _, tt := range tests {
		for cut := range len(tt.data) + 1 {
			var c CopyRows
			n := c.Feed([]byte(tt.data[:cut])) + c.Feed([]byte(tt.data[cut:]))
			if c.Rows != tt.rows || c.Done != tt.done || n != len(tt.data) {
				t.Errorf("%s in pieces of %d: %d rows, done %v, %d bytes", tt.name, cut, c.Rows, c.Done, n)
			}
		}
	}
}

// FuzzCopyRows compares the count with that of plain line splitting.
func FuzzCopyRows(f *testing.F) {
	f.Add("1\ta\n\\N\n\\.\nrest", 3)
	f.Add("\n\\\\.\n\\.\r\n", 2)
	f.Fuzz(func(t *testing.T, data string, cut int) {
		var c CopyRows
		cut = min(max(cut, 0), len(data))
		n := c.Feed([]byte(data[:cut]))
		n += c.Feed([]byte(data[n:]))
		var rows int64
		rest, done := data, false
		for !done {
			line, tail, found := strings.Cut(rest, "\n")
			if !found {
				rest = ""
				break
			}
			rest = tail
			if done = line == `\.` || line == "\\.\r"; !done {
				rows++
			}
		}
		if want := len(data) - len(rest); c.Rows != rows || c.Done != done || done && n != want {
			t.Errorf("%d rows, done %v, %d bytes; want %d, %v, %d", c.Rows, c.Done, n, rows, done, want)
		}
	})
}

// FuzzScanner checks that a script reads the same in any pieces and never panics.
func FuzzScanner(f *testing.F) {
	f.Add("create function f() begin atomic a; end; e'\\'' $a$;$a$ -- x\n\\c y\n")
	f.Add("INSERT INTO t VALUES ('a'), (2) ON CONFLICT DO NOTHING; /* /* */ */ a")
	f.Fuzz(func(t *testing.T, script string) {
		whole, err := pieces(NewScanner(strings.NewReader(script)))
		bytewise, err2 := pieces(NewScanner(iotest.OneByteReader(strings.NewReader(script))))
		if strings.Join(whole, "|") != strings.Join(bytewise, "|") || err.Error() != err2.Error() {
			t.Errorf("at once %q, %v; byte by byte %q, %v", whole, err, bytewise, err2)
		}
		var open *OpenError
		if !errors.Is(err, io.EOF) && !errors.As(err, &open) {
			t.Errorf("ended with %v", err)
		}
	})
}

func BenchmarkCopyRows(b *testing.B) {
	for _, width := range []int{10, 100} {
		row := strings.Repeat("x", width-1) + "\n"
		data := []byte(strings.Repeat(row, 4<<20/width))
		b.Run(map[int]string{10: "short", 100: "long"}[width], func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var c CopyRows
				c.Feed(data)
			}
		})
	}
}

func BenchmarkInserts(b *testing.B) {
	data := strings.Repeat("INSERT INTO public.orders VALUES (12345, 'some text of a row', '2024-01-01 10:00:00+00', NULL, 12.5);\n", 40000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		s := NewScanner(strings.NewReader(data))
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
	}
}
