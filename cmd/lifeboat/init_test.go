package main

import (
	"path/filepath"
	"testing"

	"lifeboat/internal/testkit/s3server"
)

// TestAProposalForABucketRunsWhereverItIsWritten names the authority by a path from here and
// writes the configuration elsewhere.
func TestAProposalForABucketRunsWhereverItIsWritten(t *testing.T) {
	s := s3server.Start(t)
	bucket := s.Bucket(t)
	s.Put(t, bucket, "sqlite/notes/notes-2026-06-01.sql", []byte("BEGIN TRANSACTION;\nCREATE TABLE n(id INTEGER);\nINSERT INTO n VALUES(1);\nCOMMIT;\n"))
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	t.Chdir(filepath.Dir(s.CAFile))
	config := filepath.Join(t.TempDir(), "lifeboat.yaml")
	code, _, stderr := lifeboat(t, "init", "s3://"+bucket+"/sqlite", "--endpoint", s.Host, "--ca-file", filepath.Base(s.CAFile), "--output", config)
	if code != exitGood {
		t.Fatalf("lifeboat init: exit %d\n%s", code, stderr)
	}
	if code, rep := drill(t, config); code != exitGood || rep.Target != "notes" {
		t.Errorf("the proposal's drill of %q: exit %d: %s\n%s", rep.Target, code, rep.Error, findings(rep))
	}
}
