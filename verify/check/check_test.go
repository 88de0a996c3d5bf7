package check_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/testkit"
	"lifeboat/storage"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

var (
	orders = engine.Table{Schema: "public", Name: "orders"}
	users  = engine.Table{Schema: "public", Name: "users"}
	errIO  = errors.New("connection is gone")
)

// database answers from memory. Checks judge; what a real database answers is tested
// with the engines.
type database struct {
	engine.Database
	inventory []engine.Object
	answer    string
	err       error
}

func (d database) Inventory(context.Context) ([]engine.Object, error) { return d.inventory, d.err }

func (d database) Query(context.Context, string, time.Duration) (string, error) {
	return d.answer, d.err
}

// good is the input of a drill without any fault.
func good() verify.Input {
	objects := []engine.Object{{Kind: "table", Table: orders}, {Kind: "table", Table: users}, {Kind: "index", Table: engine.Table{Schema: "public", Name: "orders_pkey"}}}
	return verify.Input{
		Target: verify.Target{Name: "orders", Objectives: verify.Objectives{RPO: 26 * time.Hour, RTO: time.Hour}},
		Artifact: storage.Artifact{
			Key: "orders.dump", MadeAt: noon.Add(-3 * time.Hour), MadeAtFrom: "name", Parts: []storage.Object{{Size: 1000}},
		},
		SHA256:    "aa",
		Checksums: []verify.Checksum{{Origin: "orders.dump.sha256", Algorithm: "sha256", Subject: "orders.dump", Want: "AA", Got: "aa"}},
		Received: engine.Received{
			Manifest: engine.Manifest{Engine: "postgres", Database: "shop", Objects: objects},
			Census:   engine.Census{Tables: []engine.Count{{Table: orders, Rows: 2000}, {Table: users, Rows: 50}}},
			Bytes:    5000,
		},
		Restored:  engine.Restored{DB: database{inventory: slices.Clone(objects)}, Tool: "pg_restore 16.4"},
		Measured:  []engine.Measured{{Table: orders, Rows: 2000, Tree: 2000}, {Table: users, Rows: 50, Tree: 50}},
		Soundness: &engine.Soundness{Checked: []string{"3 indexes with amcheck"}},
		Now:       noon,
		LoadTime:  time.Minute,
	}
}

// past is a good drill n days ago that found what good holds.
func past(n int) verify.Past {
	return verify.Past{
		Drill: fmt.Sprintf("d%d", n), Key: "older.dump", SHA256: fmt.Sprintf("past%d", n), MadeAt: noon.AddDate(0, 0, -n), Bytes: 1000,
		Tables: map[string]int64{"public.orders": 2000, "public.users": 50},
	}
}

// answer is a result as a test names it: "failed rows_missing public.orders".
func answer(r verify.Result) string {
	return strings.TrimSpace(strings.Join([]string{r.Verdict.String(), r.Code, r.Subject}, " "))
}

// ask runs c and returns the answers that are not passed. Everything said has to be
// fit for a report.
func ask(t *testing.T, c verify.Check, in verify.Input) []string {
	t.Helper()
	results, err := c.Run(t.Context(), in)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	if len(results) == 0 {
		t.Errorf("%s said nothing at all", c.Name())
	}
	var bad []string
	for _, r := range results {
		if r.Check != c.Name() {
			t.Errorf("result of %s says that it is of %q", c.Name(), r.Check)
		}
		if r.Detail == "" || !strings.HasSuffix(r.Detail, ".") && r.Verdict == verify.Passed {
			t.Errorf("%s: detail %q is no sentence", answer(r), r.Detail)
		}
		if r.Verdict == verify.Passed {
			if r.Code != "" {
				t.Errorf("passed with the code %s", r.Code)
			}
			continue
		}
		if r.Code == "" || r.Hint == "" {
			t.Errorf("%s: code and hint must be there: %+v", answer(r), r)
		}
		bad = append(bad, answer(r))
	}
	return bad
}

