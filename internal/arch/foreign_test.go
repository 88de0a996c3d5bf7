package arch

import "testing"

// foreign lists the packages that read bytes which others made, and what they are. Each
// has a fuzz target, which scripts/fuzz.sh finds by itself.
var foreign = map[string]string{
	"configs":                 "configuration files",
	"engine/postgres":         "dumps, and what restore tools say about them",
	"engine/postgres/archive": "tables of contents",
	"engine/postgres/sqldump": "plain dumps",
	"engine/postgres/sqltext": "SQL and COPY data",
	"engine/sqlite":           "database files and SQL",
	"storage":                 "names of objects, patterns, checksum files",
	"storage/envelope":        "encrypted and compressed streams",
	"verify/text":             "names and messages printed on a terminal",
}

func TestEveryReaderOfForeignBytesIsFuzzed(t *testing.T) {
	for folder, what := range foreign {
		if !testsCall(t, folder, "\nfunc Fuzz") {
			t.Errorf("%s reads %s and has no fuzz target", folder, what)
		}
	}
	for _, engine := range below(t, "engine") {
		if foreign[engine] == "" {
			t.Errorf("%s reads dumps and is not on the list", engine)
		}
	}
}
