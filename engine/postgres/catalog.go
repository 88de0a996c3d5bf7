package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
	"lifeboat/engine/postgres/sqltext"
	"lifeboat/internal/units"
)

// objectKinds are the kinds of objects that a manifest promises and an inventory lists,
// in the same words on both sides. A manifest names only what a dump creates by a
// statement of its own; the restored database may rightly hold more, such as
// constraints written inside CREATE TABLE and what partitions inherit.
//
// Names are the plain ones, without quotes. Those of constraints, triggers, rules and
// policies are "table.name" (or "domain.name") and belong to the table's schema. A
// function, procedure or aggregate is "name(types)", with the types of its input
// arguments as format_type writes them under an empty search path, quoted as signature
// does, joined by ", "; an aggregate without any is "name(*)". An operator is listed once, however many types it
// is defined for. A rule "_RETURN" is its view. Extensions, schemas, event triggers and
// publications belong to no schema.
var objectKinds = []string{
	"table", "foreign table", "view", "materialized view", "sequence", "index",
	"constraint", "trigger", "rule", "policy",
	"function", "procedure", "aggregate", "operator",
	"type", "domain", "collation", "statistics", "text search configuration",
	"schema", "extension", "event trigger", "publication",
}

// maxObjects bounds the memory that a dump can make its reading take.
const maxObjects = 2_000_000

var errFull = fmt.Errorf("lists more than %s objects, which is more than Lifeboat compares: %w",
	units.Count(maxObjects), engine.ErrFormat)

// item is one thing a dump creates, as an entry of an archive's table of contents or as
// the comment and the statement of a plain dump say.
type item struct {
	Desc   string // "TABLE", "FK CONSTRAINT"
	Tag    string // "orders", "orders orders_customer_fkey"
	Schema string
	Owner  string
	SQL    string // beginning of the statement
}

// catalog collects what a dump promises to create.
type catalog struct {
	engine.Manifest
	database  string // set on objects where a dump holds several
	qualified bool   // names in definitions carry their schema
	names     names
	tables    map[engine.Table]bool
	fillable  []engine.Table // those of them that a dump has to bring rows for, even if none
	operators map[engine.Table]bool
	full      bool            // there were more objects than are kept
	roles     map[string]bool // named
	ownRoles  map[string]bool // created by the dump itself
}

func newCatalog() catalog {
	return catalog{
		Manifest:  engine.Manifest{Engine: "postgres"},
		qualified: true,
		tables:    make(map[engine.Table]bool),
		operators: make(map[engine.Table]bool),
		roles:     make(map[string]bool),
		ownRoles:  make(map[string]bool),
	}
}

// head takes over what the head of an archive says.
func (c *catalog) head(h archive.Head) {
	c.ServerVersion, c.ToolVersion = firstWord(h.ServerVersion), firstWord(h.ToolVersion)
	c.Compression, c.Database, c.MadeAt = h.Compression, h.Database, h.MadeAt
	c.qualified = h.Qualified()
}

// firstWord cuts "16.4 (Debian 16.4-1)" to "16.4".
func firstWord(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return s
}

// manifest is what was collected so far.
func (c *catalog) manifest() engine.Manifest {
	m := c.Manifest
	m.Roles = make([]string, 0, len(c.roles))
	for r := range c.roles {
		if !c.ownRoles[r] {
			m.Roles = append(m.Roles, r)
		}
	}
	slices.Sort(m.Roles)
	m.Objects = slices.Clone(m.Objects)
	m.Extensions = slices.Clone(m.Extensions)
	return m
}

// ofExtension reports whether the rows of t are the configuration of an extension: the
// dump fills the table and does not create it.
func (c *catalog) ofExtension(t engine.Table) bool {
	return len(c.Extensions) > 0 && !c.tables[t]
}

// add takes one item into the catalog.
func (c *catalog) add(it item) {
	for _, text := range []*string{&it.Tag, &it.Schema, &it.Owner, &it.SQL} {
		plain, ok := c.names.read(*text)
		if !ok && text != &it.SQL {
			return
		}
		*text = plain
	}
	c.role(it.Owner)
	switch it.Desc {
	case "TABLE":
		c.object("table", it.Schema, it.Tag)
		if takesRows(it.SQL) && !c.full {
			c.fillable = append(c.fillable, engine.Table{Database: c.database, Schema: it.Schema, Name: it.Tag})
		}
	case "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "INDEX",
		"TYPE", "DOMAIN", "COLLATION", "STATISTICS", "TEXT SEARCH CONFIGURATION":
		c.object(strings.ToLower(it.Desc), it.Schema, it.Tag)
	case "FUNCTION", "PROCEDURE", "AGGREGATE":
		// Types in the tags of old dumps lack their schema wherever the search path of
		// the moment found them: such a name cannot be compared.
		if c.qualified || strings.HasSuffix(it.Tag, "()") {
			c.object(strings.ToLower(it.Desc), it.Schema, signature(it.Tag))
		}
	case "OPERATOR":
		if t := (engine.Table{Database: c.database, Schema: it.Schema, Name: it.Tag}); !c.operators[t] {
			c.operators[t] = true
			c.object("operator", it.Schema, it.Tag)
		}
	case "SCHEMA", "EVENT TRIGGER", "PUBLICATION":
		c.object(strings.ToLower(it.Desc), "", it.Tag)
	case "EXTENSION":
		c.object("extension", "", it.Tag)
		c.Extensions = append(c.Extensions, it.Tag)
	case "CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT", "TRIGGER", "RULE", "POLICY":
		c.child(it)
	case "ENCODING":
		c.names = namesOf(it.SQL)
	case "ROLE":
		c.ownRoles[it.Tag] = true
	case "ACL", "DEFAULT ACL", "USER MAPPING":
		c.grants(it.SQL)
	}
}

