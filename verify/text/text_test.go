package text_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"lifeboat/engine"
	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/verify"
	"lifeboat/verify/text"
)

var noon = time.Date(2026, 6, 2, 12, 0, 0, 0, time.UTC)

func count(n int64) *int64 { return &n }

func failed() verify.Report {
	kept := noon.Add(2 * time.Hour)
	r := verify.Report{
		Schema: verify.Schema, Drill: "01jx8f7q2m", Target: "orders", Verdict: verify.Failed,
		Artifact: &verify.Artifact{
			Source: "offsite", Key: "postgres/orders/orders-20260602T085000Z.dump.zst.age", Kind: "object", Objects: 1,
			Bytes: 1_288_490_188, SHA256: strings.Repeat("4f", 32), MadeAt: noon.Add(-190 * time.Minute), MadeAtFrom: "name",
			Version: "v7", Layers: []string{"age", "zstd"},
		},
		Candidates: []verify.Candidate{
			{Key: "postgres/orders/orders-20260602T110000Z.dump.zst.age.part", Reason: "still being written"},
			{Key: "postgres/orders/orders-20260602T085000Z.dump.zst.age"},
		},
		Manifest: &verify.Manifest{
			Engine: "postgres", Format: "pg_dump custom", ServerVersion: "16.4", ToolVersion: "pg_dump 16.4",
			Compression: "gzip", Database: "orders", Extensions: []string{"pg_trgm"}, Objects: 212, Bytes: 4 << 30,
		},
		Results: []verify.Result{
			{Check: "artifact", Verdict: verify.Passed, Subject: "age", Observed: "3h10m old", Expected: "at most 26h00m", Detail: "The backup is recent enough."},
			{Check: "artifact", Verdict: verify.Passed, Subject: "size", Observed: "1.20 GiB", Detail: "Too few earlier drills."},
			{Check: "restore", Verdict: verify.Warned, Code: verify.RoleAbsent, Subject: "app, reader", Observed: "2 roles created without login",
				Expected: "roles that exist", Detail: "The dump names owners that a bare server does not have.", Hint: "Keep the roles as well (pg_dumpall --globals-only)."},
			{Check: "census", Verdict: verify.Failed, Code: verify.RowsMissing, Subject: "public.orders", Observed: "10 rows", Expected: "2,000,000 rows",
				Detail: "1,999,990 rows of this table are in the dump and not in the restored database.", Hint: "See the restore errors for this table."},
			{Check: "integrity", Verdict: verify.Passed, Code: verify.CollationMismatch, Subject: "de_DE", Observed: "153.120", Expected: "153.80",
				Detail: "This collation has another version here.", Hint: "Rebuild the indexes.", Ignored: "same major version of ICU, agreed in May"},
			{Check: "sequences", Verdict: verify.Passed, Detail: "No sequence is behind its column."},
			{Check: "query", Verdict: verify.Errored, Code: verify.CheckErrored, Subject: "no order without a customer", Observed: "no answer in 30.0s",
				Expected: "0", Detail: "The query was stopped at its time limit, so there is no answer.", Hint: "Give this check a longer timeout, or ask for less."},
		},
		Tables: []verify.Table{
			{Table: engine.Table{Schema: "public", Name: "customers"}, Rows: 120_000, DumpRows: count(120_000)},
			{Table: engine.Table{Schema: "public", Name: "orders"}, Rows: 10, DumpRows: count(2_000_000)},
			{Table: engine.Table{Schema: "public", Name: "Größen"}, Rows: 7},
		},
		Phases: []verify.Phase{
			{Name: "locate", Seconds: 0.21}, {Name: "inspect", Seconds: 0.05}, {Name: "load", Seconds: 41.5, Bytes: 1_288_490_188}, {Name: "check", Seconds: 2.25},
		},
		Restore: &verify.Restore{Tool: "pg_restore 16.4 -j 2", Exit: 1, Errors: map[string]int{"harmless": 1, "role absent": 2}, RolesCreated: []string{"app", "reader"}},
		Sandbox: &verify.Sandbox{
			Runner: "docker", Image: "postgres:16", Isolated: true, PeakMemory: 600 << 20, PeakDisk: 5 << 30, CPUSeconds: 61.25,
			Probes:    []sandbox.Probe{{Name: "reach out", OK: true}, {Name: "host mounts", OK: true}},
			KeptUntil: &kept, Enter: "docker exec -it lifeboat-01jx8f7q2m bash",
		},
		NotChecked: []string{"stored checksum: there is none beside the backup or in its metadata"},
		Started:    noon, Finished: noon.Add(45 * time.Second),
	}
	return r
}

