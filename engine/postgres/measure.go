package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"lifeboat/engine"
)

// Tables are counted in batches of one round trip each: as many tables as together
// have batchBytes, at most batchTables.
const (
	batchBytes  = 64 << 20
	batchTables = 250
)

// heap is one table of a part and what is asked of it.
type heap struct {
	oid      string
	table    engine.Table
	stored   bool // has rows of its own; a partitioned table has none
	bytes    int64
	children []*heap
	columns  []column // asked for
	got      engine.Measured
	lost     []error // columns asked for that are not there
}

// column is a column whose newest value is wanted.
type column struct {
	name string
	kind string // timestamptz, timestamp or date
}

// Measure implements engine.Database.
func (d *database) Measure(ctx context.Context, want []engine.Measure) ([]engine.Measured, error) {
	perPart := make([][]*heap, len(d.parts))
	var all []engine.Table
	for i, p := range d.parts {
		err := d.with(ctx, p, func(s *session) (err error) {
			perPart[i], err = s.heaps(ctx, p.label)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, h := range perPart[i] {
			all = append(all, h.table)
		}
	}
	lost, asked := assign(want, all)
	c := &count{tell: d.progress, total: int64(len(all))}
	var out []engine.Measured
	for i, p := range d.parts {
		if err := d.measurePart(ctx, p, perPart[i], asked, c); err != nil {
			return nil, err
		}
		for _, h := range perPart[i] {
			out = append(out, h.total())
			for _, err := range h.lost {
				out = append(out, engine.Measured{Table: h.table, Err: err})
			}
		}
	}
	return append(out, lost...), nil
}

// assign finds the table of each question. lost answers those that have none.
func assign(want []engine.Measure, all []engine.Table) (lost []engine.Measured, asked map[engine.Table][]string) {
	asked = make(map[engine.Table][]string)
	for _, w := range want {
		t, err := engine.Find(all, w.Table)
		switch {
		case err != nil:
			lost = append(lost, engine.Measured{Table: w.Table, Err: err})
		case w.Column != "" && !slices.Contains(asked[t], w.Column):
			asked[t] = append(asked[t], w.Column)
		}
	}
	return lost, asked
}

// heaps lists the tables of a database, partitioned ones included, foreign ones not.
func (s *session) heaps(ctx context.Context, label string) ([]*heap, error) {
	rows, err := s.rows(ctx, `
		SELECT c.oid, n.nspname, c.relname, c.relkind = 'r',
			CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND `+userSchema)
	if err != nil {
		return nil, s.server.accident(ctx, "list tables of "+s.database, err)
	}
	byOID := make(map[string]*heap, len(rows))
	list := make([]*heap, 0, len(rows))
	for _, r := range rows {
		t := engine.Table{Database: label, Schema: string(r[1]), Name: string(r[2])}
		size, _ := strconv.ParseInt(string(r[4]), 10, 64)
		h := &heap{oid: string(r[0]), table: t, stored: string(r[3]) == "t", bytes: size, got: engine.Measured{Table: t}}
		byOID[h.oid] = h
		list = append(list, h)
	}
	if rows, err = s.rows(ctx, "SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits"); err != nil {
		return nil, s.server.accident(ctx, "list partitions of "+s.database, err)
	}
	for _, r := range rows {
		parent, child := byOID[string(r[0])], byOID[string(r[1])]
		if parent != nil && child != nil {
			parent.children = append(parent.children, child)
		}
	}
	return list, nil
}

// userSchema is the condition for a schema n that is not the system's own.
const userSchema = `n.nspname OPERATOR(pg_catalog.<>) 'information_schema' AND n.nspname OPERATOR(pg_catalog.!~) '^pg_'`

// count is how far a pass over all tables is.
type count struct {
	tell  func(engine.Progress)
	done  atomic.Int64
	total int64
}

func (c *count) add(tables int) {
	c.tell(engine.Progress{Step: "count", Done: c.done.Add(int64(tables)), Total: c.total, Unit: "tables"})
}

// measurePart counts the tables of one part, the largest first, on all slots.
func (d *database) measurePart(ctx context.Context, p *part, heaps []*heap, asked map[engine.Table][]string, c *count) error {
	for _, h := range heaps {
		columns := asked[h.table]
		if len(columns) == 0 {
			continue
		}
		err := d.with(ctx, p, func(s *session) error { return s.findColumns(ctx, h, columns) })
		if err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	counted := 0
	for _, batch := range batches(heaps) {
		counted += len(batch)
		g.Go(func() error {
			defer c.add(len(batch))
			return d.measureBatch(ctx, p, batch)
		})
	}
	c.add(len(heaps) - counted) // partitioned tables have no rows of their own
	return g.Wait()
}

// findColumns looks up the columns asked of h, for all tables below it as well.
func (s *session) findColumns(ctx context.Context, h *heap, names []string) error {
	for _, name := range names {
		rows, err := s.rows(ctx, `
			SELECT COALESCE(b.typname, t.typname), pg_catalog.format_type(a.atttypid, NULL)
			FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
			LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
			WHERE a.attrelid = `+h.oid+` AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = `+literal(name))
		if err != nil {
			return s.server.accident(ctx, "look up a column of "+h.table.String(), err)
		}
		if len(rows) == 0 {
			h.lost = append(h.lost, fmt.Errorf("%w: %s has no column %s", engine.ErrNoTable, h.table, name))
			continue
		}
		kind := string(rows[0][0])
		if kind != "timestamptz" && kind != "timestamp" && kind != "date" {
			h.lost = append(h.lost, fmt.Errorf("%w: column %s of %s is of type %s, which is no time",
				engine.ErrNoTable, name, h.table, rows[0][1]))
			continue
		}
		h.ask(column{name, kind})
	}
	return nil
}

// ask adds a column to h and to all tables below it, which have it as well.
func (h *heap) ask(c column) {
	if !slices.Contains(h.columns, c) {
		h.columns = append(h.columns, c)
	}
	for _, child := range h.children {
		child.ask(c)
	}
}

// batches groups the tables that hold rows, the largest first.
func batches(heaps []*heap) [][]*heap {
	var stored []*heap
	for _, h := range heaps {
		if h.stored {
			stored = append(stored, h)
		}
	}
	slices.SortStableFunc(stored, func(a, b *heap) int { return cmp.Compare(b.bytes, a.bytes) })
	var out [][]*heap
	var size int64
	for _, h := range stored {
		last := len(out) - 1
		if last < 0 || size+h.bytes > batchBytes || len(out[last]) == batchTables {
			out, size = append(out, nil), 0
			last++
		}
		out[last] = append(out[last], h)
		size += h.bytes
	}
	return out
}

// measureBatch measures some tables in one round trip. When one of them cannot be
// read, they are measured one by one, so that only that one has no answer.
func (d *database) measureBatch(ctx context.Context, p *part, batch []*heap) error {
	err := d.with(ctx, p, func(s *session) error { return s.measure(ctx, batch) })
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refused) || ctx.Err() != nil:
		return p.server.accident(ctx, "count rows", err)
	case len(batch) == 1:
		batch[0].got.Err = p.server.accident(ctx, "read "+batch[0].table.String(), err)
		return nil
	}
	for i := range batch {
		if err := d.measureBatch(ctx, p, batch[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// measure asks for the rows and newest values of some tables.
func (s *session) measure(ctx context.Context, batch []*heap) error {
	var sql strings.Builder
	sql.WriteString("SET LOCAL extra_float_digits = 3;\n") // times to the microsecond
	for _, h := range batch {
		sql.WriteString("SELECT pg_catalog.count(*)")
		for _, c := range h.columns {
			newest := fmt.Sprintf("(%s)::pg_catalog.%s", ident(c.name), c.kind)
			fmt.Fprintf(&sql, ", pg_catalog.date_part('epoch', pg_catalog.max(%s) FILTER (WHERE pg_catalog.isfinite(%s)))", newest, newest)
		}
		fmt.Fprintf(&sql, " FROM ONLY %s.%s;\n", ident(h.table.Schema), ident(h.table.Name))
	}
	results, err := s.run(ctx, sql.String())
	if err != nil {
		return err
	}
	if len(results) != 1+len(batch) {
		return fmt.Errorf("%d answers to %d questions", len(results)-1, len(batch))
	}
	for i, h := range batch {
		if err := h.read(results[1+i].Rows); err != nil {
			return err
		}
	}
	return nil
}

// read takes the answer to one question.
func (h *heap) read(rows [][][]byte) (err error) {
	if len(rows) != 1 || len(rows[0]) != 1+len(h.columns) {
		return fmt.Errorf("count %s: an answer of another form was expected", h.table)
	}
	if h.got.Rows, err = strconv.ParseInt(string(rows[0][0]), 10, 64); err != nil {
		return fmt.Errorf("count %s: %w", h.table, err)
	}
	for i, c := range h.columns {
		if rows[0][i+1] == nil {
			continue
		}
		seconds, err := strconv.ParseFloat(string(rows[0][i+1]), 64)
		if err != nil {
			return fmt.Errorf("newest %s of %s: %w", c.name, h.table, err)
		}
		whole, part := math.Modf(seconds)
		h.newest(c.name, time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC())
	}
	return nil
}

func (h *heap) newest(column string, at time.Time) {
	if h.got.Max == nil {
		h.got.Max = make(map[string]time.Time)
	}
	if old, ok := h.got.Max[column]; !ok || at.After(old) {
		h.got.Max[column] = at
	}
}

// total is the answer for h with what lies below it.
func (h *heap) total() engine.Measured {
	m := h.got
	m.Tree = 0
	for t := range h.tree(make(map[*heap]bool)) {
		m.Tree += t.got.Rows
		for c, at := range t.got.Max {
			if slices.ContainsFunc(h.columns, func(x column) bool { return x.name == c }) {
				h.newest(c, at)
			}
		}
		if m.Err == nil {
			m.Err = t.got.Err
		}
	}
	m.Max = h.got.Max
	return m
}

// tree is h and all tables below it, each once: a child may have several parents.
func (h *heap) tree(seen map[*heap]bool) map[*heap]bool {
	if !seen[h] {
		seen[h] = true
		for _, c := range h.children {
			c.tree(seen)
		}
	}
	return seen
}
