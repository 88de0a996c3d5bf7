package verify_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"lifeboat/verify"
)

var verdicts = []verify.Verdict{verify.Unknown, verify.Passed, verify.Warned, verify.Errored, verify.Failed}

func TestVerdictsAreOrderedAndOnlyTwoAreGood(t *testing.T) {
	for i, v := range verdicts {
		if int(v) != i {
			t.Errorf("%s has rank %d, want %d", v, v, i)
		}
		if want := v == verify.Passed || v == verify.Warned; v.Good() != want {
			t.Errorf("%s.Good() = %v", v, v.Good())
		}
		b, err := json.Marshal(v)
		var back verify.Verdict
		if err == nil {
			err = json.Unmarshal(b, &back)
		}
		if err != nil || back != v {
			t.Errorf("%s became %s through JSON: %v", v, back, err)
		}
	}
	var v verify.Verdict
	if err := v.UnmarshalText([]byte("fine")); err == nil {
		t.Error("a word that is no verdict was read as one")
	}
}

func TestNothingProvenIsErrored(t *testing.T) {
	for _, results := range [][]verify.Result{nil, {{}}, {{Verdict: verify.Passed}, {}}} {
		if got := verify.Worst(results); got != verify.Errored {
			t.Errorf("Worst(%v) = %s, want errored", results, got)
		}
	}
}

// A drill cannot get better by asking more.
func TestWorstNeverImprovesWithAnotherResult(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		results := make([]verify.Result, 1+rnd.IntN(6))
		for i := range results {
			results[i].Verdict = verdicts[rnd.IntN(len(verdicts))]
		}
		before := verify.Worst(results)
		after := verify.Worst(append(results, verify.Result{Verdict: verdicts[rnd.IntN(len(verdicts))]}))
		if after < before {
			t.Fatalf("Worst went from %s to %s with one more than %v", before, after, results)
		}
		rnd.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		if again := verify.Worst(results); again != before {
			t.Fatalf("Worst depends on the order: %s and %s", before, again)
		}
	}
}

func TestIgnoreRules(t *testing.T) {
	bad := func(v verify.Verdict, code, subject string) verify.Result {
		return verify.Result{Check: "census", Verdict: v, Code: code, Subject: subject, Observed: "0 rows"}
	}
	tests := []struct {
		name    string
		rule    verify.Ignore
		result  verify.Result
		accepts bool
	}{
		{"code and any subject", verify.Ignore{Code: "rows_dropped", Reason: "purged"}, bad(verify.Failed, "rows_dropped", "public.a"), true},
		{"a warning", verify.Ignore{Code: "role_absent", Reason: "known"}, bad(verify.Warned, "role_absent", "app"), true},
		{"exact subject", verify.Ignore{Code: "rows_dropped", Subject: "public.a", Reason: "x"}, bad(verify.Failed, "rows_dropped", "public.a"), true},
		{"glob over dots", verify.Ignore{Code: "rows_dropped", Subject: "public.*", Reason: "x"}, bad(verify.Failed, "rows_dropped", "public.a.b"), true},
		{"glob over slashes", verify.Ignore{Code: "rows_dropped", Subject: "*/a", Reason: "x"}, bad(verify.Failed, "rows_dropped", "x/y/a"), true},
		{"glob in the middle", verify.Ignore{Code: "rows_dropped", Subject: "p*_t?p*", Reason: "x"}, bad(verify.Failed, "rows_dropped", "public_tmp"), true},
		{"another subject", verify.Ignore{Code: "rows_dropped", Subject: "public.a", Reason: "x"}, bad(verify.Failed, "rows_dropped", "public.ab"), false},
		{"a glob that does not match", verify.Ignore{Code: "rows_dropped", Subject: "tmp*", Reason: "x"}, bad(verify.Failed, "rows_dropped", "public.tmp"), false},
		{"another code", verify.Ignore{Code: "rows_dropped", Reason: "x"}, bad(verify.Failed, "rows_missing", "public.a"), false},
		{"no reason", verify.Ignore{Code: "rows_dropped"}, bad(verify.Failed, "rows_dropped", "public.a"), false},
		{"an errored result", verify.Ignore{Code: "check_errored", Reason: "x"}, bad(verify.Errored, "check_errored", ""), false},
		{"an unknown result", verify.Ignore{Reason: "x"}, bad(verify.Unknown, "", ""), false},
		{"a passed result", verify.Ignore{Reason: "x"}, bad(verify.Passed, "", ""), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := []verify.Result{tt.result}
			got := verify.ApplyIgnores(in, []verify.Ignore{{Code: "other", Reason: "no"}, tt.rule})
			want := tt.result
			if tt.accepts {
				want.Verdict, want.Ignored = verify.Passed, tt.rule.Reason
			}
			if !reflect.DeepEqual(got[0], want) {
				t.Errorf("got %+v, want %+v", got[0], want)
			}
			if first := verify.ApplyIgnores(in, []verify.Ignore{tt.rule, {Code: tt.result.Code, Reason: "later"}}); tt.accepts && first[0].Ignored != tt.rule.Reason {
				t.Errorf("accepted by %q, want the first rule that does", first[0].Ignored)
			}
			if !reflect.DeepEqual(in[0], tt.result) {
				t.Error("the results given were changed")
			}
		})
	}
}

