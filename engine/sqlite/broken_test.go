package sqlite_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/engine"
	"lifeboat/engine/sqlite"
)

func TestABackupThatWasCutIsCalledTruncated(t *testing.T) {
	for form, whole := range map[string][]byte{"file": made(t, shop), "sql": bytes.TrimSpace(dumped(t, shop))} {
		n := len(whole)
		for cut, at := range map[string]int{"10 %": n / 10, "50 %": n / 2, "90 %": n * 9 / 10, "99 %": n * 99 / 100, "one byte": n - 1, "the header": 10} {
			t.Run(form+" "+cut, func(t *testing.T) {
				rec, _, err := restore(t, one(whole[:at]))
				if !errors.Is(err, engine.ErrTruncated) && (form == "file" || cut != "the header") {
					t.Fatalf("%d of %d bytes: got %v, want ErrTruncated", at, n, err)
				}
				if err == nil {
					t.Fatalf("%d of %d bytes were taken for a backup", at, n)
				}
				if at > 4096 && rec.Read == "" {
					t.Error("it does not say how far the dump could be read")
				}
			})
		}
	}
}

func TestALegacyFileThatWasCutIsCalledTruncated(t *testing.T) {
	whole := made(t, shop)
	binary.BigEndian.PutUint32(whole[92:], 0) // an old library wrote last: the size in the header is not valid
	if _, _, err := restore(t, one(whole)); err != nil {
		t.Fatalf("whole: %v", err)
	}
	if _, _, err := restore(t, one(whole[:len(whole)/2])); !errors.Is(err, engine.ErrTruncated) {
		t.Errorf("cut: got %v, want ErrTruncated", err)
	}
}

func TestWhatIsNoBackupIsNotTakenForOne(t *testing.T) {
	random := make([]byte, 8192)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	random[0] = 0xfe
	tests := []struct {
		name string
		dump string
		want error
	}{
		{"nothing", "", engine.ErrNotBackup},
		{"a web page", "<!DOCTYPE html><html><body>404</body></html>", engine.ErrNotBackup},
		{"an error of a storage", `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`, engine.ErrNotBackup},
		{"an error of a tool", "Error: unable to open database \"shop.db\": unable to open database file\n", engine.ErrNotBackup},
		{"a message of an API", `{"error": "denied"}`, engine.ErrNotBackup},
		{"an encrypted database", string(random), engine.ErrFormat},
		{"a dump of PostgreSQL", "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nCREATE TABLE t (a int);\n", engine.ErrFormat},
		{"a dump of MySQL", "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `t`;\n", engine.ErrFormat},
		{"an archive of PostgreSQL", "PGDMP\x01\x0e\x00\x04\x08\x01\x01\x01\x01", engine.ErrFormat},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := sqlite.New().Inspect(t.Context(), one([]byte(test.dump)))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestADumpThatSaysItHitErrorsIsCorrupt(t *testing.T) {
	const begin = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(a);\nINSERT INTO t VALUES(1);\n"
	for _, end := range []string{
		"ROLLBACK; -- due to errors\n",
		"/****** CORRUPTION ERROR *******/\n/****** database disk image is malformed ******/\nCOMMIT;\n",
		"/**** ERROR: (11) database disk image is malformed *****/\nCOMMIT;\n",
	} {
		if _, _, err := restore(t, one([]byte(begin+end))); !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("%q: got %v, want ErrCorrupt", end, err)
		}
	}
	if _, _, err := restore(t, one([]byte(begin+"INSERT INTO t VALUES('/**** ERROR: (11) ****/ due to errors');\nCOMMIT;\n"))); err != nil {
		t.Errorf("a row that quotes the remark: %v", err)
	}
}

// findings restores a broken file and returns what is found in it.
func findings(t *testing.T, b []byte) []engine.Finding {
	t.Helper()
	_, res, err := restore(t, one(b))
	if err != nil {
		t.Fatal(err)
	}
	s, err := res.DB.Soundness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Findings
}

func TestEveryFlippedByteOfAPageHeaderIsNoticed(t *testing.T) {
	whole := made(t, shop)
	pageSize := int(binary.BigEndian.Uint16(whole[16:]))
	for page := 1; page < len(whole)/pageSize; page++ {
		broken := bytes.Clone(whole)
		broken[page*pageSize+3] ^= 0x40 // how many cells the page has
		_, res, err := restore(t, one(broken))
		if errors.Is(err, engine.ErrCorrupt) {
			continue
		}
		if err != nil {
			t.Fatalf("page %d: %v", page+1, err)
		}
		s, err := res.DB.Soundness(t.Context())
		if len(s.Findings) == 0 && !overflow(whole[page*pageSize:]) {
			t.Errorf("page %d: nothing was found (%v)", page+1, err)
		}
	}
}

// overflow reports whether a page is none of a tree, so that its fourth byte is no count.
func overflow(page []byte) bool {
	return !strings.ContainsRune("\x02\x05\x0a\x0d", rune(page[0]))
}

func TestAFlippedByteInTheHeaderIsNoticed(t *testing.T) {
	whole := made(t, shop)
	for _, at := range []int{3, 16, 18, 20, 21, 22, 23, 28, 56} {
		broken := bytes.Clone(whole)
		broken[at] ^= 0x44
		_, res, err := restore(t, one(broken))
		if err == nil {
			s, _ := res.DB.Soundness(t.Context())
			if len(s.Findings) == 0 {
				t.Errorf("byte %d: the backup passes", at)
			}
		}
	}
}

func TestACorruptIndexIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made.db")
	shell(t, path, "CREATE TABLE t(a, b); CREATE INDEX \"of ü\" ON t(a); INSERT INTO t VALUES(1, 2), (3, 4);")
	shell(t, path, `PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE INDEX "of ü" ON t(b)' WHERE type='index';`)
	found := findings(t, read(t, path))
	if len(found) == 0 || found[0].Kind != engine.IndexCorrupt || found[0].Subject != "of ü" {
		t.Errorf("got %+v, want the index", found)
	}
}

