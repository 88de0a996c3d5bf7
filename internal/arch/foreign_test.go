package arch

import "testing"

// foreign lists the packages besides engines that read bytes which others made, and what
// they are. Each has a fuzz target, which scripts/fuzz.sh finds by itself.
var foreign = map[string]string{
	"configs":                 "configuration files",
	"jobs/cron":               "schedules and maintenance windows",
	"engine/postgres/archive": "tables of contents",
	"engine/postgres/sqldump": "plain dumps",
	"engine/postgres/sqltext": "SQL and COPY data",
	"storage":                 "names of objects, patterns, checksum files",
	"storage/envelope":        "encrypted and compressed streams",
	"web/api":                 "notifications of storages",
	"verify/text":             "names and messages printed on a terminal",
}

func TestEveryReaderOfForeignBytesIsFuzzed(t *testing.T) {
	for folder, what := range foreign {
		if !testsCall(t, folder, "\nfunc Fuzz") {
			t.Errorf("%s reads %s and has no fuzz target", folder, what)
		}
	}
	for _, folder := range below(t, "engine") {
		if !testsCall(t, folder, "\nfunc Fuzz") {
			t.Errorf("%s reads dumps and has no fuzz target", folder)
		}
	}
}
