// Package check holds the questions asked of a restored backup, one file each. A
// check judges what others fetched, restored and measured; it reaches for nothing
// but the restored database, and what it says never holds the contents of a row,
// other than the one value that a query check was told to ask for.
package check

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// Reasons why there is no answer.
var (
	errNoDatabase  = errors.New("there is no restored database to ask")
	errNotCounted  = errors.New("the restored tables were not counted")
	errNotExamined = errors.New("the restored database was not examined for damage")
)

// maxResults bounds how many results one check gives about single objects.
const maxResults = 20

// Builtin returns the checks that need no words in the configuration, in the order
// in which a report shows them.
func Builtin() []verify.Check {
	return []verify.Check{
		Artifact{}, Checksum{}, Restore{}, Census{}, Inventory{}, Integrity{}, Sequences{}, Drift{}, RTO{},
	}
}

// bound keeps the first maxResults of results and puts one in place of the rest. The
// rest has the verdict and code of the gravest it stands for.
func bound(results []verify.Result, noun string) []verify.Result {
	if len(results) <= maxResults {
		return results
	}
	rest := results[maxResults:]
	sum := rest[0]
	for _, r := range rest {
		if r.Verdict > sum.Verdict {
			sum = r
		}
	}
	more := units.Counted(int64(len(rest)), "more "+noun)
	return append(results[:maxResults:maxResults], verify.Result{
		Check: sum.Check, Verdict: sum.Verdict, Code: sum.Code, Subject: more,
		Detail: more + " not shown one by one; the gravest of them is " + sum.Code + ".", Hint: sum.Hint,
	})
}

// names lists at most six names and counts the rest.
func names(all []string) string {
	const shown = 6
	if len(all) <= shown {
		return strings.Join(all, ", ")
	}
	return strings.Join(all[:shown], ", ") + " and " + units.Count(int64(len(all)-shown)) + " more"
}

// short cuts s to limit characters and says that it did.
func short(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit]) + "…"
}

func rows(n int64) string { return units.Counted(n, "row") }

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// present is the tables that are there, by name, those that could not be counted
// included.
func present(measured []engine.Measured) map[engine.Table]engine.Measured {
	byName := make(map[engine.Table]engine.Measured, len(measured))
	for _, m := range measured {
		if !errors.Is(m.Err, engine.ErrNoTable) {
			byName[m.Table] = m
		}
	}
	return byName
}

// find is the measured table that a person means by want. Where nothing answers to
// the name the error wraps engine.ErrNoTable.
func find(measured []engine.Measured, want engine.Table) (engine.Measured, error) {
	if measured == nil {
		return engine.Measured{}, errNotCounted
	}
	have := present(measured)
	name, err := engine.Find(slices.Collect(maps.Keys(have)), want)
	if err != nil {
		return engine.Measured{}, err
	}
	return have[name], have[name].Err
}

// total is the rows of a table with all its partitions and children.
func total(m engine.Measured) int64 { return max(m.Rows, m.Tree) }

// noTable says that a configured check names a table that was not restored.
func noTable(check string, table engine.Table, err error) verify.Result {
	return verify.Result{
		Check: check, Verdict: verify.Failed, Code: verify.TablesMissing, Subject: table.String(),
		Observed: "no such table", Expected: "a table of this name",
		Detail: "The restored database does not hold the table this check asks about (" + err.Error() + ").",
		Hint:   "If the table was renamed or dropped on purpose, change this check; otherwise the backup does not contain it.",
	}
}
