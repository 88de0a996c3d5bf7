package sqldump

import (
	"bytes"
	"strings"

	"lifeboat/engine/postgres/sqltext"
)

// lastInsert remembers how the last INSERT began, so that the next one into the same
// table need not be read again.
type lastInsert struct {
	prefix       []byte
	schema, name string
	via          bool
}

// statement handles the statement at hand.
func (d *reader) statement() error {
	text := d.sql.Text()
	if d.insert.prefix != nil && bytes.HasPrefix(text, d.insert.prefix) {
		d.inserted()
		return nil
	}
	sql := string(text)
	w := sqltext.Read(sql)
	switch {
	case w.Accept("INSERT", "INTO"):
		d.newInsert(text, w)
	case w.Accept("COPY"):
		return d.copy(w)
	case w.Accept("SET"):
		d.set(w)
	case w.Accept("SELECT", "pg_catalog", ".", "set_config", "("):
		d.setConfig(w)
	case w.Accept("GRANT"), w.Accept("REVOKE"):
		d.item(Item{Desc: "ACL", SQL: sql})
	case w.Accept("ALTER"):
		d.alter(sql)
	case w.Accept("CREATE"):
		d.create(sql, w)
	}
	return nil
}

// newInsert handles an INSERT that does not begin like the last one.
func (d *reader) newInsert(text []byte, w *sqltext.Words) {
	d.insert = lastInsert{}
	schema, name, ok := d.table(w)
	if !ok {
		return
	}
	d.insert = lastInsert{schema: schema, name: name, via: d.via(schema, name)}
	if rest := len(w.Rest()); rest > 0 { // with the byte that ends the name
		d.insert.prefix = bytes.Clone(text[:len(text)-rest+1])
	}
	d.inserted()
}

// inserted counts the rows of an INSERT into the table of the last one.
func (d *reader) inserted() {
	d.section.loaded = true
	n, ok := d.sql.Tuples()
	d.handler.Rows(Rows{Database: d.database, Schema: d.insert.schema, Name: d.insert.name,
		N: n, Via: d.insert.via, Unknown: !ok})
}

// copy handles a COPY statement and the rows that follow it.
func (d *reader) copy(w *sqltext.Words) error {
	schema, name, ok := d.table(w)
	if !ok || !w.SkipTo("FROM") || !w.Accept("stdin") {
		return nil // it reads or writes a file
	}
	d.section.loaded = true
	n, err := d.sql.CopyRows()
	d.handler.Rows(Rows{Database: d.database, Schema: schema, Name: name, N: n, Via: d.via(schema, name), Copied: true})
	return err
}

// table reads a table's name, which without a schema is in that of the search path.
func (d *reader) table(w *sqltext.Words) (schema, name string, ok bool) {
	schema, name, ok = w.Name()
	if schema == "" {
		schema = d.searched()
	}
	return schema, name, ok
}

// searched is the schema of unqualified names.
func (d *reader) searched() string {
	if d.schema == "" {
		return "public"
	}
	return d.schema
}

// via reports whether rows go to another table than the one they were dumped from.
func (d *reader) via(schema, name string) bool {
	s := &d.section
	if s.desc != tableData {
		return false
	}
	return oneLine.Replace(schema) != s.schema || oneLine.Replace(name) != s.tag
}

// set follows the settings that change how the script reads.
func (d *reader) set(w *sqltext.Words) {
	switch {
	case w.Accept("search_path"):
		if w.AcceptAny("=", "TO") != "" {
			d.setPath(w)
		}
	case w.Accept("standard_conforming_strings"):
		if w.AcceptAny("=", "TO") != "" {
			d.sql.Escapes = w.Accept("off") || w.Accept("'off'") || w.Accept("false")
		}
	case w.Accept("client_encoding"):
		d.item(Item{Desc: "ENCODING", SQL: string(d.sql.Text())})
	case w.Accept("SESSION", "AUTHORIZATION"):
		d.item(Item{Desc: "ACL", SQL: string(d.sql.Text())})
	}
}

func (d *reader) setPath(w *sqltext.Words) {
	d.insert = lastInsert{}
	if s, ok := w.String(); ok {
		d.schema = s
		return
	}
	d.schema, _ = w.Ident()
}

// setConfig follows set_config('search_path', ..., false).
func (d *reader) setConfig(w *sqltext.Words) {
	if name, _ := w.String(); name != "search_path" || !w.Accept(",") {
		return
	}
	if path, ok := w.String(); ok {
		d.insert = lastInsert{}
		first, _, _ := strings.Cut(path, ",")
		d.schema, _ = sqltext.Read(first).Ident()
	}
}

// item hands an item to the handler.
func (d *reader) item(it Item) {
	it.Database = d.database
	d.handler.Item(it)
}

// alter handles ALTER statements: those that add constraints, and those that name roles.
func (d *reader) alter(sql string) {
	if strings.HasSuffix(d.section.desc, "CONSTRAINT") && d.fromSection(sql) {
		return
	}
	if d.section.desc == "SEQUENCE" && d.fromSection(sql) {
		return // the sequence of an identity column
	}
	if !d.script.Dumped {
		if it, ok := addedConstraint(sql, d.searched()); ok {
			d.item(it)
			return
		}
	}
	d.item(Item{Desc: "ACL", SQL: sql})
}

// fromSection makes the first statement of a section an item.
func (d *reader) fromSection(sql string) bool {
	s := &d.section
	if s.desc == "" || s.taken {
		return false
	}
	s.taken = true
	it := Item{Desc: s.desc, Tag: s.tag, Schema: s.schema, SQL: sql}
	// A name with a line end in it is shortened in the comment: the statement has it.
	if own, ok := created(sql, s.schema); ok && own.Desc == it.Desc && oneLine.Replace(own.Tag) == it.Tag &&
		oneLine.Replace(own.Schema) == it.Schema {
		it.Tag, it.Schema = own.Tag, own.Schema
	}
	d.item(it)
	return true
}

// create handles CREATE statements.
func (d *reader) create(sql string, w *sqltext.Words) {
	if w.AcceptAny("ROLE", "USER", "GROUP") != "" && !w.Accept("MAPPING") {
		if name, ok := w.Ident(); ok {
			d.item(Item{Desc: "ROLE", Tag: name})
		}
		return
	}
	if d.fromSection(sql) {
		return
	}
	if !d.script.Dumped {
		if it, ok := created(sql, d.searched()); ok {
			d.item(it)
		}
	}
}
