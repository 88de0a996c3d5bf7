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
	db, err := connect(d.path, openCheck)
	if err != nil {
		return s, err
	}
	defer db.Close()
	conn, err := session(ctx, db)
	if err != nil {
		return s, readError("open the restored database", err)
	}
	defer conn.Close()
	all, err := d.schema(ctx)
	if err != nil {
		return s, err
	}
	if err := integrity(ctx, conn, all, &s); err != nil {
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

// integrity runs SQLite's own check of every page, table and index. What it cannot judge,
// such as an index in an order that only the application knows, stops it; then the
// tables are checked one by one.
func integrity(ctx context.Context, conn *sql.Conn, all []entry, s *engine.Soundness) error {
	err := check(ctx, conn, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings), s)
	if err == nil || !errors.As(err, new(*modernc.Error)) {
		return err
	}
	for _, e := range all {
		if e.kind != "table" || e.virtual() || len(s.Findings) >= maxFindings {
			continue
		}
		err := check(ctx, conn, "PRAGMA integrity_check("+quoteName(e.name)+")", s)
		if errors.As(err, new(*modernc.Error)) {
			s.Skipped = append(s.Skipped, engine.Skipped{Subject: "integrity of " + engine.Table{Name: e.name}.String(), Reason: message(err)})
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check runs one integrity_check. A database too damaged to go on is a finding.
func check(ctx context.Context, conn *sql.Conn, stmt string, s *engine.Soundness) error {
	rows, err := conn.QueryContext(ctx, stmt)
	if err == nil {
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return fmt.Errorf("integrity_check: %w", err)
			}
			for _, one := range strings.Split(line, "\n") {
				if f, bad := finding(one); bad && len(s.Findings) < maxFindings {
					s.Findings = append(s.Findings, f)
				}
			}
		}
		err = rows.Err()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if err = readError("integrity_check", err); errors.Is(err, engine.ErrCorrupt) {
		s.Findings = append(s.Findings, engine.Finding{Kind: engine.TableCorrupt, Subject: "database", Detail: err.Error(),
			Observed: "integrity_check could not be finished", Expected: "ok"})
		return nil
	}
	return err
}

var (
	damagedIndex = regexp.MustCompile(`(?:from|in|of) index (.+)$|malformed inverted index for FTS\d? table (.+)$`)
	damagedValue = regexp.MustCompile(`^(?:NULL|NUMERIC|TEXT|non-[A-Z]+|[A-Z]+) value in (.+)$|^CHECK constraint failed in (.+)$`)
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