// takesRows reports whether a table made by a CREATE TABLE statement has rows of its own
// that every dump brings: a partitioned one has none, and those of unlogged ones are left
// out by a dump made on a standby. A statement so long that it may be cut does not tell.
func takesRows(sql string) bool {
	const mayBeCut = 60 << 10
	return strings.HasPrefix(sql, "CREATE TABLE ") && len(sql) < mayBeCut && !strings.Contains(sql, "PARTITION BY ")
}

// leftOut lists the tables of the catalog that a dump does not speak of the rows of.
func (c *catalog) leftOut(spoken func(engine.Table) bool) []engine.Table {
	var left []engine.Table
	for _, t := range c.fillable {
		if c.tables[t] && !spoken(t) {
			left = append(left, t)
		}
	}
	slices.SortFunc(left, compareTables)
	return slices.Compact(left)
}

// needless is a name in quotes that needs none, by its letters.
var needless = regexp.MustCompile(`"([a-z_][a-z0-9_]*)"`)

// signature is a function's name and types with quotes only around what needs them by
// its letters. Servers quote keywords too, and all names under --quote-all-identifiers.
func signature(tag string) string {
	i := strings.IndexByte(tag, '(')
	if i < 0 {
		return tag
	}
	return tag[:i] + needless.ReplaceAllStringFunc(tag[i:], func(q string) string {
		if q == `"char"` { // a type of its own, other than char
			return q
		}
		return strings.Trim(q, `"`)
	})
}

// object adds one object.
func (c *catalog) object(kind, schema, name string) {
	if len(c.Objects) >= maxObjects {
		c.full = true
		return
	}
	t := engine.Table{Database: c.database, Schema: schema, Name: name}
	if kind == "table" || kind == "foreign table" {
		c.tables[t] = true
	}
	c.Objects = append(c.Objects, engine.Object{Kind: kind, Table: t})
}

// child adds an object that belongs to a table. The tag is the table's name and its
// own with a space between, and either may have spaces in it: its definition decides.
func (c *catalog) child(it item) {
	if it.Desc == "POLICY" {
		c.grants(it.SQL)
	}
	name, ok := childName(it.SQL)
	if !ok {
		if strings.Count(it.Tag, " ") != 1 {
			return // one that nobody could name
		}
		_, name, _ = strings.Cut(it.Tag, " ")
	}
	table, ok := strings.CutSuffix(it.Tag, " "+name)
	switch {
	case !ok:
		return
	case it.Desc == "RULE" && name == "_RETURN":
		c.becomesView(engine.Table{Database: c.database, Schema: it.Schema, Name: table})
		return
	}
	kind := strings.ToLower(it.Desc)
	if strings.HasSuffix(kind, "constraint") {
		kind = "constraint"
	}
	c.object(kind, it.Schema, table+"."+name)
}

// childName reads the name of a constraint, trigger, rule or policy in its definition.
func childName(sql string) (string, bool) {
	w := sqltext.Read(sql)
	switch {
	case w.Accept("ALTER"):
		if !w.SkipTo("ADD") || !w.Accept("CONSTRAINT") {
			return "", false
		}
		return w.Ident()
	case w.Accept("CREATE"):
		w.Accept("OR", "REPLACE")
		w.Accept("CONSTRAINT")
		if w.AcceptAny("TRIGGER", "RULE", "POLICY") == "" {
			return "", false
		}
		return w.Ident()
	}
	return "", false
}

// becomesView corrects a table that is made a view by its rule later on, which is how
// PostgreSQL before 10 dumps views that depend on each other.
func (c *catalog) becomesView(t engine.Table) {
	if !c.tables[t] {
		return
	}
	delete(c.tables, t)
	for i, o := range c.Objects {
		if o.Kind == "table" && o.Table == t {
			c.Objects[i].Kind = "view"
		}
	}
}