func passed() verify.Report {
	r := failed()
	r.Target, r.Verdict, r.Results = "customers", verify.Passed, r.Results[:2]
	return r
}

func errored() verify.Report {
	return verify.Report{
		Drill: "01jx8f7q2n", Target: "a target with a name that is much too long for a table of eighty columns", Verdict: verify.Errored,
		Error: "offsite: list postgres/: storage did not answer: dial tcp 10.0.0.1:443: connect: connection refused (tried 5 times in 30.0s)",
		Results: []verify.Result{{Check: "drill", Verdict: verify.Errored, Code: verify.StorageUnreachable, Subject: "offsite",
			Detail: "The storage could not be asked.", Hint: "Check the endpoint."}},
		Started: noon, Finished: noon.Add(30 * time.Second),
	}
}

func TestReportTellsWhatHappenedAndWhatToDo(t *testing.T) {
	testkit.Golden(t, "report-failed.txt", text.Report(failed(), text.Options{Now: noon}))
	testkit.Golden(t, "report-passed-narrow.txt", text.Report(passed(), text.Options{Now: noon, Width: 50}))
	testkit.Golden(t, "report-errored.txt", text.Report(errored(), text.Options{Now: noon}))
}

func TestASandboxIsCalledLeakyOnlyByItsProbes(t *testing.T) {
	r := failed()
	for want, probes := range map[string][]sandbox.Probe{
		"isolation not probed":              nil,
		"NOT ISOLATED (0 of 1 probes held)": {{Name: "reach out", Detail: "10.0.0.1 answered"}},
	} {
		r.Sandbox = &verify.Sandbox{Runner: "docker", Probes: probes}
		if out := text.Report(r, text.Options{Now: noon}); !strings.Contains(out, want) {
			t.Errorf("with %d probes, %q is not in:\n%s", len(probes), want, out)
		}
	}
}

func TestWhatWasNotMeasuredIsNotCalledNothing(t *testing.T) {
	r := failed()
	r.Sandbox = &verify.Sandbox{Runner: "in-process", Isolated: true, PeakDisk: 40960}
	if out := text.Report(r, text.Options{Now: noon}); !strings.Contains(out, "isolated; peak disk 40.0 KiB\n") {
		t.Errorf("the use of a sandbox of which only the disk is known is\n%s", out)
	}
}

func TestTableShowsTheGravestFindingOfEach(t *testing.T) {
	testkit.Golden(t, "table.txt", text.Table([]verify.Report{failed(), passed(), errored()}, text.Options{Now: noon}))
	testkit.Golden(t, "table-color.txt", text.Table([]verify.Report{failed(), passed(), errored()}, text.Options{Now: noon, Color: true}))
}

func TestNothingIsWiderThanAskedFor(t *testing.T) {
	long := failed()
	long.Artifact.Key = strings.Repeat("very/long/key/", 30)
	long.Results[3].Subject = strings.Repeat("表", 200)
	long.Tables[0].Name = strings.Repeat("wide 表 ", 40)
	for _, width := range []int{40, 60, 80, 132} {
		o := text.Options{Width: width, Now: noon}
		for _, out := range []string{text.Report(long, o), text.Report(errored(), o)} {
			for line := range strings.Lines(out) {
				if n := text.Width(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%d columns where %d were asked for: %q", n, width, line)
				}
			}
		}
		if width < 60 {
			continue // the numbers of a table alone need that
		}
		for line := range strings.Lines(text.Table([]verify.Report{long, errored()}, o)) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("table: %d columns where %d were asked for: %q", n, width, line)
			}
		}
	}
}

// hostile tries to clear the screen, set the title, turn the text around, hide and
// forge a line.
const hostile = "x\x1b[2J\x1b]0;owned\x07\u202eevil\u2066\r\nall: passed\x00\x9b31m\xff\u200b"

