package postgres

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"lifeboat/engine"
)

// Inventory implements engine.Database. What belongs to an extension is left out: the
// dump names the extension only.
func (d *database) Inventory(ctx context.Context) ([]engine.Object, error) {
	var mu sync.Mutex
	var all []engine.Object
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range d.parts {
		g.Go(func() error {
			return d.with(ctx, p, func(s *session) error {
				found, err := s.inventory(ctx, p.label)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, found...)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

func (s *session) inventory(ctx context.Context, label string) ([]engine.Object, error) {
	rows, err := s.rows(ctx, inventoryFor(s.server.major))
	if err != nil {
		return nil, s.server.accident(ctx, "list objects of "+s.database, err)
	}
	objects := make([]engine.Object, len(rows))
	for i, r := range rows {
		kind, name := string(r[0]), string(r[2])
		if kind == "function" || kind == "procedure" || kind == "aggregate" {
			name = signature(name)
		}
		objects[i] = engine.Object{Kind: kind, Table: engine.Table{Database: label, Schema: string(r[1]), Name: name}}
	}
	return objects, nil
}

// inventoryQuery is one part of the inventory: kind, schema and name of some objects.
type inventoryQuery struct {
	since int // major version that brought the catalog
	until int // last one that has it; 0 when it is still there
	sql   string
}

// inventoryFor is the query that lists all objects on a server of a major version.
func inventoryFor(major int) string {
	var parts []string
	for _, q := range inventoryQueries {
		if major >= q.since && (q.until == 0 || major <= q.until) {
			parts = append(parts, strings.NewReplacer("USERSCHEMA", ownedSchema, "OWN(", "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e "+
				"WHERE e.deptype = 'e' AND (e.classid, e.objid) = (").Replace(q.sql))
		}
	}
	return strings.Join(parts, "\nUNION ALL\n")
}

// ownedSchema is the condition for a schema n that the dump filled, and not Lifeboat.
const ownedSchema = userSchema + ` AND n.nspname OPERATOR(pg_catalog.<>) '` + amcheckSchema + `'`

// arguments is the signature of a function p, as objectKinds describes it.
const arguments = `COALESCE((SELECT pg_catalog.string_agg(pg_catalog.format_type(a.t, NULL), ', ' ORDER BY a.i)
	FROM pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) WITH ORDINALITY AS a(t, i)), '')`

// functionName is its name with that; an aggregate of nothing has a star.
const functionKinds = `CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END`

const functionQuery = ` n.nspname, p.proname || '(' ||
	CASE WHEN KIND = 'aggregate' AND p.pronargs = 0 THEN '*' ELSE ` + arguments + ` END || ')'
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
	WHERE USERSCHEMA AND OWN('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid))`

// inventoryQueries use the same words as objectKinds. OWN(catalog, oid) is true for what
// belongs to no extension.
var inventoryQueries = []inventoryQuery{
	{sql: `SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view'
		WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'index' END, n.nspname::text, c.relname::text
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'i', 'I') AND c.relpersistence <> 't'
		AND USERSCHEMA AND OWN('pg_catalog.pg_class'::pg_catalog.regclass, c.oid))`},
	{sql: `SELECT 'constraint', n.nspname, c.relname || '.' || k.conname
		FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_class'::pg_catalog.regclass, c.oid))`},
	{sql: `SELECT 'constraint', n.nspname, t.typname || '.' || k.conname
		FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid
		JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_type'::pg_catalog.regclass, t.oid))`},
	{sql: `SELECT 'trigger', n.nspname, c.relname || '.' || g.tgname
		FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal AND USERSCHEMA`},
	{sql: `SELECT 'rule', n.nspname, c.relname || '.' || r.rulename
		FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' AND USERSCHEMA`},
	{sql: `SELECT 'policy', n.nspname, c.relname || '.' || y.polname
		FROM pg_catalog.pg_policy y JOIN pg_catalog.pg_class c ON c.oid = y.polrelid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE USERSCHEMA`},
	{until: 10, sql: `SELECT ` + strings.ReplaceAll(`KIND,`+functionQuery, "KIND", `CASE WHEN p.proisagg THEN 'aggregate' ELSE 'function' END`)},
	{since: 11, sql: `SELECT ` + strings.ReplaceAll(`KIND,`+functionQuery, "KIND", functionKinds)},
	{sql: `SELECT DISTINCT 'operator', n.nspname::text, o.oprname::text
		FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_operator'::pg_catalog.regclass, o.oid))`},
	{sql: `SELECT CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, n.nspname, t.typname
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
		LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
		WHERE (c.oid IS NULL OR c.relkind = 'c') AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) AND USERSCHEMA
		AND OWN('pg_catalog.pg_type'::pg_catalog.regclass, t.oid))`},
	{sql: `SELECT 'collation', n.nspname, o.collname
		FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_collation'::pg_catalog.regclass, o.oid))`},
	{since: 10, sql: `SELECT 'statistics', n.nspname, x.stxname
		FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace WHERE USERSCHEMA`},
	{sql: `SELECT 'text search configuration', n.nspname, f.cfgname
		FROM pg_catalog.pg_ts_config f JOIN pg_catalog.pg_namespace n ON n.oid = f.cfgnamespace
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_ts_config'::pg_catalog.regclass, f.oid))`},
	{sql: `SELECT 'schema', '', n.nspname FROM pg_catalog.pg_namespace n
		WHERE USERSCHEMA AND OWN('pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid))`},
	{sql: `SELECT 'extension', '', x.extname FROM pg_catalog.pg_extension x
		JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace WHERE n.nspname <> '` + amcheckSchema + `'`},
	{sql: `SELECT 'event trigger', '', v.evtname FROM pg_catalog.pg_event_trigger v
		WHERE OWN('pg_catalog.pg_event_trigger'::pg_catalog.regclass, v.oid))`},
	{since: 10, sql: `SELECT 'publication', '', u.pubname FROM pg_catalog.pg_publication u`},
}
