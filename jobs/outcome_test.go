package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/sandbox"
	"lifeboat/storage"
	"lifeboat/verify"
)

func TestErrorsBecomeTheVerdictTheyMean(t *testing.T) {
	tests := []struct {
		err     error
		verdict verify.Verdict
		code    string
	}{
		{&absentError{pattern: "orders-*"}, verify.Failed, verify.BackupAbsent},
		{&absentError{pattern: "orders-*", unfinished: &storage.Artifact{Key: "orders-1.part"}}, verify.Failed, verify.BackupUnfinished},
		{engine.ErrNotBackup, verify.Failed, verify.NotABackup},
		{engine.ErrFormat, verify.Failed, verify.FormatUnknown},
		{engine.ErrTruncated, verify.Failed, verify.ArchiveTruncated},
		{storage.ErrTruncated, verify.Failed, verify.ArchiveTruncated},
		{engine.ErrCorrupt, verify.Failed, verify.ArchiveCorrupt},
		{storage.ErrCorrupt, verify.Failed, verify.ArchiveCorrupt},
		{storage.ErrDecrypt, verify.Failed, verify.DecryptFailed},
		{storage.ErrKeyMissing, verify.Errored, verify.KeyMissing},
		{storage.ErrUnreachable, verify.Errored, verify.StorageUnreachable},
		{storage.ErrArchived, verify.Errored, verify.StorageArchived},
		{storage.ErrChanged, verify.Errored, verify.ObjectChanged},
		{storage.ErrNotFound, verify.Errored, verify.ObjectChanged},
		{storage.ErrTooLarge, verify.Errored, verify.OutOfRoom},
		{&sandbox.ImageError{Image: "postgres:99"}, verify.Errored, verify.ImageAbsent},
		{&sandbox.LimitError{Limit: "memory", Bytes: 1 << 30}, verify.Errored, verify.OutOfRoom},
		{sandbox.ErrDeadline, verify.Errored, verify.DrillTimeout},
		{sandbox.ErrUnavailable, verify.Errored, verify.SandboxUnavailable},
		{sandbox.ErrGone, verify.Errored, verify.SandboxUnavailable},
		{engine.ErrServerGone, verify.Errored, verify.SandboxUnavailable},
		{fmt.Errorf("%w: %w", engine.ErrServerGone, &sandbox.LimitError{Limit: "memory", Bytes: 1 << 30}), verify.Errored, verify.OutOfRoom},
		{&leakError{}, verify.Errored, verify.SandboxUnavailable},
		{&timeoutError{time.Hour}, verify.Errored, verify.DrillTimeout},
		{context.DeadlineExceeded, verify.Errored, verify.DrillTimeout},
		{ErrInterrupted, verify.Errored, verify.Interrupted},
		{errors.New("something nobody thought of"), verify.Errored, verify.InternalError},
	}
	for _, tt := range tests {
		err := fmt.Errorf("read orders.dump: %w", tt.err)
		res := accident(err)
		if isFact(err) {
			res = fact(err)
		}
		if res.Verdict != tt.verdict || res.Code != tt.code {
			t.Errorf("%v: %s %s, want %s %s", err, res.Verdict, res.Code, tt.verdict, tt.code)
		}
		if res.Detail == "" || res.Hint == "" {
			t.Errorf("%v: a person is told %q and advised %q", err, res.Detail, res.Hint)
		}
	}
}

func TestALimitIsNamedInTheVerdict(t *testing.T) {
	res := accident(fmt.Errorf("restore: %w", &sandbox.LimitError{Limit: "memory", Bytes: 1 << 30}))
	if res.Subject != "memory" || res.Expected != "at most 1.00 GiB" {
		t.Errorf("subject %q, expected %q; want the memory limit of 1.00 GiB", res.Subject, res.Expected)
	}
}

func TestAPartlyReadDumpSaysHowFar(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{engine.ErrTruncated, "The dump ends too early; read 3 of 40 tables."},
		{fmt.Errorf("ends after 10 bytes: %w", engine.ErrTruncated), "The dump ends too early: ends after 10 bytes; read 3 of 40 tables."},
		{fmt.Errorf("%w: ends before page 22", engine.ErrTruncated), "The dump ends too early: ends before page 22; read 3 of 40 tables."},
	} {
		err := &partlyReadError{read: "read 3 of 40 tables", err: tt.err}
		if res := fact(err); res.Code != verify.ArchiveTruncated || res.Detail != tt.want || !isFact(err) {
			t.Errorf("fact(%v) = %s %q, want %q", tt.err, res.Code, res.Detail, tt.want)
		}
	}
}

// Only objects that begin as the pattern does are listed: that there are none is not said of
// the source beside the nearest names in it.
func TestAnAbsentBackupIsNotSoughtAmongNoObjects(t *testing.T) {
	for _, tt := range []struct {
		listed         int
		text, observed string
	}{
		{0, "nothing matches shp-*; the nearest names are shop-1", "no object matches"},
		{1, "nothing matches shp-* among 1 object; the nearest names are shop-1", "1 object, none matches"},
	} {
		err := &absentError{pattern: "shp-*", near: []string{"shop-1"}, listed: tt.listed}
		if res := fact(err); err.Error() != tt.text || res.Observed != tt.observed {
			t.Errorf("%d listed: %q, observed %q; want %q, %q", tt.listed, err, res.Observed, tt.text, tt.observed)
		}
	}
}
