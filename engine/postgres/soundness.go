package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"lifeboat/engine"
	"lifeboat/internal/units"
)

// The checks that read whole tables and indexes may take soundnessShare of the time
// that the restore took, and soundnessLeast at least. The restore built every index
// and validated every constraint just before, so that little is to be found in what
// is then left out; it is named in Soundness.Skipped. Measured on two busy cores: of a
// database of 400 MB, restored in 13 s, everything is read in 0.9 s.
const (
	soundnessShare = 20 // one 20th
	soundnessLeast = 5 * time.Second
)

// examination is one run of Soundness over all parts.
type examination struct {
	db       *database
	deadline time.Time

	mu      sync.Mutex
	found   engine.Soundness
	looked  map[string]int // what was looked at, and how much of it
	skipped map[skip]int
}

// skip is a reason not to look at things of one kind.
type skip struct{ what, reason string }

const outOfTime = "the time for deep checks was used up"

// Soundness implements engine.Database.
func (d *database) Soundness(ctx context.Context) (engine.Soundness, error) {
	limit := max(soundnessLeast, d.restoreTime/soundnessShare)
	x := &examination{db: d, deadline: time.Now().Add(limit), looked: make(map[string]int), skipped: make(map[skip]int)}
	for _, p := range d.parts {
		if err := x.part(ctx, p); err != nil {
			return engine.Soundness{}, err
		}
	}
	return x.result(), nil
}

// part looks at one PostgreSQL database: first what the catalog alone tells, then
// sequences, then what has to be read.
func (x *examination) part(ctx context.Context, p *part) error {
	err := x.db.with(ctx, p, func(s *session) error {
		return errors.Join(x.invalidIndexes(ctx, p, s), x.collations(ctx, p, s), x.unvalidated(ctx, p, s))
	})
	if err != nil {
		return err
	}
	var tasks []task
	for _, list := range []func(context.Context, *part) ([]task, error){x.sequences, x.indexes, x.foreignKeys, x.heaps} {
		more, err := list(ctx, p)
		if err != nil {
			return err
		}
		tasks = append(tasks, more...)
	}
	return x.perform(ctx, p, tasks)
}

