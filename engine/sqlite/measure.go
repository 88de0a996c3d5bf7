package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"lifeboat/engine"
)

// Measure implements engine.Database. Virtual tables are counted only when asked for:
// their rows are those of tables that are counted anyway.
func (d *database) Measure(ctx context.Context, want []engine.Measure) ([]engine.Measured, error) {
	all, err := d.schema(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := session(ctx, d.db)
	if err != nil {
		return nil, readError("open the restored database", err)
	}
	defer conn.Close()
	columns := map[string][]string{} // asked for, by table in lower case
	for _, w := range want {
		key := strings.ToLower(w.Table.Name)
		columns[key] = append(columns[key], w.Column)
	}
	var list []engine.Measured
	known := map[string]bool{}
	for i, e := range all {
		key := strings.ToLower(e.name)
		asked, wanted := columns[key]
		if _, listed := object(e.kind, e.name, e.table, e.virtual()); !listed || e.kind != "table" || e.virtual() && !wanted {
			continue
		}
		known[key] = true
		list = append(list, d.count(ctx, conn, e.name, asked)...)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		d.progress(engine.Progress{Step: "count", Done: int64(i + 1), Total: int64(len(all)), Unit: "tables"})
	}
	for _, w := range want {
		if key := strings.ToLower(w.Table.Name); !known[key] {
			known[key] = true
			list = append(list, engine.Measured{Table: w.Table, Err: fmt.Errorf("%s: %w", w.Table, engine.ErrNoTable)})
		}
	}
	return list, nil
}

// count goes over one table. Columns asked for that are not there, or hold no times,
// come as entries of their own after the table's.
func (d *database) count(ctx context.Context, conn *sql.Conn, table string, columns []string) []engine.Measured {
	m := engine.Measured{Table: engine.Table{Name: table}}
	present, err := columnNames(ctx, conn, table)
	if err != nil {
		m.Err = readError("read the columns", err)
		return []engine.Measured{m}
	}
	var lost []engine.Measured
	lose := func(column, why string) {
		lost = append(lost, engine.Measured{Table: m.Table, Err: fmt.Errorf("column %s of %s %s: %w", column, m.Table, why, engine.ErrNoTable)})
	}
	var stmt strings.Builder
	stmt.WriteString("SELECT count(*)")
	var asked []string
	for _, c := range columns {
		real, ok := present[strings.ToLower(c)]
		if !ok {
			lose(c, "is not there")
			continue
		}
		asked = append(asked, c)
		stmt.WriteString(", max(" + quoteName(real) + ")")
	}
	// Without the hint SQLite counts an index, which may be what is damaged.
	stmt.WriteString(" FROM " + quoteName(table) + " NOT INDEXED")
	newest := make([]any, len(asked))
	into := []any{&m.Rows}
	for i := range newest {
		into = append(into, &newest[i])
	}
	if err := conn.QueryRowContext(ctx, stmt.String()).Scan(into...); err != nil {
		m.Err = readError("count", err)
		return []engine.Measured{m}
	}
	m.Tree = m.Rows
	for i, v := range newest {
		if v == nil {
			continue
		}
		at, ok := moment(v)
		if !ok {
			lose(asked[i], "holds no times")
			continue
		}
		if m.Max == nil {
			m.Max = map[string]time.Time{}
		}
		m.Max[asked[i]] = at
	}
	return append([]engine.Measured{m}, lost...)
}

// columnNames maps names in lower case to the columns' own.
func columnNames(ctx context.Context, conn *sql.Conn, table string) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM pragma_table_xinfo(?)", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[string]string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names[strings.ToLower(name)] = name
	}
	return names, rows.Err()
}

// layouts are the forms in which times are written as text, the way SQLite's own
// functions read them; zones other than UTC are offsets.
var layouts = []string{
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 Z07:00", "2006-01-02 15:04:05.999999999-0700",
	"2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04Z07:00", "2006-01-02 15:04", "2006-01-02",
}

// moment reads a time as SQLite databases keep them: text, seconds since 1970 or finer,
// or a Julian day. Times without a zone are UTC.
func moment(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), true
	case int64:
		return epoch(float64(v))
	case float64:
		const firstJulian, lastJulian = 1_721_059.5, 5_373_484.5 // the years 0 and 9999
		if v >= firstJulian && v < lastJulian {
			const epochJulian, day = 2_440_587.5, 86_400e3
			return time.UnixMilli(int64(math.Round((v - epochJulian) * day))).UTC(), true
		}
		return epoch(v)
	case []byte:
		return moment(string(v))
	case string:
		text := strings.TrimSpace(v)
		if date, clock, ok := strings.Cut(text, "T"); ok && len(date) == len("2006-01-02") {
			text = date + " " + clock
		}
		for _, layout := range layouts {
			if at, err := time.Parse(layout, text); err == nil {
				return at.UTC(), true
			}
		}
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return epoch(n)
		}
	}
	return time.Time{}, false
}

// epoch reads a time since 1970 in the unit that its size tells: a number of seconds
// beyond the year 5000 is one of milliseconds, and so on.
func epoch(n float64) (time.Time, bool) {
	const limit = 1e11
	for range 3 {
		if math.Abs(n) >= limit {
			n /= 1000
		}
	}
	if math.IsNaN(n) || math.Abs(n) >= limit {
		return time.Time{}, false
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}
