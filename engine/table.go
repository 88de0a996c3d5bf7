package engine

import (
	"fmt"
	"strings"
)

// String is the table's name as people write it, parts quoted where they have to be.
func (t Table) String() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{t.Database, t.Schema, t.Name} {
		if p != "" {
			parts = append(parts, quote(p))
		}
	}
	return strings.Join(parts, ".")
}

// String is the object's kind and name. Names of several parts ("table.trigger",
// "function(types)") are written as they are: quotes around them would mislead.
func (o Object) String() string {
	switch o.Kind {
	case "constraint", "trigger", "rule", "policy", "function", "procedure", "aggregate", "operator":
		if o.Schema == "" && o.Database == "" {
			return o.Kind + " " + o.Name
		}
		return o.Kind + " " + Table{Database: o.Database, Schema: o.Schema}.String() + "." + o.Name
	}
	return o.Kind + " " + o.Table.String()
}

// quote leaves plain names alone and puts others in double quotes. A dot always
// needs them: it would read as a separator.
func quote(name string) string {
	plain := strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '$' && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80
	}) < 0
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// ParseTable reads "name", "schema.name" or "database.schema.name"; parts in double
// quotes may hold anything. Unquoted parts are kept as they are written.
func ParseTable(s string) (Table, error) {
	var parts []string
	rest := s
	for {
		part, tail, err := cutPart(rest)
		if err != nil {
			return Table{}, fmt.Errorf("table name %q: %w", s, err)
		}
		parts = append(parts, part)
		if tail == "" {
			break
		}
		rest = tail[1:]
	}
	switch len(parts) {
	case 1:
		return Table{Name: parts[0]}, nil
	case 2:
		return Table{Schema: parts[0], Name: parts[1]}, nil
	case 3:
		return Table{Database: parts[0], Schema: parts[1], Name: parts[2]}, nil
	}
	return Table{}, fmt.Errorf("table name %q: has %d parts, at most 3 are possible", s, len(parts))
}

// cutPart takes the first part of a dotted name; tail is empty or begins with a dot.
func cutPart(s string) (part, tail string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if end == 0 {
			return "", "", fmt.Errorf("has an empty part")
		}
		return s[:end], s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		tail = s[i+1:]
		if b.Len() == 0 || (tail != "" && tail[0] != '.') {
			return "", "", fmt.Errorf("has a misplaced quote")
		}
		return b.String(), tail, nil
	}
	return "", "", fmt.Errorf("has an open quote")
}
