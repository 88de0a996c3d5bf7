package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
)

// foreignKeys lists the searches for rows whose counterpart is missing, those over
// small tables first. A restore validates a foreign key when it creates it; a dump that
// loads rows later, with triggers off, gets past that.
func (x *examination) foreignKeys(ctx context.Context, p *part) ([]task, error) {
	top := "true"
	if p.server.major >= 11 {
		top = "k.conparentid = 0"
	}
	if p.server.major >= 18 {
		top += " AND NOT k.conperiod AND k.conenforced"
	}
	rows, err := x.list(ctx, p, "foreign keys", `
		SELECT n.nspname, c.relname, k.conname, c.relkind, rn.nspname, r.relname, r.relkind, k.confmatchtype,
			fk.attname, pk.attname, pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, op.oprname), u.i
		FROM pg_catalog.pg_constraint k
		JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace,
		LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop)) WITH ORDINALITY AS u(fk, pk, op, i)
		JOIN pg_catalog.pg_operator op ON op.oid = u.op JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace,
		pg_catalog.pg_attribute fk, pg_catalog.pg_attribute pk
		WHERE k.contype = 'f' AND k.convalidated AND `+top+` AND `+ownedSchema+`
		AND fk.attrelid = c.oid AND fk.attnum = u.fk AND pk.attrelid = r.oid AND pk.attnum = u.pk
		ORDER BY pg_catalog.pg_relation_size(c.oid) + pg_catalog.pg_relation_size(r.oid), k.oid, u.i`)
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
	operator := " AND "
	if string(first[7]) == "f" {
		operator = " OR "
	}
	name := p.table(first[0], first[1]).String() + "." + engine.Table{Name: string(first[2])}.String()
	sql := fmt.Sprintf("SELECT pg_catalog.count(*) FROM (SELECT 1 FROM %s AS fk LEFT JOIN %s AS pk ON %s WHERE pk.%s IS NULL AND (%s) LIMIT 1000) AS orphans",
		rowsOf(first[0], first[1], first[3]), rowsOf(first[4], first[5], first[6]), strings.Join(on, " AND "),
		ident(string(first[9])), strings.Join(filled, operator))
	return task{
		what: "foreign key", name: name, sql: sql,
		judge: func(rows [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict) {
			if refused != nil || len(rows) != 1 {
				return engine.Finding{}, undecided
			}
			n := number(rows[0][0])
			if n == 0 {
				return engine.Finding{}, sound
			}
			observed := amount(int(n), "row", "rows")
			if n == 1000 {
				observed = "1,000 rows or more"
			}
			return engine.Finding{
				Kind: engine.ConstraintViolated, Subject: name,
				Detail:   "Rows refer to rows that are not there, although the constraint is marked valid.",
				Observed: observed, Expected: "0 rows",
			}, damaged
		},
	}
}

// rowsOf is a table without those that inherit from it, which no foreign key covers;
// a partitioned table has rows in its partitions only.
func rowsOf(schema, table, kind []byte) string {
	only := "ONLY "
	if string(kind) == "p" {
		only = ""
	}
	return only + ident(string(schema)) + "." + ident(string(table))
}
