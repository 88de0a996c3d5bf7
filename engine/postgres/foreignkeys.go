package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
)

// foreignKeys lists the searches for rows whose counterpart is missing, those over
// small tables first. A restore validates a foreign key as it creates it, after the
// rows: only one that was there before the last rows came, as when a dump loads them
// with triggers off, is searched again, because that takes as long as to restore it.
func (x *examination) foreignKeys(ctx context.Context, p *part) ([]task, error) {
	own := "true"
	if p.server.major >= 11 { // a key to a partitioned table has others below it, to each partition
		own = "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint up WHERE up.oid = k.conparentid AND up.conrelid = k.conrelid)"
	}
	if p.server.major >= 18 {
		own += " AND NOT k.conperiod AND k.conenforced"
	}
	rows, err := x.list(ctx, p, "foreign keys", `
		SELECT n.nspname, c.relname, k.conname, k.oid, rn.nspname, r.relname, r.relkind, k.confmatchtype,
			fk.attname, pk.attname, pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, op.oprname), u.i,
			pg_catalog.pg_relation_size(c.oid) + pg_catalog.pg_relation_size(r.oid) AS size,
			pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8 - 1
		FROM pg_catalog.pg_constraint k
		JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace,
		LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop)) WITH ORDINALITY AS u(fk, pk, op, i)
		JOIN pg_catalog.pg_operator op ON op.oid = u.op JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace,
		pg_catalog.pg_attribute fk, pg_catalog.pg_attribute pk
		WHERE k.contype = 'f' AND k.convalidated AND c.relkind = 'r' AND `+own+` AND `+ownedSchema+`
		AND fk.attrelid = c.oid AND fk.attnum = u.fk AND pk.attrelid = r.oid AND pk.attnum = u.pk
		ORDER BY size, k.oid, u.i`)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && string(rows[n][11]) != "1" {
			n++
		}
		tasks = append(tasks, p.foreignKey(rows[:n]))
		rows = rows[n:]
	}
	return tasks, nil
}

// foreignKey is the task for one foreign key, given a row for each of its columns. A
// row with a NULL in it satisfies a key that is not MATCH FULL.
func (p *part) foreignKey(columns [][][]byte) task {
	first := columns[0]
	var on, filled []string
	for _, c := range columns {
		on = append(on, fmt.Sprintf("pk.%s %s fk.%s", ident(string(c[9])), c[10], ident(string(c[8]))))
		filled = append(filled, fmt.Sprintf("fk.%s IS NOT NULL", ident(string(c[8]))))
	}
	either := " AND "
	if string(first[7]) == "f" {
		either = " OR "
	}
	name := p.table(first[0], first[1]).String() + "." + engine.Table{Name: string(first[2])}.String()
	fkTable := "ONLY " + ident(string(first[0])) + "." + ident(string(first[1]))
	pkTable := ident(string(first[4])) + "." + ident(string(first[5]))
	if string(first[6]) != "p" { // those that inherit from it are no counterparts
		pkTable = "ONLY " + pkTable
	}
	orphans := fmt.Sprintf("SELECT pg_catalog.count(*) FROM (SELECT 1 FROM %s AS fk LEFT JOIN %s AS pk ON %s WHERE pk.%s IS NULL AND (%s) LIMIT %d) AS o",
		fkTable, pkTable, strings.Join(on, " AND "), ident(string(first[9])), strings.Join(filled, either), maxOrphans)
	sql := fmt.Sprintf("SELECT CASE WHEN (%s) THEN (%s) ELSE 0 END", loadedAfter(fkTable, first[3], first[13]), orphans)
	return task{
		what: "foreign key", bytes: number(first[12]), sql: sql,
		judge: func(rows [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict) {
			if refused != nil || len(rows) != 1 {
				return engine.Finding{}, undecided
			}
			n := number(rows[0][0])
			if n == 0 {
				return engine.Finding{}, sound
			}
			observed := amount(int(n), "row", "rows")
			if n == maxOrphans {
				observed += " or more"
			}
			return engine.Finding{
				Kind: engine.ConstraintViolated, Subject: name,
				Detail:   "Rows refer to rows that are not there, although the constraint is marked valid.",
				Observed: observed, Expected: "0 rows",
			}, damaged
		},
	}
}

// maxOrphans is how many are counted.
const maxOrphans = 1000

// loadedAfter is the condition that rows came into a table after its constraint: that
// one on its last page has a younger transaction. Restores only ever append.
func loadedAfter(table string, constraint, lastBlock []byte) string {
	if number(lastBlock) < 0 {
		return "false"
	}
	return fmt.Sprintf("SELECT pg_catalog.min(pg_catalog.age(xmin)) <= (SELECT pg_catalog.age(xmin) FROM pg_catalog.pg_constraint WHERE oid = %s)"+
		" FROM %s WHERE ctid = ANY (ARRAY(SELECT pg_catalog.format('(%s,%%s)', i)::pg_catalog.tid FROM pg_catalog.generate_series(1, 300) AS i))",
		constraint, table, lastBlock)
}
