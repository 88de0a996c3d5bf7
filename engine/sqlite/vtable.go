package sqlite

import (
	"regexp"
	"slices"
	"strings"
)

// virtual is a virtual table as a schema lists it.
type virtual struct {
	name, sql, module string
}

var (
	createVirtual = regexp.MustCompile(`(?is)^\s*CREATE\s+VIRTUAL\s+TABLE\b`)
	usingModule   = regexp.MustCompile(`(?is)^\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+["'\[` + "`" + `]?([A-Za-z0-9_]+)`)
)

// readVirtualTable reads the one form in which .dump lists a virtual table:
//
//	INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)
//	VALUES('table','docs','docs',0,'CREATE VIRTUAL TABLE docs USING fts5(body)');
func readVirtualTable(st *statement) (virtual, bool) {
	at := slices.IndexFunc(st.tokens, func(t token) bool { return t.kind == 'w' && strings.EqualFold(t.text, "VALUES") })
	if !st.schema || st.rows != 1 || st.inexact || at < 0 {
		return virtual{}, false
	}
	values := st.tokens[at+1:]
	const list = "(s,s,s,w,s)"
	var shape strings.Builder
	for _, v := range values {
		shape.WriteByte(v.kind)
	}
	if shape.String() != list || values[1].text != "table" || values[3].text != values[5].text || values[7].text != "0" {
		return virtual{}, false
	}
	v := virtual{name: values[3].text, sql: values[9].text}
	m := usingModule.FindStringSubmatch(v.sql)
	if m == nil || len(v.sql) >= maxToken {
		return virtual{}, false
	}
	v.module = strings.ToLower(m[1])
	return v, true
}
