package configs

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"lifeboat/internal/units"
)

// text is a scalar as the file has it.
type text struct {
	value  string
	quoted bool // written as text, and not as a number, true or false
}

func scalarText(n ast.Node) (text, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return text{n.Value, true}, true
	case *ast.LiteralNode:
		return text{n.Value.Value, true}, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return text{n.GetToken().Value, false}, true
	}
	return text{}, false
}

// scalar reads one value that is neither mapping nor list.
func (r *reader) scalar(n ast.Node, path string, v reflect.Value, f field) {
	spot := r.start(n)
	_, secret := v.Interface().(Secret)
	t, ok := scalarText(n)
	if !ok {
		r.mistake(spot, path, "must be "+wanted(v.Type(), f)+", not "+typeName(n), "")
		return
	}
	isText := secret || v.Kind() == reflect.String
	if isText && !t.quoted {
		shown := t.value
		if secret {
			shown = ""
		}
		r.mistake(spot, path, "must be text; put it in quotes", shown)
		return
	}
	if isText && f.enum == nil {
		r.text(spot, path, t.value, v, f)
		return
	}
	if rule := setScalar(v, t, f); rule != "" {
		r.mistake(spot, path, rule, t.value)
	}
}

// text reads text in which references are resolved.
func (r *reader) text(spot position, path, raw string, v reflect.Value, f field) {
	_, secret := v.Interface().(Secret)
	resolve := r.refs.inText
	shown := raw
	if secret {
		resolve, shown = r.refs.whole, ""
	}
	if f.format == "history" {
		resolve = r.refs.inText // of a long address only the password is one
	}
	value, referred, rules := resolve(raw)
	for _, rule := range rules {
		r.mistake(spot, path, rule, "")
	}
	if len(rules) > 0 {
		return
	}
	if value == "" && (f.need || secret) {
		r.mistake(spot, path, "must not be empty", "")
		return
	}
	if form, ok := formats[f.format]; ok {
		if err := form.check(value); err != nil {
			rule := "must be " + form.what
			// What a reference stands for may be a secret in the wrong place.
			if why := err.Error(); why != "" && !secret && !referred {
				rule += ": " + why
			}
			if strings.Contains(shown, "@") && strings.Contains(shown, "://") {
				shown = "" // an address with a password in it
			}
			r.mistake(spot, path, rule, shown)
			return
		}
	}
	if secret {
		v.Set(reflect.ValueOf(NewSecret(value)))
		return
	}
	if f.format == "path" {
		value = r.refs.path(value)
	}
	v.SetString(value)
}

// setScalar sets v from a number, a word, a size or a duration, and returns the rule
// that the text breaks.
func setScalar(v reflect.Value, t text, f field) (rule string) {
	s := t.value
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := units.ParseDuration(s)
		if err != nil || !t.quoted {
			return "must be " + wanted(v.Type(), f)
		}
		*p = d
		return outside(int64(d), f, func(b string) int64 { d, _ := units.ParseDuration(b); return int64(d) })
	case *Size:
		n, err := units.ParseBytes(s)
		if err != nil || !t.quoted {
			return "must be " + wanted(v.Type(), f)
		}
		*p = Size(n)
		return outside(n, f, func(b string) int64 { n, _ := units.ParseBytes(b); return n })
	}
	switch v.Kind() {
	case reflect.String:
		if !slices.Contains(f.enum, s) {
			return "must be " + wanted(v.Type(), f) + didYouMean(s, f.enum)
		}
		v.SetString(s)
	case reflect.Bool:
		if t.quoted || (s != "true" && s != "false") {
			return "must be true or false, without quotes"
		}
		v.SetBool(s == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || t.quoted {
			return "must be a whole number"
		}
		v.SetInt(n)
		return outside(n, f, func(b string) int64 { n, _ := strconv.ParseInt(b, 10, 64); return n })
	case reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || t.quoted || math.IsNaN(x) || math.IsInf(x, 0) {
			return "must be a number"
		}
		v.SetFloat(x)
		return outside(x, f, func(b string) float64 { x, _ := strconv.ParseFloat(b, 64); return x })
	}
	return ""
}

// outside returns the rule that n breaks when it lies outside the bounds of f.
func outside[N int64 | float64](n N, f field, parse func(string) N) string {
	switch {
	case f.min != "" && n < parse(f.min):
		return "must be at least " + f.min
	case f.max != "" && n > parse(f.max):
		return "must be at most " + f.max
	}
	return ""
}

// wanted says in words what a scalar must be.
func wanted(t reflect.Type, f field) string {
	switch {
	case f.enum != nil:
		return oneOfWords(f.enum)
	case t == reflect.TypeFor[time.Duration]():
		return "a duration with its unit, such as 45m, 26h or 2d"
	case t == reflect.TypeFor[Size]():
		return "a size with its unit, such as 512MiB or 4GiB"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "text"
}

func oneOfWords(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func didYouMean(s string, words []string) string {
	if meant := nearest(s, words); meant != "" {
		return fmt.Sprintf("; did you mean %s?", meant)
	}
	return ""
}

// fillDefaults sets what the file does not say. Every default there is stands in a
// default tag and is set here.
func (r *reader) fillDefaults(v reflect.Value, f field) {
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Secret]() {
		for _, inner := range fieldsOf(v.Type()) {
			r.fillDefaults(v.Field(inner.index), inner)
		}
		return
	}
	switch {
	case f.def == "":
	case f.format == "path":
		v.SetString(r.refs.path(f.def))
	case v.Kind() == reflect.String:
		v.SetString(f.def)
	case v.Type() == reflect.TypeFor[Secret]():
		v.Set(reflect.ValueOf(NewSecret(f.def)))
	default:
		numeric := v.Kind() != reflect.Int64 || v.Type() == reflect.TypeFor[int64]()
		if rule := setScalar(v, text{f.def, !numeric}, f); rule != "" {
			panic("default of " + f.name + " " + rule)
		}
	}
}