func TestNamesFromHostileDumpsCannotTouchTheTerminal(t *testing.T) {
	r := failed()
	r.Drill, r.Target, r.Error = hostile, hostile, hostile
	r.Artifact.Source, r.Artifact.Key, r.Artifact.MadeAtFrom, r.Artifact.Version = hostile, hostile, hostile, hostile
	r.Artifact.Layers, r.Artifact.SHA256 = []string{hostile}, hostile
	r.Candidates = []verify.Candidate{{Key: hostile, Reason: hostile}}
	r.Manifest = &verify.Manifest{Format: hostile, ServerVersion: hostile, ToolVersion: hostile, Compression: hostile, Database: hostile, Extensions: []string{hostile}}
	for i := range r.Results {
		res := &r.Results[i]
		res.Check, res.Code, res.Subject, res.Observed, res.Expected, res.Detail, res.Hint = hostile, hostile, hostile, hostile, hostile, hostile, hostile
	}
	r.Results[1].Ignored = hostile
	r.Tables = []verify.Table{{Table: engine.Table{Database: hostile, Schema: hostile, Name: hostile}}}
	r.Phases = []verify.Phase{{Name: hostile}}
	r.Restore = &verify.Restore{Tool: hostile, Errors: map[string]int{hostile: 1}, RolesCreated: []string{hostile}}
	r.Sandbox = &verify.Sandbox{Runner: hostile, Image: hostile, Enter: hostile, KeptUntil: &noon, Probes: []sandbox.Probe{{Name: hostile, Detail: hostile}}}
	r.NotChecked = []string{hostile}

	for _, out := range []string{text.Report(r, text.Options{}), text.Table([]verify.Report{r}, text.Options{})} {
		for _, c := range out {
			if c != '\n' && (!unicode.IsPrint(c) || c == unicode.ReplacementChar) {
				t.Fatalf("%U is printed in %q", c, out)
			}
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "all: passed") {
				t.Errorf("a name forged the line %q", line)
			}
		}
	}
}

func TestCleanKeepsWhatPeopleWrite(t *testing.T) {
	for in, want := range map[string]string{
		"public.orders": "public.orders", "Größe 表 🙂": "Größe 表 🙂", "a\tb\r\nc": "a b  c", "a\u00a0b": "a b",
		"\x1b[31m": `\x1b[31m`, "\x7f": `\x7f`, "\u202e": `\u202e`, "\xff": `\xff`, "\u0085": `\x85`,
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestColorIsUsedOnlyWhenAskedFor(t *testing.T) {
	for _, color := range []bool{false, true} {
		o := text.Options{Color: color}
		if got := strings.Contains(text.Report(failed(), o), "\x1b["); got != color {
			t.Errorf("Color %v: escape sequences are there: %v", color, got)
		}
	}
	r := passed()
	r.Target = "passed"
	if out := text.Report(r, text.Options{Color: true}); !strings.Contains(out, "passed: \x1b[32mpassed\x1b[0m in") {
		t.Errorf("the closing line is not painted: %q", out[len(out)-120:])
	}
}

func TestLongListsAreBounded(t *testing.T) {
	r := passed()
	for i := range 500 {
		r.Tables = append(r.Tables, verify.Table{Table: engine.Table{Name: "t"}, Rows: int64(i)})
		r.NotChecked = append(r.NotChecked, "t: not counted")
		r.Candidates = append([]verify.Candidate{{Key: "k", Reason: "unfinished"}}, r.Candidates...)
	}
	out := text.Report(r, text.Options{})
	for _, want := range []string{"and 483 smaller tables", "and 486 more"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(out, "\n"); n > 80 {
		t.Errorf("%d lines", n)
	}
}

func FuzzWrappedTextStaysPrintable(f *testing.F) {
	f.Add(hostile, 40)
	f.Add("表表表 word \xc3", 1)
	f.Fuzz(func(t *testing.T, s string, width int) {
		r := verify.Report{Target: s, NotChecked: []string{s}, Results: []verify.Result{{Check: s, Verdict: verify.Failed, Detail: s}}}
		width = 40 + abs(width)%100
		for line := range strings.Lines(text.Report(r, text.Options{Width: width})) {
			line = strings.TrimSuffix(line, "\n")
			if n := text.Width(line); n > width {
				t.Errorf("%d columns where %d were asked for: %q", n, width, line)
			}
			for _, c := range line {
				if !unicode.IsPrint(c) {
					t.Errorf("%U is printed in %q", c, line)
				}
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func TestEveryPhaseHasWords(t *testing.T) {
	for _, phase := range verify.Phases {
		if words := text.Doing(phase); !strings.Contains(words, "ing") {
			t.Errorf("a drill in the phase %s is %q", phase, words)
		}
	}
	if got := text.Doing("made\nup"); strings.Contains(got, "\n") {
		t.Errorf("a phase that is not known is %q, want it on one line", got)
	}
}
