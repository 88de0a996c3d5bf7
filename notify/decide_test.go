package notify_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifeboat/notify"
	"lifeboat/verify"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// policy of the tests: told again after a day, could not tell after two drills.
var policy = notify.Policy{Repeat: 24 * time.Hour, UnverifiedAfter: 2, URL: "https://lifeboat.example"}

// report is one of a drill, with a result for each code beyond the verdict.
func report(v verify.Verdict, codes ...string) *verify.Report {
	r := &verify.Report{Schema: verify.Schema, Drill: "01jx8f7q2m", Target: "orders", Verdict: v,
		Artifact: &verify.Artifact{Source: "offsite", Key: "orders-20260601.dump", Bytes: 1 << 30, SHA256: "4f4f", MadeAt: noon.Add(-3 * time.Hour)},
		Started:  noon, Finished: noon.Add(time.Minute)}
	if v == verify.Errored {
		r.Error = "storage did not answer"
	}
	for _, code := range codes {
		code, subject, _ := strings.Cut(code, " ")
		res := verify.Result{Check: "census", Verdict: v, Code: code, Subject: subject}
		if code == verify.RowsMissing {
			res.Observed, res.Expected, res.Hint = "10 rows", "2,000,000 rows", "See the restore errors for this table."
		}
		r.Results = append(r.Results, res)
	}
	return r
}

// step is one event of a situation, at hours after noon, and what it leads to: a line
// for each decision, kind and reason, in brackets where nobody is told.
type step struct {
	at   float64 // hours after noon
	what string  // "passed", "failed rows_missing public.orders", "confirm failed ...", "time"
	want string
}