func TestViolatedConstraintsAreFoundAndSayNothingOfTheRows(t *testing.T) {
	b := made(t, `CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(name TEXT, p INT REFERENCES p(id));
		INSERT INTO p VALUES(1); INSERT INTO c VALUES('secret', 1), ('secret', 424242), ('secret', 434343);
		PRAGMA ignore_check_constraints=ON; CREATE TABLE k(a INT CHECK(a < 10), b NOT NULL); INSERT INTO k VALUES(77077, 1);`)
	found := findings(t, b)
	text := fmt.Sprintf("%+v", found)
	if len(found) != 2 || found[0].Kind != engine.ConstraintViolated || found[1].Kind != engine.ConstraintViolated {
		t.Fatalf("got %s, want a CHECK and a foreign key", text)
	}
	if found[0].Subject != "k" || found[1].Subject != "c" || found[1].Observed != "2 rows without a counterpart" {
		t.Errorf("got %s", text)
	}
	for _, row := range []string{"secret", "424242", "434343", "77077"} {
		if strings.Contains(text, row) {
			t.Errorf("%s shows %s, which is row data", text, row)
		}
	}
}

func TestAnIndexThatPointsAtItselfDoesNotHoldTheCensus(t *testing.T) {
	b := made(t, "PRAGMA page_size=512; CREATE TABLE t(a); WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<5000) INSERT INTO t SELECT i FROM s;")
	const pageSize, root = 512, 2
	page := b[(root-1)*pageSize:]
	if page[0] != 5 {
		t.Fatalf("page %d is of kind %d, want an inner page of a table", root, page[0])
	}
	binary.BigEndian.PutUint32(page[8:], root)
	rec, _, err := restore(t, one(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Census.Tables) != 0 || len(rec.Census.Uncounted) != 1 || !strings.Contains(rec.Census.Uncounted[0].Reason, "used twice") {
		t.Errorf("census is %+v", rec.Census)
	}
}
