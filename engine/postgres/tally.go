package postgres

import (
	"cmp"
	"fmt"
	"slices"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
	"lifeboat/engine/postgres/sqltext"
	"lifeboat/internal/units"
)

// tally is what the data of an archive came to.
type tally struct {
	census   engine.Census
	promised int   // tables with data
	whole    int   // of those, read whole
	rows     int64 // read
	err      error // a fact, when data is missing or does not end
}

// count compares the data that was read with the data that was promised.
func (s *scanner) count() tally {
	var t tally
	switch {
	case s.heads == 0:
		t.fail(fmt.Errorf("dump lacks its table of contents: %w", engine.ErrTruncated))
	case s.heads > 1:
		t.fail(fmt.Errorf("there is more than one %s: %w", archive.TOCFile, engine.ErrFormat))
	}
	sums := make(map[engine.Table]int) // place in the census
	spoken := make(map[engine.Table]bool)
	for _, p := range s.promised {
		isTable := p.table != engine.Table{}
		if isTable {
			spoken[engine.Table{Schema: s.name(p.table.Schema), Name: s.name(p.table.Name)}] = true
			t.promised++
		}
		rows, read := s.rows[p.name]
		switch {
		case !read:
			t.fail(missing(p))
			if p.name == s.broken {
				n, _ := s.partial.Count(p.copy)
				t.rows += n
			}
			continue
		case !isTable:
			continue
		}
		n, err := rows.Count(p.copy)
		t.rows += n
		if err != nil {
			t.fail(fmt.Errorf("data of %s: %w", p.table, err))
			continue
		}
		t.whole++
		if _, ok := s.catalog.names.read(p.table.Schema + p.table.Name); !ok {
			t.census.Uncounted = append(t.census.Uncounted, undecodable)
			continue
		}
		s.addRows(&t.census, sums, p, rows, n)
	}
	for _, name := range s.needed {
		if _, read := s.rows[name]; !read {
			t.fail(fmt.Errorf("large object in %s is missing: %w", name, engine.ErrTruncated))
		}
	}
	t.census.LeftOut = s.catalog.leftOut(func(of engine.Table) bool { return spoken[of] })
	if slices.ContainsFunc(t.census.Tables, func(c engine.Count) bool { return c.Tree }) {
		dropEmptyLeaves(&t.census)
	}
	return t
}

// undecodable is said of each table whose name nobody here can read.
var undecodable = engine.Skipped{Subject: "a table whose name is not in UTF-8",
	Reason: "the encoding of the dump is not one that Lifeboat reads names in"}

// dropEmptyLeaves takes tables without rows out of the census of a dump that loads rows
// into parents: as INSERT statements nothing says that an empty table has a parent,
// whose other rows may land in it.
func dropEmptyLeaves(c *engine.Census) {
	c.Tables = slices.DeleteFunc(c.Tables, func(n engine.Count) bool { return n.Rows == 0 && !n.Tree })
}

// addRows puts the rows of one table into the census.
func (s *scanner) addRows(c *engine.Census, sums map[engine.Table]int, p promise, rows archive.Rows, n int64) {
	p.table = engine.Table{Schema: s.name(p.table.Schema), Name: s.name(p.table.Name)}
	count := engine.Count{Table: p.table, Rows: n}
	if root, ok := target(s.name(p.copy), s.name(rows.First())); ok && root != p.table {
		count.Table, count.Tree = root, true
	}
	count.AtLeast = s.catalog.ofExtension(count.Table)
	i, seen := sums[count.Table]
	if !seen {
		sums[count.Table] = len(c.Tables)
		c.Tables = append(c.Tables, count)
		return
	}
	c.Tables[i].Rows += n
	c.Tables[i].Tree = c.Tables[i].Tree || count.Tree
}

// target is the table that data is loaded into, by its COPY statement or the first of
// its INSERT statements.
func target(copyStmt, insert string) (engine.Table, bool) {
	w := sqltext.Read(copyStmt)
	if copyStmt == "" {
		w = sqltext.Read(insert)
	}
	if !w.Accept("COPY") && !w.Accept("INSERT", "INTO") {
		return engine.Table{}, false
	}
	schema, name, ok := w.Name()
	return engine.Table{Schema: schema, Name: name}, ok && schema != ""
}

// compareTables orders tables by name.
func compareTables(a, b engine.Table) int {
	return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
}

func missing(p promise) error {
	if p.table != (engine.Table{}) {
		return fmt.Errorf("data of %s is missing: %w", p.table, engine.ErrTruncated)
	}
	return fmt.Errorf("data %s is missing: %w", p.name, engine.ErrTruncated)
}

func (t *tally) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// read says how far a broken dump could be read.
func (t *tally) read() string {
	return fmt.Sprintf("read %s of %s tables, %s rows, before the dump breaks off",
		units.Count(int64(t.whole)), units.Count(int64(t.promised)), units.Count(t.rows))
}
