package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// reader turns parsed YAML into a Config and collects every mistake on the way. It
// walks the tree itself: a decoder that stops at its first error would have its
// user correct the file once per mistake.
type reader struct {
	refs    references
	found   []Mistake
	spots   map[string]position // path -> where it is written
	bad     map[string]bool     // paths with a mistake
	gaps    map[string]gaps     // by schedule and time zone, which many targets share
	anchors map[string]ast.Node
	nodes   int
	merging int
}

// mistake records what is wrong at a place.
func (r *reader) mistake(spot position, path, rule, value string) {
	if len(r.found) == maxMistakes {
		return
	}
	r.found = append(r.found, Mistake{Line: spot.line, Column: spot.column, Path: path, Rule: rule, Value: value})
	r.bad[path] = true
}

// invalid records what is wrong with a value that was decoded. A value that is
// wrong already, by itself or because of what it lies in, is not accused again.
func (r *reader) invalid(path, rule, value string) {
	for p := path; ; p = parent(p) {
		if r.bad[p] {
			return
		}
		if p == "" {
			break
		}
	}
	r.mistake(r.spot(path), path, rule, value)
}

// spot is where path is written, or what it would lie in.
func (r *reader) spot(path string) position {
	for p := path; ; p = parent(p) {
		if s, ok := r.spots[p]; ok {
			return s
		}
		if p == "" {
			return position{1, 1}
		}
	}
}

// written reports whether the file says anything at path.
func (r *reader) written(path string) bool {
	_, ok := r.spots[path]
	return ok
}

// config reads the whole file.
func (r *reader) config(root ast.Node, c *Config) {
	r.anchors = make(map[string]ast.Node)
	r.decode(root, "", reflect.ValueOf(c).Elem(), field{})
	r.validate(c)
}

// decode reads n into v.
func (r *reader) decode(n ast.Node, path string, v reflect.Value, f field) {
	spot := r.start(n)
	r.spots[path] = spot
	if n = r.value(n, path); n == nil {
		r.bad[path] = true
		return
	}
	if n.Type() == ast.NullType {
		r.mistake(spot, path, "has no value; write one or drop the key", "")
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Interface().(type) {
	case Secret, time.Duration, Size:
		r.scalar(n, path, v, f)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.object(n, path, v)
	case reflect.Map:
		r.named(n, path, v)
	case reflect.Slice:
		r.list(n, path, v, f)
	default:
		r.scalar(n, path, v, f)
	}
}

// object reads a mapping with known keys.
func (r *reader) object(n ast.Node, path string, v reflect.Value) {
	if !r.isMapping(n, path) {
		return
	}
	fields := fieldsOf(v.Type())
	pairs := r.pairs(n, path)
	kind, kindKnown := r.kindOf(fields, pairs)
	wrote := make(map[string]bool)
	for _, p := range pairs {
		f, known := fieldNamed(fields, p.key)
		switch {
		case !known:
			wrote[r.unknown(p, path, fields)] = true
		case kindKnown && !f.belongs(kind):
			r.mistake(p.spot, join(path, p.key), fmt.Sprintf("belongs to kind %s, not to kind %s", oneOfWords(f.only), kind), "")
		default:
			wrote[f.name] = true
			r.decode(p.value, join(path, p.key), v.Field(f.index), f)
		}
	}
	if u, ok := v.Addr().Interface().(union); ok {
		r.oneOf(u, wrote, path, fields)
		return
	}
	for _, f := range fields {
		if wrote[f.name] || f.only != nil && !(kindKnown && f.belongs(kind)) {
			continue
		}
		if f.need {
			r.mistake(r.spot(path), join(path, f.name), "is missing: "+lowerFirst(f.doc), "")
		}
		r.fillDefaults(v.Field(f.index), f)
	}
}

// kindOf finds the kind a mapping declares, so that keys of other kinds are refused.
func (r *reader) kindOf(fields []field, pairs []pair) (kind string, known bool) {
	f, has := fieldNamed(fields, "kind")
	if !has {
		return "", false
	}
	for _, p := range pairs {
		if p.key != "kind" {
			continue
		}
		if s, ok := p.value.(*ast.StringNode); ok {
			for _, word := range f.enum {
				if s.Value == word {
					return word, true
				}
			}
		}
	}
	return "", false
}

// unknown reports a key that is none, and returns the one that was probably meant,
// or "".
func (r *reader) unknown(p pair, path string, fields []field) string {
	rule := "is no key here; there are " + strings.Join(names(fields), ", ")
	meant := nearest(p.key, names(fields))
	if meant != "" {
		rule = fmt.Sprintf("is no key here; did you mean %s?", meant)
	}
	r.mistake(p.spot, join(path, shownKey(p.key)), rule, "")
	return meant
}

// oneOf checks that a mapping has exactly one key.
func (r *reader) oneOf(u union, wrote map[string]bool, path string, fields []field) {
	var has []string
	for _, f := range fields {
		if wrote[f.name] {
			has = append(has, f.name)
		}
	}
	if len(has) == 1 {
		u.setKind(has[0])
		return
	}
	if len(has) == 0 && wrote[""] {
		return // the key there is was reported as none
	}
	r.invalid(path, "must have exactly one of the keys "+strings.Join(names(fields), ", "), strings.Join(has, ", "))
}

// mapName is what may name a source, a target or a notifier: names stand in
// commands, labels and addresses.
var mapName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// named reads a mapping whose keys are names given by the user.
func (r *reader) named(n ast.Node, path string, v reflect.Value) {
	if !r.isMapping(n, path) {
		return
	}
	pairs := r.pairs(n, path)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(pairs)))
	for _, p := range pairs {
		at := join(path, shownKey(p.key))
		if !mapName.MatchString(p.key) {
			r.mistake(p.spot, at, "is a name: it must begin with a letter or digit, "+
				"go on with letters, digits, dots, dashes and underscores, and have at most 63 of them", p.key)
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		r.decode(p.value, at, elem, field{})
		r.spots[at] = p.spot
		v.SetMapIndex(reflect.ValueOf(p.key), elem)
	}
}

// list reads a sequence. What f says about the form of its text holds for each entry.
func (r *reader) list(n ast.Node, path string, v reflect.Value, f field) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		r.mistake(r.start(n), path, "must be a list, not "+typeName(n), "")
		return
	}
	for i, item := range seq.Values {
		elem := reflect.New(v.Type().Elem()).Elem()
		if item == nil {
			continue
		}
		r.decode(item, path+"["+strconv.Itoa(i)+"]", elem, field{need: true, format: f.format})
		v.Set(reflect.Append(v, elem))
	}
}

func (r *reader) isMapping(n ast.Node, path string) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	r.mistake(r.start(n), path, "must be a mapping of keys to values, not "+typeName(n), "")
	return false
}

func fieldNamed(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// plainKey is a key that cannot be a credential by accident.
var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,62}$`)

// shownKey is a key as messages show it. "secret_key:hunter2", written without its
// space, is one long key: what follows the colon is not repeated.
func shownKey(key string) string {
	head, _, _ := strings.Cut(key, ":")
	if plainKey.MatchString(head) {
		return head
	}
	return "(odd key)"
}

// typeName says what a value is, for people.
func typeName(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "something else"
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' {
		s = strings.ToLower(s[:1]) + s[1:]
	}
	return strings.TrimSuffix(strings.SplitAfter(s+" ", ". ")[0], ". ")
}
