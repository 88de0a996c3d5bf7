package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// brokenSchema has enough rows that its dump has several blocks.
const brokenSchema = `
create table customers (id int primary key, name text not null);
create table orders (id int primary key, customer int references customers, note text);
insert into customers select n, 'Customer ' || n from generate_series(1, 2000) n;
insert into orders select n, n % 2000 + 1, md5(n::text) || md5((n * 3)::text) from generate_series(1, 20000) n;
`

// cut is where a file ends too early.
type cut struct {
	name string
	at   func(size int) int
}

var cuts = []cut{
	{"10 %", func(n int) int { return n / 10 }},
	{"50 %", func(n int) int { return n / 2 }},
	{"90 %", func(n int) int { return n * 9 / 10 }},
	{"99 %", func(n int) int { return n * 99 / 100 }},
	{"one byte short", func(n int) int { return n - 1 }},
}

// TestATruncatedDumpFailsWhereverItIsCut cuts every format, bare and inside the
// envelopes, and wants the verdict to say so.
func TestATruncatedDumpFailsWhereverItIsCut(t *testing.T) {
	needDocker(t, 15)
	db := pgdumps.Start(t, 15).Load(t, brokenSchema)
	dumps := map[string][]byte{"custom": db.DumpFile(t, "-Fc"), "tar": db.DumpFile(t, "-Ft"), "plain": db.DumpFile(t, "-Fp")}
	for _, e := range wrappings(t) {
		if e.name != "nothing" && e.name != "gzip" && e.name != "zstd" && e.name != "age" {
			continue
		}
		for format, dump := range dumps {
			if e.name != "nothing" && format != "custom" {
				continue
			}
			whole := e.wrap(t, dump)
			for _, c := range cuts {
				t.Run(fmt.Sprintf("%s in %s cut at %s", format, e.name, c.name), func(t *testing.T) {
					t.Parallel()
					broken := backups{"db.dump": whole[:c.at(len(whole))]}
					code, rep := drillFiles(t, broken, "match: db.dump\n"+e.decrypt)
					mustFail(t, code, rep, verify.ArchiveTruncated, verify.ArchiveCorrupt)
				})
			}
		}
	}
}

// mustFail wants a failed verdict, exit 1 and one of the codes with words for people.
func mustFail(t testing.TB, code int, rep verify.Report, codes ...string) {
	t.Helper()
	if code != exitFailed || rep.Verdict != verify.Failed {
		t.Fatalf("exit %d, verdict %s %q, want failed %v; findings:\n%s", code, rep.Verdict, rep.Error, codes, findings(rep))
	}
	for _, r := range rep.Results {
		for _, want := range codes {
			if r.Code == want && r.Verdict == verify.Failed && r.Detail != "" && r.Hint != "" {
				return
			}
		}
	}
	t.Errorf("findings are not %v:\n%s", codes, findings(rep))
}