// TestSituations is the specification of the alerts. An overdue verdict is due 36 hours
// after the last one, and at 36 at first.
func TestSituations(t *testing.T) {
	const (
		rows    = "failed rows_missing public.orders"
		stale   = "failed backup_stale age"
		storage = "errored storage_unreachable offsite"
		sandbox = "errored sandbox_unavailable docker"
	)
	tests := []struct {
		name  string
		steps []step
	}{
		{"a first drill that passes is no news", []step{{0, "passed", ""}}},
		{"a warned drill is good", []step{{0, "warned role_absent", ""}}},
		{"a first failure opens a problem", []step{{0, rows, "backup opened"}}},
		{"a failure after good drills opens a problem", []step{{0, "passed", ""}, {1, rows, "backup opened"}}},
		{"a failure after a warning opens a problem", []step{{0, "warned role_absent", ""}, {1, rows, "backup opened"}}},
		{"the same failure within the repeat interval is kept back", []step{{0, rows, "backup opened"}, {1, rows, "(backup repeated)"}}},
		{"the same failure after the repeat interval is told again", []step{{0, rows, "backup opened"}, {24, rows, "backup repeated"}, {25, rows, "(backup repeated)"}}},
		{"a daily drill that ends a little sooner than the day before is told again", []step{{0, rows, "backup opened"}, {23.9, rows, "backup repeated"}}},
		{"another failure is told at once", []step{{0, rows, "backup opened"}, {1, stale, "backup different"}}},
		{"the same failure of another table is told at once", []step{{0, rows, "backup opened"}, {1, "failed rows_missing public.users", "backup different"}}},
		{"failures that take turns are told once each", []step{{0, rows, "backup opened"}, {1, stale, "backup different"},
			{2, rows, "(backup repeated)"}, {3, stale, "(backup repeated)"}}},
		{"the same failure with more beside it is worse", []step{{0, rows, "backup opened"}, {1, rows + ", rows_missing public.users", "backup worse"},
			{2, rows, "(backup repeated)"}, {3, rows + ", rows_missing public.users", "(backup repeated)"}}},
		{"a second drill that fails alike confirms", []step{{0, rows, "backup opened"}, {0.1, "confirm " + rows, "backup confirmed"}}},
		{"a confirmation counts as told", []step{{0, rows, "backup opened"}, {10, "confirm " + rows, "backup confirmed"}, {24, rows, "(backup repeated)"}, {32, rows, "backup repeated"}}},
		{"a problem is confirmed once", []step{{0, rows, "backup opened"}, {0.1, "confirm " + rows, "backup confirmed"},
			{24, rows, "backup repeated"}, {24.1, "confirm " + rows, "(backup confirmed)"}}},
		{"a second drill that fails otherwise is told as that", []step{{0, rows, "backup opened"}, {0.1, "confirm " + stale, "backup different"}}},
		{"a second drill that passes does not end the problem", []step{{0, rows, "backup opened"}, {0.1, "confirm passed", "backup contradicted"}, {1, "passed", "backup recovered"}}},
		{"a failure after a contradiction is told within the interval", []step{{0, rows, "backup opened"}, {0.1, "confirm passed", "backup contradicted"},
			{1, rows, "backup repeated"}, {1.05, rows, "(backup repeated)"}, {1.1, "confirm " + rows, "backup confirmed"}}},
		{"a second contradiction is kept back", []step{{0, rows, "backup opened"}, {0.1, "confirm passed", "backup contradicted"}, {0.2, "confirm passed", "(backup contradicted)"}}},
		{"a second drill that ends after the recovery opens nothing", []step{{0, rows, "backup opened"}, {1, "passed", "backup recovered"}, {2, "confirm " + rows, "(backup confirmed)"}}},
		{"a good drill after a bad one is the one recovery", []step{{0, rows, "backup opened"}, {1, "passed", "backup recovered"}, {2, "passed", ""}}},
		{"a warned drill after a bad one is the recovery", []step{{0, rows, "backup opened"}, {1, "warned role_absent", "backup recovered"}}},
		{"a failure after the recovery is a new problem", []step{{0, rows, "backup opened"}, {1, "passed", "backup recovered"}, {2, rows, "backup opened"}}},
		{"one drill that could not tell is kept back", []step{{0, storage, "(unverified opened)"}}},
		{"a good drill in between starts the count anew", []step{{0, storage, "(unverified opened)"}, {1, "passed", ""}, {2, storage, "(unverified opened)"}}},
		{"drills in a row that could not tell are a problem", []step{{0, storage, "(unverified opened)"}, {1, sandbox, "unverified opened"},
			{2, sandbox, "(unverified repeated)"}, {3, storage, "unverified different"}, {27, storage, "unverified repeated"}}},
		{"an interrupted drill could not tell", []step{{0, "errored interrupted orders", "(unverified opened)"}, {1, "errored interrupted orders", "unverified opened"}}},
		{"a drill without a verdict could not tell", []step{{0, "unknown", "(unverified opened)"}, {1, "unknown", "unverified opened"}}},
		{"could not tell does not end a bad backup", []step{{0, rows, "backup opened"}, {1, storage, "(unverified opened)"}, {2, storage, "unverified opened"},
			{3, rows, "unverified recovered, (backup repeated)"}}},
		{"a failed drill can tell again", []step{{0, storage, "(unverified opened)"}, {1, storage, "unverified opened"}, {2, rows, "unverified recovered, backup opened"}}},
		{"a good drill ends both problems", []step{{0, rows, "backup opened"}, {1, storage, "(unverified opened)"}, {2, storage, "unverified opened"},
			{3, "passed", "unverified recovered, backup recovered"}}},
		{"no verdict in time is overdue, once", []step{{36, "time", ""}, {37, "time", "overdue opened"}, {38, "time", ""}, {61, "time", "overdue repeated"}}},
		{"any verdict ends what is overdue", []step{{37, "time", "overdue opened"}, {38, rows, "backup opened, overdue recovered"}}},
		{"a drill that could not tell does not end what is overdue", []step{{37, "time", "overdue opened"}, {38, storage, "(unverified opened)"}, {39, "passed", "overdue recovered"}}},
		{"a failed drill does not end what waits for a proof", []step{{37, "time", "overdue opened"}, {38, "proof wanted " + rows, "backup opened"},
			{39, "time", ""}, {40, "passed", "backup recovered, overdue recovered"}}},
		{"what is known not to be told is not overdue as well", []step{{0, storage, "(unverified opened)"}, {1, storage, "unverified opened"},
			{40, "time", ""}, {41, storage, "unverified repeated"}, {42, "passed", "unverified recovered"}}},
		{"trouble that many have is not told of each", []step{{0, storage, "(unverified opened)"}, {1, "alike 5 " + storage, "(unverified opened)!"},
			{2, "alike 7 " + storage, "(unverified opened)!"}, {3, "passed", "(unverified recovered)"}}},
		{"that many are overdue is not told of each", []step{{37, "alike 6 time", "(overdue opened)!"}, {99, "alike 6 time", ""}, {100, "passed", "(overdue recovered)"}}},
		{"who alone is left overdue of many is told of", []step{{37, "alike 6 time", "(overdue opened)!"}, {38, storage, "(unverified opened)"},
			{39, "alike 4 time", "overdue opened"}, {40, "alike 4 time", ""}, {41, "passed", "overdue recovered"}}},
		{"trouble that few have is told of each", []step{{0, storage, "(unverified opened)"}, {1, "alike 4 " + storage, "unverified opened"}}},
		{"who alone is left with the trouble of many is told of", []step{{0, storage, "(unverified opened)"}, {1, "alike 5 " + storage, "(unverified opened)!"},
			{2, "alike 1 " + storage, "unverified opened"}, {3, "passed", "unverified recovered"}}},
		{"a later limit ends what is overdue", []step{{37, "time", "overdue opened"}, {38, "time until 50", "overdue recovered"}, {51, "time until 50", "overdue opened"}}},
		{"a target that nothing is expected of is not overdue", []step{{37, "time", "overdue opened"}, {38, "time until never", "overdue recovered"}, {99, "time until never", ""}}},
		{"a clock set back does not end what is overdue", []step{{37, "time", "overdue opened"}, {20, "time", ""}, {37, "time", ""}}},
		{"a clock set back does not repeat at once", []step{{48, rows, "backup opened"}, {0, rows, "(backup repeated)"}, {1, rows, "(backup repeated)"}}},
		{"a clock set back is not silent for ever", []step{{9000, rows, "backup opened"}, {0, rows, "(backup repeated)"}, {24, rows, "backup repeated"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var state notify.State
			due := noon.Add(36 * time.Hour)
			for i, s := range test.steps {
				e := event(s, &due)
				next, decisions := notify.Decide(state, e, policy)
				if got := words(decisions); got != s.want {
					t.Errorf("step %d (%s): got %q, want %q", i, s.what, got, s.want)
				}
				state = next
			}
		})
	}
	if len(tests) < 25 {
		t.Errorf("%d situations, want 25", len(tests))
	}
}

// event reads a step. A verdict moves the time by which the next is due.
func event(s step, due *time.Time) notify.Event {
	e := notify.Event{Target: "orders", At: noon.Add(time.Duration(s.at * float64(time.Hour))), VerdictDue: *due, DueWhy: "1.5 times its interval of 24 h"}
	what := s.what
	if many, ok := strings.CutPrefix(what, "alike "); ok {
		e.Alike, _ = strconv.Atoi(many[:1])
		what = many[2:]
	}
	if until, ok := strings.CutPrefix(what, "time until "); ok {
		e.VerdictDue = time.Time{}
		if d, err := time.ParseDuration(until + "h"); err == nil {
			e.VerdictDue = noon.Add(d)
		}
		return e
	}
	if what == "time" {
		return e
	}
	what, proof := strings.CutPrefix(what, "proof wanted ") // a failed drill is no proof
	what, e.Confirms = strings.CutPrefix(what, "confirm ")
	word, rest, _ := strings.Cut(what, " ")
	var v verify.Verdict
	if err := v.UnmarshalText([]byte(word)); err != nil {
		panic(err)
	}
	var codes []string
	if rest != "" {
		codes = strings.Split(rest, ", ")
	}
	e.Report = report(v, codes...)
	if !proof && (v.Good() || v == verify.Failed) || v.Good() {
		*due = e.At.Add(36 * time.Hour)
	}
	e.VerdictDue = *due // as it is once the report is on record
	return e
}

// words writes decisions as the table does.
func words(decisions []notify.Decision) string {
	list := make([]string, 0, len(decisions))
	for _, d := range decisions {
		word := fmt.Sprintf("%s %s", d.Alert.Kind, d.Alert.Reason)
		if d.Suppressed != "" {
			word = "(" + word + ")"
		}
		if d.Outage { // told once for all that have it
			word += "!"
		}
		list = append(list, word)
	}
	return strings.Join(list, ", ")
}

func TestWarningsAreProblemsWhereThePolicySaysSo(t *testing.T) {
	p := policy
	p.Warnings = true
	var state notify.State
	due := time.Time{}
	for i, s := range []step{
		{0, "warned role_absent app", "backup opened"},
		{1, "warned role_absent app", "(backup repeated)"},
		{2, "failed rows_missing public.orders", "backup worse"},
		{3, "warned role_absent app", "backup recovered"},
		{4, "warned role_absent app", "backup opened"},
		{5, "passed", "backup recovered"},
	} {
		next, decisions := notify.Decide(state, event(s, &due), p)
		if got := words(decisions); got != s.want {
			t.Errorf("step %d (%s): got %q, want %q", i, s.what, got, s.want)
		}
		state = next
	}
}

func TestWhatIsOverdueIsCalledByItsName(t *testing.T) {
	due := noon.Add(36 * time.Hour)
	at := func(hours int, by time.Time, proof bool, r *verify.Report) notify.Event {
		return notify.Event{Target: "orders", At: noon.Add(time.Duration(hours) * time.Hour), VerdictDue: by, ProofDue: proof, Report: r}
	}
	failed, errored, passed := report(verify.Failed, "rows_missing a"), report(verify.Errored, "storage_unreachable"), report(verify.Passed)
	later := due.Add(48 * time.Hour)
	tests := []struct {
		name   string
		events []notify.Event
		want   string
	}{
		{"no verdict came", []notify.Event{at(37, due, false, nil)}, "Nothing proves orders: no verdict came by 2026-06-03 00:00 UTC."},
		{"verdicts came and no proof", []notify.Event{at(35, due, true, failed), at(37, due, true, nil)},
			"Nothing proves orders: no proof came by 2026-06-03 00:00 UTC."},
		{"a verdict came at last", []notify.Event{at(37, due, false, nil), at(38, later, false, passed)}, "orders has a verdict again: passed."},
		{"a proof came at last", []notify.Event{at(37, due, true, nil), at(38, later, true, passed)},
			"orders is proven good again: the last drill passed."},
		{"another limit, and a drill that is no verdict", []notify.Event{at(37, due, false, nil), at(38, later, false, errored)},
			"orders is not overdue any more: by what is expected of it now, its next verdict is due by 2026-06-05 00:00 UTC."},
		{"a verdict that was no event of its own", []notify.Event{at(37, due, false, nil), at(38, later, false, nil)},
			"orders is not overdue any more: by what is expected of it now, its next verdict is due by 2026-06-05 00:00 UTC."},
		{"no limit any more", []notify.Event{at(37, due, false, nil), at(38, time.Time{}, false, nil)},
			"orders is not overdue any more: nothing is expected of it now."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var state notify.State
			var last string
			for _, e := range test.events {
				next, decisions := notify.Decide(state, e, policy)
				state = next
				for _, d := range decisions {
					if d.Alert.Kind == notify.Overdue {
						last = d.Alert.Title
					}
				}
			}
			if last != test.want {
				t.Errorf("told %q, want %q", last, test.want)
			}
		})
	}
}