// tests is a table of inputs, each good but for what change does to it.
type tests []struct {
	name   string
	check  verify.Check
	change func(in *verify.Input)
	want   []string // answers that are not passed
}

// run also keeps every word of the answers in a golden file, to be read as a whole.
func (ts tests) run(t *testing.T) {
	var words strings.Builder
	for _, tt := range ts {
		t.Run(tt.name, func(t *testing.T) {
			in := good()
			if tt.change != nil {
				tt.change(&in)
			}
			if got := ask(t, tt.check, in); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			fmt.Fprintf(&words, "== %s: %s\n", tt.check.Name(), tt.name)
			results, err := tt.check.Run(t.Context(), in)
			for _, r := range results {
				fmt.Fprintf(&words, "%s\n  observed: %s\n  expected: %s\n  detail: %s\n  hint: %s\n", answer(r), r.Observed, r.Expected, r.Detail, r.Hint)
			}
			if err != nil {
				fmt.Fprintf(&words, "error: %v\n", err)
			}
		})
	}
	testkit.Golden(t, t.Name()+".txt", words.String())
}

func TestGoodBackupPassesEveryBuiltinCheck(t *testing.T) {
	var names []string
	for _, c := range check.Builtin() {
		names = append(names, c.Name())
		if got := ask(t, c, good()); got != nil {
			t.Errorf("%s: %v", c.Name(), got)
		}
		in := good()
		in.Baseline.Drills = []verify.Past{past(1), past(2), past(3)}
		if got := ask(t, c, in); got != nil {
			t.Errorf("%s with a baseline: %v", c.Name(), got)
		}
	}
	want := []string{"artifact", "checksum", "restore", "census", "inventory", "integrity", "sequences", "drift", "rto"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("built in are %v, want %v", names, want)
	}
}

// A check that was given nothing must not have found that all is well. Those about
// the time and the restore tool have nothing to lack, and artifact, checksum and
// drift judge without a restored database.
func TestZeroInputIsNeverAllWell(t *testing.T) {
	for _, c := range append(check.Builtin(), check.Rows{}, check.Fresh{}, check.Query{}) {
		switch c.Name() {
		case "rto", "restore", "drift", "checksum":
			continue
		}
		results, err := c.Run(t.Context(), verify.Input{})
		if err == nil && verify.Worst(results).Good() {
			t.Errorf("%s passed on nothing: %+v", c.Name(), results)
		}
	}
	var all []verify.Result
	for _, c := range check.Builtin() {
		results, err := c.Run(t.Context(), verify.Input{})
		all = append(all, results...)
		if err != nil {
			all = append(all, verify.Result{Verdict: verify.Errored})
		}
	}
	if got := verify.Worst(all); got.Good() {
		t.Errorf("all checks on nothing are %s", got)
	}
}

func TestLongListsOfFindingsAreBounded(t *testing.T) {
	for missing, last := range map[int]string{
		20: "failed tables_missing t019", 21: "failed tables_missing 1 more table", 500: "failed tables_missing 480 more tables",
	} {
		in := good()
		for i := range missing {
			table := engine.Table{Name: fmt.Sprintf("t%03d", i)}
			in.Received.Census.Tables = append(in.Received.Census.Tables, engine.Count{Table: table, Rows: 1})
		}
		got := ask(t, check.Census{}, in)
		if want := min(missing, 21); len(got) != want || got[want-1] != last {
			t.Errorf("%d missing: %d answers, the last is %q; want %d and %q", missing, len(got), got[len(got)-1], want, last)
		}
	}
}

func TestRowContentsStayInTheSandbox(t *testing.T) {
	in := good()
	in.Restored.DB = database{answer: strings.Repeat("s", 5000)}
	results, err := check.Query{Title: "q", Expect: "0"}.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{results[0].Observed, results[0].Detail, results[0].Hint} {
		if strings.Count(s, "s") > 110 {
			t.Errorf("the report holds %d characters of the answer", len(s))
		}
	}
}