// TestBytesThatAreNoWholeBackupFail covers damage that is not a cut.
func TestBytesThatAreNoWholeBackupFail(t *testing.T) {
	needDocker(t, 15)
	db := pgdumps.Start(t, 15).Load(t, brokenSchema)
	custom := db.DumpFile(t, "-Fc")
	zst := tool(t, db.DumpFile(t, "-Fp"), "zstd", "-qc")
	envelopes := wrappings(t)
	age := envelopes[6]
	other := wrappings(t)[6]
	digest := sha256.Sum256([]byte("something else"))
	tests := []struct {
		name   string
		files  backups
		target string
		want   string
	}{
		{"0 bytes", backups{"db.dump": {}}, "", verify.NotABackup},
		{"gzip of nothing", backups{"db.dump": gzipped(t, nil)}, "", verify.NotABackup},
		{"a web page", backups{"db.dump": []byte(errorPage)}, "", verify.NotABackup},
		{"an error of the storage", backups{"db.dump": []byte(`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`)}, "", verify.NotABackup},
		{"an error of pg_dump", backups{"db.dump": []byte("pg_dump: error: connection to server at \"db\" failed: Connection refused\n")}, "", verify.NotABackup},
		{"a flipped byte in a compressed block", backups{"db.dump": flipped(custom, len(custom)*6/10)}, "", verify.ArchiveCorrupt},
		{"a flipped byte in zstd", backups{"db.dump": flipped(zst, len(zst)/2)}, "", verify.ArchiveCorrupt},
		{"a wrong checksum beside it", backups{"db.dump": custom, "db.dump.sha256": []byte(hex.EncodeToString(digest[:]) + "  db.dump\n")}, "", verify.ChecksumMismatch},
		{"encrypted for another key", backups{"db.dump": age.wrap(t, custom)}, other.decrypt, verify.DecryptFailed},
		{"nothing matches", backups{"dd.dump": custom, "readme": []byte("x")}, "", verify.BackupAbsent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, rep := drillFiles(t, tt.files, "match: db.dump\n"+tt.target)
			mustFail(t, code, rep, tt.want)
		})
	}
	t.Run("too old", func(t *testing.T) {
		code, rep := drillFiles(t, backups{"db-20260101T000000Z.dump": custom}, "match: \"db-{time:20060102T150405Z}.dump\"\nobjectives: {rpo: 26h}\n")
		mustFail(t, code, rep, verify.BackupStale)
	})
	t.Run("the nearest names are told", func(t *testing.T) {
		_, rep := drillFiles(t, backups{"dd.dump": custom}, "match: db.dump\n")
		if res := mustHave(t, rep, verify.Failed, verify.BackupAbsent); !strings.Contains(res.Detail, "dd.dump") {
			t.Errorf("detail %q does not name dd.dump", res.Detail)
		}
	})
	t.Run("no key on our side is a mistake of configuration", func(t *testing.T) {
		code, rep := drillFiles(t, backups{"db.dump": age.wrap(t, custom)}, "match: db.dump\n")
		if code != exitUsage || rep.Verdict != verify.Errored {
			t.Errorf("exit %d, verdict %s, want %d and errored", code, rep.Verdict, exitUsage)
		}
		mustHave(t, rep, verify.Errored, verify.KeyMissing)
	})
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func flipped(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 0x55
	return out
}

// TestARestoreThatLosesSomethingFails covers dumps that are whole and whose restore
// does not bring everything back, or has nothing to bring.
func TestARestoreThatLosesSomethingFails(t *testing.T) {
	needDocker(t, 15)
	server := pgdumps.Start(t, 15)
	db := server.Load(t, brokenSchema)
	plain := db.DumpFile(t, "-Fp")
	empty := server.Load(t, "create table a (n int); create table b (n int);")
	tests := []struct {
		name   string
		dump   []byte
		target string
		want   []string
	}{
		{"psql ends well and rows are lost", dropRows(t, plain), "", []string{verify.RowsMissing}},
		{"a table is missing afterwards", append(beforeEnd(plain), []byte("DROP TABLE public.orders;\n\n"+plainEnd)...), "", []string{verify.TablesMissing}},
		{"tables without data", empty.DumpFile(t, "-Fc"), "", []string{verify.EmptyRestore}},
		{"schema only", db.DumpFile(t, "-Fc", "--schema-only"), "", []string{verify.EmptyRestore}},
		{"a row that does not fit", bytes.Replace(plain, []byte("\n20000\t"), []byte("\nnever\t"), 1), "", []string{verify.RestoreIncomplete, verify.RowsMissing}},
		{"too few rows", plain, "checks: [{rows: {table: orders, min: 1000000}}]\n", []string{verify.RowsOutOfRange}},
		{"another answer than expected", plain, "checks: [{query: {name: largest, sql: select max(id) from orders, expect: \"7\"}}]\n", []string{verify.QueryMismatch}},
		{"no such table", plain, "checks: [{rows: {table: nowhere, min: 1}}]\n", []string{verify.TablesMissing}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, rep := drillFiles(t, backups{"db.dump": tt.dump}, "match: db.dump\n"+tt.target)
			mustFail(t, code, rep, tt.want...)
		})
	}
}

// plainEnd is how pg_dump ends a plain dump.
const plainEnd = "--\n-- PostgreSQL database dump complete\n--\n\n"

// beforeEnd is a plain dump without its closing comment.
func beforeEnd(dump []byte) []byte {
	return bytes.Clone(dump[:bytes.LastIndex(dump, []byte("--\n-- PostgreSQL database dump complete"))])
}

// dropRows adds what a faulty script could: rows are gone, and no tool complains.
func dropRows(t testing.TB, dump []byte) []byte {
	t.Helper()
	return append(beforeEnd(dump), []byte("DELETE FROM public.orders WHERE id % 2 = 0;\n\n"+plainEnd)...)
}