func TestSummaryIsTheGravestResultInOneLine(t *testing.T) {
	warned := verify.Result{Verdict: verify.Warned, Code: "role_absent", Subject: "app", Detail: "A role is absent."}
	failed := verify.Result{Verdict: verify.Failed, Code: "rows_missing", Subject: "public.a", Observed: "1 row", Expected: "2 rows"}
	errored := verify.Result{Verdict: verify.Errored, Code: "check_errored", Detail: "No\nanswer."}
	table := verify.Table{Rows: 1}
	tests := []struct {
		name   string
		report verify.Report
		want   string
	}{
		{"passed", verify.Report{Verdict: verify.Passed, Tables: []verify.Table{table}}, "1 table restored with 1 row"},
		{"passed without a table", verify.Report{Verdict: verify.Passed}, "nothing was compared"},
		{"warned", verify.Report{Verdict: verify.Warned, Results: []verify.Result{warned}}, "role_absent app: A role is absent."},
		{"failed among others", verify.Report{Verdict: verify.Failed, Results: []verify.Result{warned, errored, failed}},
			"rows_missing public.a: 1 row, expected 2 rows (and 2 more)"},
		{"the first of equals", verify.Report{Verdict: verify.Failed, Results: []verify.Result{failed, {Verdict: verify.Failed, Code: "second"}}},
			"rows_missing public.a: 1 row, expected 2 rows (and 1 more)"},
		{"a small backup has a reason", verify.Report{Verdict: verify.Failed, Results: []verify.Result{
			{Verdict: verify.Failed, Code: verify.BackupShrunk, Observed: "97 B"}, failed, {Verdict: verify.Failed, Code: "third"}}},
			"rows_missing public.a: 1 row, expected 2 rows (and 2 more)"},
		{"a small backup has no worse reason", verify.Report{Verdict: verify.Failed, Results: []verify.Result{
			warned, {Verdict: verify.Failed, Code: verify.BackupShrunk, Observed: "97 B"}}}, "backup_shrunk: 97 B (and 1 more)"},
		{"failed outranks the error", verify.Report{Verdict: verify.Failed, Error: "gone", Results: []verify.Result{failed}},
			"rows_missing public.a: 1 row, expected 2 rows"},
		{"errored says why", verify.Report{Verdict: verify.Errored, Error: "list offsite:\nno answer", Results: []verify.Result{errored}},
			"check_errored: list offsite: no answer"},
		{"an error without a result", verify.Report{Verdict: verify.Errored, Error: "list offsite:\nno answer"}, "list offsite: no answer"},
		{"errored result", verify.Report{Verdict: verify.Errored, Results: []verify.Result{errored}}, "check_errored: No answer."},
		{"a result left unknown outranks a warning", verify.Report{Verdict: verify.Errored, Results: []verify.Result{warned, {Code: "odd", Observed: "x"}}},
			"odd: x (and 1 more)"},
	}
	for _, tt := range tests {
		if got := verify.Summary(tt.report); got != tt.want {
			t.Errorf("%s: Summary = %q, want %q", tt.name, got, tt.want)
		}
	}
}
