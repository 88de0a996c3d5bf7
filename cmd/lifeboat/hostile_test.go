package main

import (
	"bytes"
	"strings"
	"testing"

	"lifeboat/internal/testkit/pgdumps"
	"lifeboat/verify"
)

// TestADumpThatDoesMoreThanRestoreIsNotTakenForAnOrdinaryOne puts into a dump what its
// restore runs on the side, and leaves another as pg_dump wrote it.
func TestADumpThatDoesMoreThanRestoreIsNotTakenForAnOrdinaryOne(t *testing.T) {
	needDocker(t, 15)
	server := pgdumps.Start(t, 15)
	whole := server.Load(t, brokenSchema).DumpFile(t, "-Fp", "--create", "--no-owner")
	with := func(lines string) backups {
		const before = "\n\\restrict " // behind which psql itself refuses commands
		if !bytes.Contains(whole, []byte(before)) {
			t.Fatal("the dump has no place for more lines")
		}
		return backups{"db.dump": bytes.Replace(whole, []byte(before), []byte("\n"+lines+before), 1)}
	}
	t.Run("as pg_dump wrote it", func(t *testing.T) {
		t.Parallel()
		code, rep := drillFiles(t, backups{"db.dump": whole}, "match: db.dump\n")
		if code != exitGood || rep.Verdict != verify.Passed {
			t.Errorf("exit %d, verdict %s:\n%s", code, rep.Verdict, findings(rep))
		}
	})
	t.Run("with commands for the machine of whoever restores", func(t *testing.T) {
		t.Parallel()
		code, rep := drillFiles(t, with("\\! true\n\\setenv SEEN `true`\nSELECT 1 \\g /dev/null\n"), "match: db.dump\n")
		if code != exitGood || rep.Verdict != verify.Warned {
			t.Errorf("exit %d, verdict %s:\n%s", code, rep.Verdict, findings(rep))
		}
		if r := mustHave(t, rep, verify.Warned, verify.ClientCommands); r.Subject != "\\!, \\g, \\setenv, `...`" {
			t.Errorf("it names %s", r.Subject)
		}
	})
	t.Run("that kills its own server", func(t *testing.T) {
		t.Parallel()
		code, rep := drillFiles(t, with("COPY (SELECT 1) TO PROGRAM 'kill -9 $(head -n 1 postmaster.pid)';\n"), "match: db.dump\n")
		if code != exitErrored || rep.Verdict != verify.Errored || strings.Contains(rep.Error, "\n") {
			t.Errorf("exit %d, verdict %s %q:\n%s", code, rep.Verdict, rep.Error, findings(rep))
		}
		mustHave(t, rep, verify.Errored, verify.SandboxUnavailable)
	})
}
