package check

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lifeboat/engine"
	"lifeboat/internal/units"
	"lifeboat/verify"
)

// maxObserved bounds the value of a query that a report shows, in characters. It is
// the only place where restored data leaves the sandbox, and only what was asked for.
const maxObserved = 100

// Query asks the restored database one question of the user's own and compares the
// answer, the first column of the first row as text, spaces around it trimmed.
type Query struct {
	Title   string // what the question is, for people
	SQL     string
	Expect  string         // the whole answer; used when Pattern is nil
	Pattern *regexp.Regexp // must match somewhere in the answer
	Timeout time.Duration
}

// Name implements verify.Check.
func (Query) Name() string { return "query" }

// Run implements verify.Check.
func (c Query) Run(ctx context.Context, in verify.Input) ([]verify.Result, error) {
	if in.Restored.DB == nil {
		return nil, errNoDatabase
	}
	r := verify.Result{Check: c.Name(), Subject: c.Title, Expected: c.Expect}
	if c.Pattern != nil {
		r.Expected = "a match of " + c.Pattern.String()
	}
	got, err := in.Restored.DB.Query(ctx, c.SQL, c.Timeout)
	var refused *engine.QueryError
	switch {
	case errors.As(err, &refused) && refused.Timeout:
		r.Verdict, r.Code = verify.Errored, verify.CheckErrored
		r.Observed = "no answer in " + units.Duration(c.Timeout)
		r.Detail = "The query was stopped at its time limit, so there is no answer."
		r.Hint = "Give this check a longer timeout, or ask for less."
	case errors.As(err, &refused):
		r.Verdict, r.Code, r.Observed = verify.Failed, verify.QueryMismatch, short(refused.Message, maxObserved)
		r.Detail = "The restored database refused the query."
		r.Hint = "If tables or columns were renamed on purpose, change the query; otherwise what it asks about is not in the backup."
	case err != nil:
		return nil, fmt.Errorf("query %q: %w", c.Title, err)
	case c.matches(strings.TrimSpace(got)):
		r.Verdict, r.Observed = verify.Passed, short(strings.TrimSpace(got), maxObserved)
		r.Detail = "The answer is the expected one."
	default:
		r.Verdict, r.Code, r.Observed = verify.Failed, verify.QueryMismatch, short(strings.TrimSpace(got), maxObserved)
		r.Detail = "The answer is not the expected one."
		r.Hint = "Run the same query on the source database. If it answers the same, the data is at fault, not the backup."
	}
	return []verify.Result{r}, nil
}

func (c Query) matches(got string) bool {
	if c.Pattern != nil {
		return c.Pattern.MatchString(got)
	}
	return got == strings.TrimSpace(c.Expect)
}