func TestNobodyIsSentToAProofThatThereIsNot(t *testing.T) {
	for proof, want := range map[*notify.Proof]string{
		nil:                                 "No backup of this target was ever proven good",
		{Drill: "d0", Key: "orders-1.dump"}: "the last backup proven good is the one to restore from",
	} {
		e := notify.Event{Target: "orders", At: noon, Report: report(verify.Failed, "restore_failed"), LastGood: proof}
		_, told := notify.Decide(notify.State{}, e, policy)
		if len(told) != 1 || !strings.Contains(told[0].Alert.Hint, want) {
			t.Errorf("with the last proof %+v, what to do is %+v; want %q", proof, told, want)
		}
	}
}

func TestASecondLookThatWarnsIsNotSaidToPass(t *testing.T) {
	due := time.Time{}
	state, _ := notify.Decide(notify.State{}, event(step{0, "failed restore_failed", ""}, &due), policy)
	_, told := notify.Decide(state, event(step{1, "confirm warned role_absent", ""}, &due), policy)
	if len(told) != 1 || !strings.Contains(told[0].Alert.Title, "passed with a warning, so the two disagree") {
		t.Errorf("told %+v", told)
	}
}

func TestAnOutageSaysThatNobodyIsToldOfItsEnd(t *testing.T) {
	a := notify.NewOutage(notify.Alert{Kind: notify.Unverified, Code: verify.StorageUnreachable, Hint: "Run lifeboat doctor."}, noon)
	if !strings.HasPrefix(a.Hint, "Run lifeboat doctor. ") || !strings.Contains(a.Hint, "neither when it is over") {
		t.Errorf("what to do is %q", a.Hint)
	}
}

