package configs

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key of a mapping, as the tags of its struct describe it. Decoder,
// schema and reference all read the same tags:
//
//	yaml     the key
//	need     "yes" when it must be there (of the kind it belongs to)
//	only     the kinds that have it, separated by commas; other kinds do not
//	enum     the words it may be, separated by commas
//	is       the format of its text, see formats
//	min, max the bounds of a number, size or duration
//	default  what it is when it is not written
//	doc      what it means
type field struct {
	index         int
	name, doc     string
	need          bool
	only          []string
	enum          []string
	format        string
	min, max, def string
	typ           reflect.Type
}

// fieldsOf lists the keys of a struct in their order.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		one := field{
			index: i, name: name, typ: f.Type, doc: f.Tag.Get("doc"), need: f.Tag.Get("need") == "yes",
			format: f.Tag.Get("is"),
			min:    f.Tag.Get("min"), max: f.Tag.Get("max"), def: f.Tag.Get("default"),
		}
		if words := f.Tag.Get("enum"); words != "" {
			one.enum = strings.Split(words, ",")
		}
		if kinds := f.Tag.Get("only"); kinds != "" {
			one.only = strings.Split(kinds, ",")
		}
		all = append(all, one)
	}
	return all
}

// belongs reports whether mappings of a kind have the key.
func (f field) belongs(kind string) bool { return f.only == nil || slices.Contains(f.only, kind) }

// union is a mapping with exactly one key, which is its kind.
type union interface{ setKind(kind string) }

var unionType = reflect.TypeFor[union]()

func isUnion(t reflect.Type) bool { return reflect.PointerTo(t).Implements(unionType) }

func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parent is path without its last key or index; at the top it is "".
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }
