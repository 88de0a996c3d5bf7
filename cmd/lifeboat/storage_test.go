package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testkit/s3server"
	"lifeboat/verify"
)

// s3Config writes a configuration with one target called t over a bucket.
func s3Config(t testing.TB, source, target string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lifeboat.yaml")
	text := "sources:\n  offsite:\n    kind: s3\n" + indent(source) + "targets:\n  t:\n    source: offsite\n" + indent(target)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestABackupInARealBucketIsDrilled reads a real S3 server over TLS.
func TestABackupInARealBucketIsDrilled(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	s := s3server.Start(t)
	bucket := s.Bucket(t)
	s.Put(t, bucket, "pg/shop-20260601T050000Z.dump", shopDump)
	s.Put(t, bucket, "pg/shop-20260602T050000Z.dump", shopDump)
	code, rep := drill(t, s3Config(t, s3Source(s, bucket), "match: \"pg/shop-{time:20060102T150405Z}.dump\"\n"))
	if code != exitGood || !rep.Verdict.Good() || rep.Artifact.Key != "pg/shop-20260602T050000Z.dump" {
		t.Errorf("exit %d, verdict %s of %+v; findings:\n%s", code, rep.Verdict, rep.Artifact, findings(rep))
	}
	if len(rep.Candidates) != 2 || rep.Candidates[1].Reason == "" {
		t.Errorf("candidates = %+v, want two, the older with a reason", rep.Candidates)
	}
}

func s3Source(s *s3server.Server, bucket string) string {
	return fmt.Sprintf("endpoint: %q\nbucket: %s\nregion: us-east-1\naccess_key: %q\nsecret_key: %q\nca_file: %q\n",
		s.Host, bucket, s.AccessKey, s.SecretKey, s.CAFile)
}

// TestAStorageThatCannotBeReadIsErroredAndNamesTheCause covers what is wrong on the
// way to the backup, and says nothing about the backup.
func TestAStorageThatCannotBeReadIsErroredAndNamesTheCause(t *testing.T) {
	t.Parallel()
	s := s3server.Start(t)
	bucket := s.Bucket(t)
	s.Put(t, bucket, "db.dump", shopDump)
	good := s3Source(s, bucket)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, source, cause string }{
		{"no such bucket", strings.Replace(good, bucket, "no-such-bucket", 1), "bucket"},
		{"wrong key", strings.Replace(good, s.SecretKey, "wrong", 1), "secret"},
		{"endpoint down", strings.Replace(good, s.Host, nobody, 1), "refused"},
		{"TLS error", good[:strings.Index(good, "ca_file")], "certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, rep := drill(t, s3Config(t, tt.source, "match: db.dump\n"))
			if code != exitErrored || rep.Verdict != verify.Errored {
				t.Fatalf("exit %d, verdict %s; want %d and errored; findings:\n%s", code, rep.Verdict, exitErrored, findings(rep))
			}
			res := mustHave(t, rep, verify.Errored, verify.StorageUnreachable)
			if !strings.Contains(res.Detail, "offsite") || !strings.Contains(strings.ToLower(res.Detail), tt.cause) {
				t.Errorf("detail %q does not name source and cause %q", res.Detail, tt.cause)
			}
			if strings.Contains(res.Detail+rep.Error, s.SecretKey) {
				t.Error("the secret key is in the report")
			}
		})
	}
}

// TestAnAbsentImageIsNamed wants an image that nobody has.
func TestAnAbsentImageIsNamed(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	files := backups{"db.dump": shopDump}
	code, rep := drillFiles(t, files, "match: db.dump\nsandbox: {image: \"localhost/no-such-image:99\", runner: docker}\n")
	if code != exitErrored {
		t.Errorf("exit %d, want %d", code, exitErrored)
	}
	if res := mustHave(t, rep, verify.Errored, verify.ImageAbsent); !strings.Contains(res.Detail, "localhost/no-such-image:99") {
		t.Errorf("detail %q does not name the image", res.Detail)
	}
}