func TestNothingIsRepeatedWithoutAnInterval(t *testing.T) {
	p := policy
	p.Repeat = 0
	due := time.Time{}
	state, _ := notify.Decide(notify.State{}, event(step{0, "failed rows_missing public.orders", ""}, &due), p)
	_, decisions := notify.Decide(state, event(step{9000, "failed rows_missing public.orders", ""}, &due), p)
	if got := words(decisions); got != "(backup repeated)" {
		t.Errorf("got %q, want it kept back", got)
	}
}

func TestDecideChangesNothingOfItsArguments(t *testing.T) {
	due := time.Time{}
	before, _ := notify.Decide(notify.State{}, event(step{0, "failed rows_missing public.orders", ""}, &due), policy)
	copied := fmt.Sprintf("%+v", before)
	notify.Decide(before, event(step{1, "failed backup_stale age", ""}, &due), policy)
	notify.Decide(before, event(step{1, "passed", ""}, &due), policy)
	if got := fmt.Sprintf("%+v", before); got != copied {
		t.Errorf("the state became\n%s\nwas\n%s", got, copied)
	}
}

func TestASecondLookIsNotTheLastProof(t *testing.T) {
	due := noon.Add(36 * time.Hour)
	before := &notify.Proof{Drill: "the one before", Key: "orders-1.dump"}
	var state notify.State
	var told []notify.Decision
	for _, s := range []step{
		{0, "failed rows_missing public.orders", ""}, {1, "errored storage_unreachable", ""}, {2, "errored storage_unreachable", ""},
		{3, "confirm passed", ""},
	} {
		e := event(s, &due)
		e.LastGood = before
		state, told = notify.Decide(state, e, policy)
	}
	if got := words(told); got != "unverified recovered, backup contradicted" {
		t.Fatalf("told %q", got)
	}
	for _, d := range told {
		if d.Alert.LastGood != before {
			t.Errorf("%s %s names %+v as proven good: two drills of it disagree", d.Alert.Kind, d.Alert.Reason, d.Alert.LastGood)
		}
	}
}
