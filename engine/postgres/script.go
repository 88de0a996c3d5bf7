package postgres

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"lifeboat/engine"
	"lifeboat/engine/postgres/sqldump"
	"lifeboat/internal/units"
)

// script is what a plain dump came to.
type script struct {
	sums     map[engine.Table]*loaded
	rows     int64    // read
	nameless bool     // some table has a name that nobody here can read
	via      bool     // rows were loaded into parents of their tables
	dumped   bool     // written by pg_dump or pg_dumpall
	copied   bool     // some rows come by COPY
	inserted bool     // some rows come by INSERT
	commands []string // of psql, that pg_dump does not write
}

// ownCommands are those that pg_dump and pg_dumpall write.
var ownCommands = []string{`\connect`, `\restrict`, `\unrestrict`}

// loaded is what the statements of a script load into one table.
type loaded struct {
	rows    int64
	via     bool
	unknown bool
	listed  bool // by a statement that loads it, and not only by a heading
}

// readScript reads a plain dump.
func (s *scanner) readScript(ctx context.Context, r io.Reader) error {
	s.plain.sums = make(map[engine.Table]*loaded)
	told, err := sqldump.Read(ctx, r, sqldump.Handler{Item: s.scriptItem, Rows: s.scriptRows})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(told)
	s.plain.dumped = told.Dumped
	s.plain.commands = slices.DeleteFunc(told.Commands, func(name string) bool { return slices.Contains(ownCommands, name) })
	return err
}

// tell takes over what a script says about itself.
func (s *scanner) tell(told sqldump.Script) {
	c := &s.catalog
	c.ServerVersion, c.ToolVersion = firstWord(told.ServerVersion), firstWord(told.ToolVersion)
	c.Compression, c.Database = "none", told.Database
	if told.Cluster {
		s.format = formatCluster
	}
}

func (s *scanner) scriptItem(it sqldump.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog.database = s.databaseOf(it.Database)
	s.catalog.add(item{Desc: it.Desc, Tag: it.Tag, Schema: it.Schema, SQL: it.SQL})
}

// databaseOf is the database of a table's name: only a dump of several names them.
func (s *scanner) databaseOf(name string) string {
	if s.format != formatCluster {
		return ""
	}
	return name
}

func (s *scanner) scriptRows(r sqldump.Rows) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.catalog.names.read(r.Schema + r.Name); !ok {
		s.plain.nameless = true
		s.plain.rows += r.N
		return
	}
	t := engine.Table{Database: s.databaseOf(r.Database), Schema: s.name(r.Schema), Name: s.name(r.Name)}
	l := s.plain.sums[t]
	if l == nil && len(s.plain.sums) >= maxObjects {
		s.catalog.full = true
		return
	}
	if l == nil {
		l = new(loaded)
		s.plain.sums[t] = l
	}
	l.rows += r.N
	l.via = l.via || r.Via
	l.unknown = l.unknown || r.Unknown
	l.listed = l.listed || !r.Heading
	s.plain.copied = s.plain.copied || r.Copied
	s.plain.inserted = s.plain.inserted || !r.Copied && !r.Heading
	s.plain.rows += r.N
	s.plain.via = s.plain.via || r.Via
}

// census lists the rows of a plain dump. The error is a fact: where rows come by COPY
// every table has one, if only for no rows, so a heading without one lost its rows.
func (p *script) census(cat *catalog) (c engine.Census, lost error) {
	named := make(map[engine.Table]bool) // as headings name them
	for _, t := range slices.SortedFunc(maps.Keys(p.sums), compareTables) {
		l := p.sums[t]
		named[oneLineName(t)] = true
		if !l.listed && p.dumped && p.copied && !p.inserted && lost == nil {
			lost = fmt.Errorf("the heading for the rows of %s has no COPY below it: %w", t, engine.ErrCorrupt)
		}
		switch {
		case l.unknown:
			c.Uncounted = append(c.Uncounted, engine.Skipped{Subject: t.String(),
				Reason: "a statement of the dump loads rows that it does not spell out"})
		case !l.listed && (p.via || !cat.tables[t]):
			// Its rows, if any, were loaded into its parent and are counted there; or the
			// heading does not give its exact name.
		default:
			c.Tables = append(c.Tables, engine.Count{Table: t, Rows: l.rows, Tree: l.via, AtLeast: cat.ofExtension(t)})
		}
	}
	if p.nameless {
		c.Uncounted = append(c.Uncounted, undecodable)
	}
	if p.dumped && !p.via && !p.nameless {
		c.LeftOut = cat.leftOut(func(t engine.Table) bool { return named[oneLineName(t)] })
	}
	return c, lost
}

// oneLineName is t as the heading of its rows names it, where line ends became blanks.
func oneLineName(t engine.Table) engine.Table {
	t.Schema, t.Name = sqldump.OneLine(t.Schema), sqldump.OneLine(t.Name)
	return t
}

// scriptHeadSize is how far into a plain dump its versions are looked for. pg_dumpall
// writes them after all roles.
const scriptHeadSize = 4 << 20

// scriptHead reads only as much of a script as tells the versions.
func (s *scanner) scriptHead(ctx context.Context, r io.Reader) error {
	told, err := sqldump.Head(ctx, io.LimitReader(r, scriptHeadSize))
	s.tell(told)
	return err
}

// progress says how far a broken script could be read.
func (p *script) progress() string {
	return fmt.Sprintf("read rows of %s tables, %s rows, before the dump breaks off",
		units.Count(int64(len(p.sums))), units.Count(p.rows))
}
