package configs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Patterns of the texts whose form the schema can tell. What it cannot tell, such
// as whether a name that is referred to exists, Parse does.
const (
	durationPattern = `^([0-9]+w)?([0-9]+d)?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))*$`
	sizePattern     = `^[0-9]+(\.[0-9]+)? ?([KMGT]iB|[kKMGT]?B)$`
)

// node is a JSON Schema, or a part of one.
type node map[string]any

// Schema returns the JSON Schema (draft 2020-12) of the configuration, for editors.
func Schema() ([]byte, error) {
	root := schemaOf(reflect.TypeFor[Config](), field{doc: "Configuration of Lifeboat."})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "lifeboat.yaml"
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(out, '\n'), nil
}

// schemaOf describes a value of type t that stands at f.
func schemaOf(t reflect.Type, f field) node {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var n node
	switch {
	case t == reflect.TypeFor[Secret]():
		n = node{"type": "string", "minLength": 1}
	case t == reflect.TypeFor[time.Duration]():
		n = node{"type": "string", "minLength": 2, "pattern": durationPattern}
	case t == reflect.TypeFor[Size]():
		n = node{"type": "string", "pattern": sizePattern}
	case t.Kind() == reflect.Struct:
		n = objectSchema(t)
	case t.Kind() == reflect.Map:
		n = node{"type": "object", "propertyNames": node{"pattern": mapName.String()}, "additionalProperties": schemaOf(t.Elem(), field{})}
		if f.need {
			n["minProperties"] = 1
		}
	case t.Kind() == reflect.Slice:
		n = node{"type": "array", "items": schemaOf(t.Elem(), field{need: true})}
	default:
		n = scalarSchema(t, f)
	}
	if f.doc != "" {
		n["description"] = f.doc
	}
	return n
}

func scalarSchema(t reflect.Type, f field) node {
	n := node{}
	switch t.Kind() {
	case reflect.Bool:
		n["type"] = "boolean"
	case reflect.Int, reflect.Int64:
		n["type"] = "integer"
	case reflect.Float64:
		n["type"] = "number"
	default:
		n["type"] = "string"
		if f.enum != nil {
			n["enum"] = f.enum
		} else if f.need {
			n["minLength"] = 1
		}
		if f.def != "" {
			n["default"] = f.def
		}
		return n
	}
	for key, text := range map[string]string{"minimum": f.min, "maximum": f.max, "default": f.def} {
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			n[key] = x
		}
	}
	return n
}

// objectSchema describes a mapping with known keys. A key that belongs to one kind
// is refused to the others.
func objectSchema(t reflect.Type) node {
	properties := node{}
	var required, kinds []string
	fields := fieldsOf(t)
	for _, f := range fields {
		properties[f.name] = schemaOf(f.typ, f)
		if f.need && f.only == nil {
			required = append(required, f.name)
		}
		if f.name == "kind" {
			kinds = f.enum
		}
	}
	n := node{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		n["required"] = required
	}
	if isUnion(t) {
		n["minProperties"], n["maxProperties"] = 1, 1
	}
	var cases []node
	for _, kind := range kinds {
		cases = append(cases, kindSchema(fields, kind))
	}
	if cases != nil {
		n["allOf"] = cases
	}
	return n
}

// kindSchema says what the keys of a mapping must be when it is of one kind.
func kindSchema(fields []field, kind string) node {
	refused := node{}
	then := node{"properties": refused}
	var required []string
	for _, f := range fields {
		switch {
		case !f.belongs(kind):
			refused[f.name] = false
		case f.only != nil && f.need:
			required = append(required, f.name)
		}
	}
	if required != nil {
		then["required"] = required
	}
	is := node{"properties": node{"kind": node{"const": kind}}, "required": []string{"kind"}}
	return node{"if": is, "then": then}
}
