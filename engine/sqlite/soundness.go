package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	modernc "modernc.org/sqlite"

	"lifeboat/engine"
	"lifeboat/internal/units"
)

// maxFindings bounds what integrity_check lists.
const maxFindings = 100

// Soundness implements engine.Database.
func (d *database) Soundness(ctx context.Context) (engine.Soundness, error) {
	var s engine.Soundness
	conn, err := session(ctx, d.db)
	if err != nil {
		return s, readError("open the restored database", err)
	}
	defer conn.Close()
	all, err := d.schema(ctx)
	if err != nil {
		return s, err
	}
	if err := integrity(ctx, conn, &s); err != nil {
		return s, err
	}
	for _, e := range all {
		if e.kind != "table" || e.virtual() {
			continue
		}
		if err := references(ctx, conn, e.name, &s); err != nil {
			return s, err
		}
	}
	tables, indexes := 0, 0
	for _, e := range all {
		switch e.kind {
		case "table":
			tables++
		case "index":
			indexes++
		}
	}
	s.Checked = append(s.Checked, units.Counted(int64(tables), "table")+" with integrity_check",
		fmt.Sprintf("%d indexes with integrity_check", indexes), "foreign keys with foreign_key_check")
	return s, nil
}

// integrity runs SQLite's own check of every page, table and index.
func integrity(ctx context.Context, conn *sql.Conn, s *engine.Soundness) error {
	rows, err := conn.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings))
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return fmt.Errorf("integrity_check: %w", err)
			}
			for _, one := range strings.Split(line, "\n") {
				if f, bad := finding(one); bad {
					s.Findings = append(s.Findings, f)
				}
			}
		}
		err = rows.Err()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		return nil
	}
	if err = readError("integrity_check", err); errors.Is(err, engine.ErrCorrupt) {
		s.Findings = append(s.Findings, engine.Finding{Kind: engine.TableCorrupt, Subject: "database", Detail: message(err),
			Observed: "integrity_check could not be finished", Expected: "ok"})
		return nil
	}
	return err
}

var (
	damagedIndex = regexp.MustCompile(`(?:from|in|of) index (.+)$|malformed inverted index for FTS\d? table (.+)$`)
	damagedValue = regexp.MustCompile(`^(?:NULL|NUMERIC|TEXT|non-[A-Z]+|[A-Z]+) value in (.+)$|^CHECK constraint failed in (.+)$`)
	damagedTree  = regexp.MustCompile(`^(Tree|Page|Freelist|On tree page|Main freelist|Outstanding|List of tree roots|Child page|Rowid)`)
)

// finding reads a line of integrity_check. Its lines name pages, tables and row numbers,
// and hold nothing of the rows.
func finding(line string) (engine.Finding, bool) {
	line = strings.TrimSpace(line)
	if line == "" || line == "ok" || strings.HasPrefix(line, "***") {
		return engine.Finding{}, false
	}
	f := engine.Finding{Kind: engine.TableCorrupt, Subject: "database", Detail: line, Observed: "damaged", Expected: "ok"}
	if m := damagedIndex.FindStringSubmatch(line); m != nil {
		f.Kind, f.Subject = engine.IndexCorrupt, m[1]+m[2]
	} else if m := damagedValue.FindStringSubmatch(line); m != nil {
		f.Kind, f.Subject = engine.ConstraintViolated, m[1]+m[2]
	}
	return f, true
}

// references looks for rows that refer to rows which are not there. One finding stands
// for all of a foreign key.
func references(ctx context.Context, conn *sql.Conn, table string, s *engine.Soundness) error {
	rows, err := conn.QueryContext(ctx, `SELECT parent, fkid, count(*) FROM pragma_foreign_key_check(?) GROUP BY parent, fkid`, table)
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			var parent string
			var id, n int64
			if err := rows.Scan(&parent, &id, &n); err != nil {
				return fmt.Errorf("foreign_key_check: %w", err)
			}
			s.Findings = append(s.Findings, engine.Finding{
				Kind: engine.ConstraintViolated, Subject: engine.Table{Name: table}.String(),
				Detail:   fmt.Sprintf("foreign key %d refers to rows that %s does not have", id, engine.Table{Name: parent}),
				Observed: units.Counted(n, "row") + " without a counterpart", Expected: "0 rows",
			})
		}
		err = rows.Err()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if errors.As(err, new(*modernc.Error)) { // the key itself is at fault, or the pages are and integrity_check says so
		s.Skipped = append(s.Skipped, engine.Skipped{Subject: "foreign keys of " + engine.Table{Name: table}.String(), Reason: message(err)})
		return nil
	}
	return fmt.Errorf("foreign_key_check: %w", err)
}
