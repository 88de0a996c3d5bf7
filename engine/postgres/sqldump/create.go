package sqldump

import (
	"lifeboat/engine/postgres/sqltext"
)

// relations are the kinds whose CREATE statement is the kind and a name, after some
// words that may come between.
var relations = []struct {
	words []string
	desc  string
}{
	{[]string{"FOREIGN", "TABLE"}, "FOREIGN TABLE"},
	{[]string{"MATERIALIZED", "VIEW"}, "MATERIALIZED VIEW"},
	{[]string{"TABLE"}, "TABLE"},
	{[]string{"VIEW"}, "VIEW"},
	{[]string{"SEQUENCE"}, "SEQUENCE"},
	{[]string{"TYPE"}, "TYPE"},
	{[]string{"DOMAIN"}, "DOMAIN"},
	{[]string{"EXTENSION"}, "EXTENSION"},
	{[]string{"SCHEMA"}, "SCHEMA"},
	{[]string{"EVENT", "TRIGGER"}, "EVENT TRIGGER"},
	{[]string{"STATISTICS"}, "STATISTICS"},
	{[]string{"COLLATION"}, "COLLATION"},
	{[]string{"PUBLICATION"}, "PUBLICATION"},
}

// created reads what a CREATE statement creates, as far as the statement alone tells.
// Functions are left out: their types would have to be looked up.
func created(sql, schema string) (Item, bool) {
	w := sqltext.Read(sql)
	if !w.Accept("CREATE") {
		return Item{}, false
	}
	w.Accept("OR", "REPLACE")
	if w.AcceptAny("TEMP", "TEMPORARY") != "" {
		return Item{}, false
	}
	w.Accept("UNLOGGED")
	w.Accept("RECURSIVE")
	for _, r := range relations {
		if w.Accept(r.words...) {
			return named(r.desc, sql, schema, w)
		}
	}
	w.Accept("UNIQUE")
	if w.Accept("INDEX") {
		return index(sql, schema, w)
	}
	w.Accept("CONSTRAINT")
	if kind := w.AcceptAny("TRIGGER", "POLICY"); kind != "" {
		return onTable(kind, sql, schema, w)
	}
	return Item{}, false
}

func named(desc, sql, schema string, w *sqltext.Words) (Item, bool) {
	w.Accept("IF", "NOT", "EXISTS")
	in, name, ok := w.Name()
	switch {
	case desc == "EXTENSION" || desc == "SCHEMA" || desc == "EVENT TRIGGER" || desc == "PUBLICATION":
		schema = ""
	case in != "":
		schema = in
	}
	return Item{Desc: desc, Tag: name, Schema: schema, SQL: sql}, ok
}

// index reads CREATE INDEX name ON table: it lies in the schema of its table.
func index(sql, schema string, w *sqltext.Words) (Item, bool) {
	w.Accept("CONCURRENTLY")
	w.Accept("IF", "NOT", "EXISTS")
	name, ok := w.Ident()
	if !ok || !w.Accept("ON") {
		return Item{}, false
	}
	w.Accept("ONLY")
	if in, _, ok := w.Name(); ok && in != "" {
		schema = in
	}
	return Item{Desc: "INDEX", Tag: name, Schema: schema, SQL: sql}, true
}

// onTable reads CREATE TRIGGER name ... ON table.
func onTable(desc, sql, schema string, w *sqltext.Words) (Item, bool) {
	name, ok := w.Ident()
	if !ok || !w.SkipTo("ON") {
		return Item{}, false
	}
	in, table, ok := w.Name()
	if in != "" {
		schema = in
	}
	return Item{Desc: desc, Tag: table + " " + name, Schema: schema, SQL: sql}, ok
}

// addedConstraint reads ALTER TABLE ... ADD CONSTRAINT.
func addedConstraint(sql, schema string) (Item, bool) {
	w := sqltext.Read(sql)
	if !w.Accept("ALTER", "TABLE") {
		return Item{}, false
	}
	w.Accept("IF", "EXISTS")
	w.Accept("ONLY")
	in, table, ok := w.Name()
	if !ok || !w.Accept("ADD", "CONSTRAINT") {
		return Item{}, false
	}
	name, ok := w.Ident()
	if in != "" {
		schema = in
	}
	return Item{Desc: "CONSTRAINT", Tag: table + " " + name, Schema: schema, SQL: sql}, ok
}
