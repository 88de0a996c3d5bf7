package check_test

import (
	"testing"
	"time"

	"lifeboat/storage"
	"lifeboat/verify"
	"lifeboat/verify/check"
)

func TestArtifact(t *testing.T) {
	history := func(in *verify.Input) { in.Baseline.Drills = []verify.Past{past(1), past(2), past(3)} }
	tests{
		{"unfinished", check.Artifact{}, func(in *verify.Input) { in.Artifact.Unfinished = "marker is missing" },
			[]string{"failed backup_unfinished orders.dump"}},
		{"as old as the RPO", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = noon.Add(-26 * time.Hour) }, nil},
		{"older than the RPO", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = noon.Add(-26*time.Hour - time.Second) },
			[]string{"failed backup_stale age"}},
		{"old, and no RPO", check.Artifact{}, func(in *verify.Input) {
			in.Artifact.MadeAt, in.Target.Objectives.RPO = noon.AddDate(-1, 0, 0), 0
		}, nil},
		{"a clock that is ahead", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = noon.Add(5 * time.Hour) }, nil},
		{"a day ahead", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = noon.Add(24 * time.Hour) }, nil},
		{"from the future", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = noon.AddDate(1, 0, 0) },
			[]string{"warned backup_stale age"}},
		{"an old dump under a new name", check.Artifact{}, func(in *verify.Input) { in.Received.Manifest.MadeAt = noon.AddDate(0, 0, -9) },
			[]string{"failed backup_stale age"}},
		{"a dump in another time zone", check.Artifact{}, func(in *verify.Input) { in.Received.Manifest.MadeAt = noon.Add(-40 * time.Hour) }, nil},
		{"nothing says when", check.Artifact{}, func(in *verify.Input) { in.Artifact.MadeAt = time.Time{} },
			[]string{"error: age of orders.dump: nothing says when it was made"}},

		{"half the usual size", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.Artifact.Parts = []storage.Object{{Size: 500}}
		}, nil},
		{"less than half the usual size", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.Artifact.Parts = []storage.Object{{Size: 499}}
		}, []string{"failed backup_shrunk size"}},
		{"small with little history", check.Artifact{}, func(in *verify.Input) {
			in.Baseline.Drills = []verify.Past{past(1), past(2)}
			in.Artifact.Parts = nil
		}, nil},
		{"one large outlier in the history", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.Baseline.Drills[0].Bytes = 1_000_000
		}, nil},

		{"old bytes where a dump holds its time", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.SHA256, in.Received.Manifest.MadeAt = "past2", noon.Add(-3*time.Hour)
		}, []string{"failed backup_unchanged content"}},
		{"old bytes where it does not", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.SHA256 = "past2"
		}, []string{"warned backup_unchanged content"}},
		{"yesterday's bytes", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.SHA256 = "past1"
		}, []string{"warned backup_unchanged content"}},
		{"the same backup drilled again", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.SHA256, in.Baseline.Drills[0].SHA256, in.Baseline.Drills[0].MadeAt = "x", "x", in.Artifact.MadeAt
		}, nil},
		{"bytes that were not hashed", check.Artifact{}, func(in *verify.Input) {
			history(in)
			in.SHA256, in.Baseline.Drills[0].SHA256 = "", ""
		}, nil},
	}.run(t)
}

func TestChecksum(t *testing.T) {
	tests{
		{"differs", check.Checksum{}, func(in *verify.Input) { in.Checksums[0].Got = "bb" }, []string{"failed checksum_mismatch orders.dump"}},
		{"one of two differs", check.Checksum{}, func(in *verify.Input) {
			in.Checksums = append(in.Checksums, verify.Checksum{Subject: "toc.dat", Algorithm: "md5", Want: "1", Got: "2"})
		}, []string{"failed checksum_mismatch toc.dat"}},
		{"none stored", check.Checksum{}, func(in *verify.Input) { in.Checksums = nil }, nil},
		{"one that was not computed", check.Checksum{}, func(in *verify.Input) { in.Checksums[0].Got = "" }, nil},
		{"bytes not read to their end", check.Checksum{}, func(in *verify.Input) { in.Checksums, in.SHA256 = nil, "" },
			[]string{"error: the stored bytes were not read to their end"}},
	}.run(t)
}

func TestChecksumSaysNothingOfBytesNobodyRead(t *testing.T) {
	results, err := check.Checksum{}.Run(t.Context(), verify.Input{})
	if len(results) > 0 || err != nil {
		t.Errorf("got %v, %v", results, err)
	}
}

func TestRTO(t *testing.T) {
	tests{
		{"just in time", check.RTO{}, func(in *verify.Input) { in.LoadTime = time.Hour }, nil},
		{"too slow", check.RTO{}, func(in *verify.Input) { in.LoadTime = time.Hour + time.Second }, []string{"warned rto_exceeded"}},
		{"slow without an objective", check.RTO{}, func(in *verify.Input) { in.LoadTime, in.Target.Objectives.RTO = 99*time.Hour, 0 }, nil},
	}.run(t)
}

func TestChecksAreAskedAsEarlyAsTheyCanBe(t *testing.T) {
	want := map[string]verify.Stage{
		"artifact": verify.AfterReading, "checksum": verify.AfterReading, "restore": verify.AfterRestore, "rto": verify.AfterRestore,
	}
	for _, c := range check.Builtin() {
		if got := verify.StageOf(c); got != want[c.Name()] {
			t.Errorf("%s is asked at stage %d, want %d", c.Name(), got, want[c.Name()])
		}
	}
}
