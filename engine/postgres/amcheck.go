package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lifeboat/engine"
)

// amcheckSchema holds the amcheck extension that Lifeboat adds to a restored database.
const amcheckSchema = "lifeboat_amcheck"

// createTimeout bounds CREATE EXTENSION, which takes milliseconds.
const createTimeout = 30 * time.Second

var errCreateTimeout = fmt.Errorf("creating extension amcheck took too long")

// amcheck returns the schema of the extension, creating it where it is absent. The
// schema is empty when it cannot be had, and then reason says why.
func (x *examination) amcheck(ctx context.Context, p *part) (schema, reason string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.amcheck != "" || p.noAmcheck != "" {
		return p.amcheck, p.noAmcheck, nil
	}
	if p.server.major < 10 {
		p.noAmcheck = "PostgreSQL 9.6 has no amcheck"
		return "", p.noAmcheck, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, createTimeout, errCreateTimeout)
	defer cancel()
	s, err := p.server.connect(ctx, p.name, operator)
	if err != nil {
		return "", "", err
	}
	defer s.close(ctx)
	// Event triggers of the dump would run, and might forbid it; those of an ordinary
	// kind do not for a replica.
	_, err = s.run(ctx, `SET session_replication_role = replica; CREATE SCHEMA IF NOT EXISTS `+amcheckSchema+`; CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA `+amcheckSchema)
	if err != nil {
		if s.conn.IsClosed() {
			return "", "", p.server.accident(ctx, "create extension amcheck", err)
		}
		p.noAmcheck = "extension amcheck cannot be created: " + withoutData(err).Error()
		return "", p.noAmcheck, nil
	}
	// The dump may have brought it, and something else under its names.
	rows, err := s.rows(ctx, `
		SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
		WHERE e.extname = 'amcheck' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_proc f
			WHERE f.pronamespace = n.oid AND f.proname IN ('bt_index_check', 'verify_heapam')
			AND f.probin IS DISTINCT FROM '$libdir/amcheck')`)
	if err != nil {
		return "", "", p.server.accident(ctx, "find extension amcheck", err)
	}
	if len(rows) == 0 {
		p.noAmcheck = "extension amcheck is not what it should be"
		return "", p.noAmcheck, nil
	}
	p.amcheck = string(rows[0][0])
	return p.amcheck, "", nil
}

// indexes lists the checks of B-tree indexes, the small ones first so that most are
// seen when time runs out. They go over the structure and order of each index; whether
// each row is in it is not asked, which would take several times as long.
func (x *examination) indexes(ctx context.Context, p *part) ([]task, error) {
	rows, err := x.list(ctx, p, "indexes", `
		SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid)
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
		JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid AND i.indisready AND c.relpersistence <> 't' AND `+ownedSchema+`
		ORDER BY pg_catalog.pg_relation_size(c.oid), c.oid`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	schema, reason, err := x.amcheck(ctx, p)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, r := range rows {
		if schema == "" {
			x.skip("index", reason)
			continue
		}
		name := p.table(r[1], r[2]).String()
		tasks = append(tasks, task{
			what: "index", bytes: number(r[3]),
			sql: fmt.Sprintf("SELECT %s.bt_index_check(%s::pg_catalog.oid::pg_catalog.regclass)", ident(schema), r[0]),
			judge: func(_ [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict) {
				return corrupt(refused, engine.IndexCorrupt, name)
			},
		})
	}
	return tasks, nil
}

// heaps lists the checks of tables that have pages, the small ones first.
func (x *examination) heaps(ctx context.Context, p *part) ([]task, error) {
	if p.server.major < 14 {
		return nil, nil
	}
	rows, err := x.list(ctx, p, "tables", `
		SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND a.amname = 'heap' AND c.relpersistence <> 't' AND pg_catalog.pg_relation_size(c.oid) > 0 AND `+ownedSchema+`
		ORDER BY pg_catalog.pg_relation_size(c.oid), c.oid`)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	schema, reason, err := x.amcheck(ctx, p)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, r := range rows {
		if schema == "" {
			x.skip("table", reason)
			continue
		}
		name := p.table(r[1], r[2]).String()
		tasks = append(tasks, task{
			what: "table", bytes: number(r[3]),
			sql: fmt.Sprintf("SELECT pg_catalog.count(*), pg_catalog.min(blkno), pg_catalog.min(msg)"+
				" FROM %s.verify_heapam(%s::pg_catalog.oid::pg_catalog.regclass, on_error_stop => true)", ident(schema), r[0]),
			judge: func(rows [][][]byte, refused *pgconn.PgError) (engine.Finding, verdict) {
				if refused != nil || len(rows) != 1 || len(rows[0]) != 3 {
					return corrupt(refused, engine.TableCorrupt, name)
				}
				if number(rows[0][0]) == 0 {
					return engine.Finding{}, sound
				}
				return engine.Finding{
					Kind: engine.TableCorrupt, Subject: name, Detail: string(rows[0][2]),
					Observed: "damage in block " + string(rows[0][1]), Expected: "none",
				}, damaged
			},
		})
	}
	return tasks, nil
}

// list runs a query that lists things to look at.
func (x *examination) list(ctx context.Context, p *part, what, sql string) (rows [][][]byte, err error) {
	err = x.db.with(ctx, p, func(s *session) error {
		rows, err = s.rows(ctx, sql)
		if err != nil {
			return s.server.accident(ctx, "list "+what+" of "+s.database, err)
		}
		return nil
	})
	return rows, err
}

// damageCodes are the SQLSTATEs by which the server says that what it reads is damaged:
// data corrupted, index corrupted, an unreadable or absent file.
var damageCodes = []string{"XX001", "XX002", "58030", "58P01"}

// corrupt judges what amcheck raised, nil when it was content.
func corrupt(refused *pgconn.PgError, kind engine.FindingKind, name string) (engine.Finding, verdict) {
	switch {
	case refused == nil:
		return engine.Finding{}, sound
	case slices.Contains(damageCodes, refused.Code):
		return engine.Finding{
			Kind: kind, Subject: name, Detail: refused.Message,
			Observed: strings.ReplaceAll(string(kind), "_", " "), Expected: "no damage",
		}, damaged
	}
	return engine.Finding{}, undecided
}