// task is one thing to look at.
type task struct {
	what  string // "index", as it is counted
	bytes int64  // to be read
	// sql returns rows; judge sees them, or what the server said instead.
	sql   string
	judge func(rows [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict)
}

// verdict is what came of a task.
type verdict int

const (
	sound verdict = iota
	damaged
	undecided
)

// Tasks go in one round trip each as long as they are small together.
const (
	taskBatch      = 100
	taskBatchBytes = 8 << 20
)

// perform runs tasks in their order on all slots, until the time is up.
func (x *examination) perform(ctx context.Context, p *part, tasks []task) error {
	g, ctx := errgroup.WithContext(ctx)
	for len(tasks) > 0 {
		n, size := 1, tasks[0].bytes
		for n < min(taskBatch, len(tasks)) && size+tasks[n].bytes <= taskBatchBytes {
			size += tasks[n].bytes
			n++
		}
		batch := tasks[:n]
		tasks = tasks[n:]
		g.Go(func() error {
			return x.db.with(ctx, p, func(s *session) error { return x.batch(ctx, s, p, batch) })
		})
	}
	return g.Wait()
}

// batch runs some tasks. The first that the server refuses ends the round trip and
// the transaction; the rest goes on in the next one.
func (x *examination) batch(ctx context.Context, s *session, p *part, tasks []task) error {
	for len(tasks) > 0 {
		left := time.Until(x.deadline)
		if left <= 0 {
			for _, t := range tasks {
				x.skip(t.what, outOfTime)
			}
			return nil
		}
		var sql strings.Builder
		fmt.Fprintf(&sql, "SET LOCAL statement_timeout = %d;\n", max(1, left.Milliseconds()))
		for _, t := range tasks {
			sql.WriteString(t.sql + ";\n")
		}
		results, err := s.run(ctx, sql.String())
		var refused *pgconn.PgError
		if err != nil && (!errors.As(err, &refused) || s.conn.IsClosed()) {
			return s.server.accident(ctx, "look for damage in "+s.database, err)
		}
		done := 0 // a statement that failed may leave a result that holds its error
		for done < len(tasks) && done+1 < len(results) && results[done+1].Err == nil {
			done++
		}
		for i, t := range tasks[:done] {
			x.settle(t, results[i+1].Rows, nil)
		}
		if refused == nil {
			return nil
		}
		if done == len(tasks) {
			return s.server.accident(ctx, "look for damage in "+s.database, err)
		}
		x.settle(tasks[done], nil, refused)
		tasks = tasks[done+1:]
		if err := p.renew(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settle records what came of a task.
func (x *examination) settle(t task, rows [][][]byte, refused *pgconn.PgError) {
	if refused != nil && refused.Code == canceled {
		x.skip(t.what, outOfTime)
		return
	}
	finding, v := t.judge(rows, refused)
	switch v {
	case sound:
		x.saw(t.what, 1)
	case damaged:
		x.saw(t.what, 1)
		x.find(finding)
	case undecided:
		reason := "no answer"
		if refused != nil {
			reason = "the server says: " + refusal(refused)
		}
		x.skip(t.what, reason)
	}
}

func (x *examination) find(f engine.Finding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.found.Findings = append(x.found.Findings, f)
}

func (x *examination) saw(what string, n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.looked[what] += n
}

func (x *examination) skip(what, reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.skipped[skip{what, reason}]++
}

// kindsLookedAt is the order in which Checked names them, with their plural and how
// they were looked at.
var kindsLookedAt = []struct{ what, plural, how string }{
	{"index", "indexes", "with amcheck"},
	{"table", "tables", "with amcheck"},
	{"foreign key", "foreign keys", "validated after their last row, or searched for rows without counterpart"},
	{"sequence", "sequences", "against their columns"},
	{"index state", "indexes", "for being valid"},
	{"collation", "collations", "for their version"},
}

// result puts what was found into words.
func (x *examination) result() engine.Soundness {
	x.mu.Lock()
	defer x.mu.Unlock()
	plurals := make(map[string]string)
	for _, k := range kindsLookedAt {
		plurals[k.what] = k.plural
		if n := x.looked[k.what]; n > 0 {
			x.found.Checked = append(x.found.Checked, fmt.Sprintf("%s %s", amount(n, k.what, k.plural), k.how))
		}
	}
	for s, n := range x.skipped {
		x.found.Skipped = append(x.found.Skipped, engine.Skipped{Subject: amount(n, s.what, plurals[s.what]), Reason: s.reason})
	}
	sortSoundness(&x.found)
	return x.found
}

// amount writes "1 index" or "34 indexes".
func amount(n int, one, many string) string {
	one = strings.TrimSuffix(one, " state")
	if n == 1 {
		return "1 " + one
	}
	if many == "" {
		many = one + "s"
	}
	return units.Count(int64(n)) + " " + many
}

// invalidIndexes finds indexes that are marked as not to be used. Partitioned ones are
// left out: they are invalid until each partition has its own, in production as well.
func (x *examination) invalidIndexes(ctx context.Context, p *part, s *session) error {
	rows, err := s.rows(ctx, `
		SELECT n.nspname, c.relname, i.indisvalid AND i.indisready
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND `+ownedSchema)
	if err != nil {
		return s.server.accident(ctx, "list indexes of "+s.database, err)
	}
	for _, r := range rows {
		x.saw("index state", 1)
		if string(r[2]) == "t" {
			continue
		}
		x.find(engine.Finding{
			Kind: engine.IndexCorrupt, Subject: p.table(r[0], r[1]).String(),
			Detail: "The index is marked invalid: it was not built to its end.", Observed: "invalid", Expected: "valid",
		})
	}
	return nil
}

// collations compares the versions that collations were made with to those at hand.
func (x *examination) collations(ctx context.Context, p *part, s *session) error {
	if s.server.major < 10 {
		return nil
	}
	rows, err := s.rows(ctx, `
		SELECT n.nspname, o.collname, o.collversion, pg_catalog.pg_collation_actual_version(o.oid)
		FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
		WHERE o.collversion IS NOT NULL AND `+ownedSchema)
	if err != nil {
		return s.server.accident(ctx, "list collations of "+s.database, err)
	}
	for _, r := range rows {
		x.saw("collation", 1)
		if r[3] == nil || string(r[2]) == string(r[3]) {
			continue
		}
		x.find(engine.Finding{
			Kind: engine.CollationMismatch, Subject: p.table(r[0], r[1]).String(),
			Detail:   "Indexes on text of this collation may be sorted by another version of it.",
			Observed: string(r[3]), Expected: string(r[2]),
		})
	}
	return nil
}

// unvalidated names constraints that are NOT VALID. The dump says so, and nobody knows
// whether production satisfies them: that is no damage.
func (x *examination) unvalidated(ctx context.Context, p *part, s *session) error {
	enforced := "true"
	if s.server.major >= 18 {
		enforced = "k.conenforced"
	}
	rows, err := s.rows(ctx, `
		SELECT n.nspname, c.relname, k.conname, `+enforced+`
		FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT k.convalidated AND `+ownedSchema+` ORDER BY 1, 2, 3`)
	if err != nil {
		return s.server.accident(ctx, "list constraints of "+s.database, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range rows {
		reason := "it is NOT VALID in the dump, so its rows were never checked"
		if string(r[3]) != "t" {
			reason = "it is NOT ENFORCED in the dump"
		}
		x.found.Skipped = append(x.found.Skipped, engine.Skipped{
			Subject: "constraint " + string(r[2]) + " of " + p.table(r[0], r[1]).String(), Reason: reason,
		})
	}
	return nil
}

// table names a table of the part.
func (p *part) table(schema, name []byte) engine.Table {
	return engine.Table{Database: p.label, Schema: string(schema), Name: string(name)}
}

// number reads a count that the server wrote.
func number(b []byte) int64 {
	n, _ := strconv.ParseInt(string(b), 10, 64)
	return n
}

// sortSoundness gives findings an order that does not depend on who was faster.
func sortSoundness(s *engine.Soundness) {
	slices.SortFunc(s.Findings, func(a, b engine.Finding) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Subject, b.Subject))
	})
	slices.SortFunc(s.Skipped, func(a, b engine.Skipped) int {
		return cmp.Or(strings.Compare(a.Subject, b.Subject), strings.Compare(a.Reason, b.Reason))
	})
}
