package check_test

import (
	"fmt"
	"reflect"
	"regexp"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

func n(i int64) *int64 { return &i }

func TestRows(t *testing.T) {
	unqualified := engine.Table{Name: "orders"}
	tests{
		{"enough", check.Rows{Table: orders, Min: n(2000)}, nil, nil},
		{"too few", check.Rows{Table: orders, Min: n(2001)}, nil, []string{"failed rows_out_of_range public.orders"}},
		{"at the most", check.Rows{Table: orders, Max: n(2000)}, nil, nil},
		{"too many", check.Rows{Table: orders, Max: n(1999)}, nil, []string{"failed rows_out_of_range public.orders"}},
		{"exact", check.Rows{Table: orders, Exact: n(2000)}, nil, nil},
		{"not exact", check.Rows{Table: orders, Exact: n(0)}, nil, []string{"failed rows_out_of_range public.orders"}},
		{"between", check.Rows{Table: orders, Min: n(1), Max: n(3000)}, nil, nil},
		{"a name without a schema", check.Rows{Table: unqualified, Min: n(2001)}, nil, []string{"failed rows_out_of_range public.orders"}},
		{"public goes first", check.Rows{Table: unqualified, Min: n(2000)}, func(in *verify.Input) {
			in.Measured = append([]engine.Measured{{Table: engine.Table{Schema: "archive", Name: "orders"}}}, in.Measured...)
		}, nil},
		{"another schema where the name is unique", check.Rows{Table: engine.Table{Name: "logs"}, Min: n(1)}, func(in *verify.Input) {
			in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Schema: "audit", Name: "logs"}, Rows: 1})
		}, nil},
		{"with partitions", check.Rows{Table: orders, Min: n(9000)}, func(in *verify.Input) { in.Measured[0].Tree = 9000 }, nil},
		{"no such table", check.Rows{Table: engine.Table{Name: "nothing"}, Min: n(1)}, nil, []string{"failed tables_missing nothing"}},
		{"a table only asked for", check.Rows{Table: engine.Table{Name: "nothing"}, Min: n(0)}, func(in *verify.Input) {
			in.Measured = append(in.Measured, engine.Measured{Table: engine.Table{Name: "nothing"}, Err: engine.ErrNoTable})
		}, []string{"failed tables_missing nothing"}},
		{"not countable", check.Rows{Table: orders, Min: n(1)}, func(in *verify.Input) { in.Measured[0].Err = errIO },
			[]string{"error: count rows of public.orders: connection is gone"}},
		{"nothing measured", check.Rows{Table: orders, Min: n(1)}, func(in *verify.Input) { in.Measured = nil },
			[]string{"error: count rows of public.orders: the restored tables were not counted"}},
	}.run(t)
}

func TestFresh(t *testing.T) {
	c := check.Fresh{Table: engine.Table{Name: "orders"}, Column: "created_at", Within: 26 * time.Hour}
	newest := func(age time.Duration) func(in *verify.Input) {
		return func(in *verify.Input) { in.Measured[0].Max = map[string]time.Time{"created_at": noon.Add(-age)} }
	}
	tests{
		{"recent", c, newest(26 * time.Hour), nil},
		{"old", c, newest(26*time.Hour + time.Second), []string{"failed data_stale public.orders.created_at"}},
		{"a little ahead", c, newest(-time.Hour), nil},
		{"far in the future", c, newest(-48 * time.Hour), []string{"warned data_stale public.orders.created_at"}},
		{"no values", c, nil, []string{"failed data_stale public.orders.created_at"}},
		{"no such column", c, func(in *verify.Input) {
			in.Measured = append(in.Measured, engine.Measured{Table: orders, Err: fmt.Errorf("created_at: %w", engine.ErrNoTable)})
		}, []string{"failed data_stale public.orders.created_at"}},
		{"no such table", c, func(in *verify.Input) { in.Measured = in.Measured[1:] }, []string{"failed tables_missing orders"}},
		{"not countable", c, func(in *verify.Input) { in.Measured[0].Err = errIO },
			[]string{"error: newest created_at of orders: connection is gone"}},
	}.run(t)
	want := []engine.Measure{{Table: c.Table, Column: "created_at"}}
	if got := verify.Measures([]verify.Check{check.RTO{}, c}); !reflect.DeepEqual(got, want) {
		t.Errorf("Measures = %v, want %v", got, want)
	}
}

func TestQuery(t *testing.T) {
	c := check.Query{Title: "no orphans", Expect: "0", Timeout: time.Second}
	p := check.Query{Title: "version", Pattern: regexp.MustCompile(`^4\.`)}
	answers := func(s string) func(in *verify.Input) {
		return func(in *verify.Input) { in.Restored.DB = database{answer: s} }
	}
	refuses := func(err error) func(in *verify.Input) {
		return func(in *verify.Input) { in.Restored.DB = database{err: fmt.Errorf("query: %w", err)} }
	}
	tests{
		{"as expected", c, answers(" 0\n"), nil},
		{"something else", c, answers("17"), []string{"failed query_mismatch no orphans"}},
		{"nothing", c, answers(""), []string{"failed query_mismatch no orphans"}},
		{"matches", p, answers("4.2"), nil},
		{"does not match", p, answers("14.2"), []string{"failed query_mismatch version"}},
		{"refused", c, refuses(&engine.QueryError{Message: "no such table"}), []string{"failed query_mismatch no orphans"}},
		{"too slow", c, refuses(&engine.QueryError{Timeout: true}), []string{"errored check_errored no orphans"}},
		{"an accident", c, refuses(errIO), []string{`error: query "no orphans": query: connection is gone`}},
		{"no database", c, func(in *verify.Input) { in.Restored.DB = nil }, []string{"error: there is no restored database to ask"}},
	}.run(t)
}
