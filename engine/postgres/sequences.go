package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
)

// sequences lists the comparisons of sequences with the columns they feed: those that
// own them, and identity columns. Only a column that leads a unique index is looked
// at: elsewhere an equal value does no harm, and finding the largest would take a scan.
// Sequences that cycle repeat themselves on purpose.
//
// Where a sequence counts in larger steps, several may share a column, each with values
// of its own; then only a value that this very sequence will give again counts.
func (x *examination) sequences(ctx context.Context, p *part) ([]task, error) {
	rows, err := x.list(ctx, p, "sequences", sequenceQuery(p.server.major))
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, r := range rows {
		q := sequence{
			name:   p.table(r[0], r[1]),
			table:  p.table(r[2], r[3]),
			column: string(r[4]),
			step:   number(r[5]),
		}
		if q.step == 0 {
			continue
		}
		if string(r[6]) != "t" {
			x.skip("sequence", "no unique index begins with its column")
			continue
		}
		tasks = append(tasks, q.task())
	}
	return tasks, nil
}

// sequenceQuery lists sequences with their columns, steps, and whether a unique index
// leads with the column.
func sequenceQuery(major int) string {
	step, cycles, catalog := "q.seqincrement", "q.seqcycle", "JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid"
	if major < 10 {
		step, cycles = "i.increment::pg_catalog.int8", "i.cycle_option = 'YES'"
		catalog = "JOIN information_schema.sequences i ON i.sequence_schema = sn.nspname AND i.sequence_name = s.relname"
	}
	return `SELECT sn.nspname, s.relname, n.nspname, c.relname, a.attname, ` + step + `,
		EXISTS (SELECT 1 FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid
			AND x.indpred IS NULL AND x.indkey[0] = a.attnum)
		FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace ` + catalog + `
		JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid
			AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
		JOIN pg_catalog.pg_class c ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
		WHERE s.relkind = 'S' AND c.relkind IN ('r', 'p') AND NOT ` + cycles + ` AND ` + ownedSchema + `
		AND a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype)`
}

// sequence is one sequence and the column it feeds.
type sequence struct {
	name, table engine.Table
	column      string
	step        int64
}

// task asks for the sequence's next value and the furthest value of the column, and,
// for larger steps, for the furthest value that the sequence itself will reach.
func (q sequence) task() task {
	furthest, beyond := "max", ">="
	if q.step < 0 {
		furthest, beyond = "min", "<="
	}
	column, table := ident(q.column), ident(q.table.Schema)+"."+ident(q.table.Name)
	next := fmt.Sprintf("(SELECT CASE WHEN is_called THEN last_value::pg_catalog.numeric + %d ELSE last_value END AS next FROM %s.%s) AS s",
		q.step, ident(q.name.Schema), ident(q.name.Name))
	value := fmt.Sprintf("(SELECT pg_catalog.%s(%s) FROM %s)", furthest, column, table)
	if q.step != 1 && q.step != -1 {
		value = fmt.Sprintf("CASE WHEN %s %s s.next THEN (SELECT pg_catalog.%s(%s) FROM %s WHERE %s %s s.next AND (%s - s.next) %% %d = 0) END",
			value, beyond, furthest, column, table, column, beyond, column, q.step)
	}
	name := q.name.String()
	return task{
		what: "sequence",
		sql:  fmt.Sprintf("SELECT s.next, v.value, v.value %s s.next FROM %s, LATERAL (SELECT %s AS value) AS v", beyond, next, value),
		judge: func(rows [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict) {
			switch {
			case refused != nil || len(rows) != 1 || len(rows[0]) != 3:
				return engine.Finding{}, undecided
			case string(rows[0][2]) != "t":
				return engine.Finding{}, sound
			}
			return engine.Finding{
				Kind: engine.SequenceBehind, Subject: name,
				Detail:   fmt.Sprintf("The next values it gives are already in %s.%s: inserts will fail.", q.table, engine.Table{Name: q.column}),
				Observed: "next value " + string(rows[0][0]), Expected: "beyond " + string(rows[0][1]),
			}, damaged
		},
	}
}
