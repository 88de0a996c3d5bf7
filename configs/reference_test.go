package configs

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const referencePage = "../docs/configuration.md"

// sections lists the structs of a configuration, outer ones first.
func sections() []reflect.Type {
	all := []reflect.Type{reflect.TypeFor[Config]()}
	for i := 0; i < len(all); i++ {
		for _, f := range fieldsOf(all[i]) {
			if t := structOf(f.typ); t != nil && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// structOf is the struct that a field holds, alone or many times, or nil.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[Secret]() {
		return nil
	}
	return t
}

var section = regexp.MustCompile(`(?s)<!-- keys of (\w+) -->\n(.*?)<!-- end -->`)

// The tables of the reference are made from the tags the decoder reads, so a key
// that is read is explained, a key that is explained is read, and defaults agree.
func TestReferenceHasEveryKeyAndNoOther(t *testing.T) {
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, s := range sections() {
		want[s.Name()] = table(s)
	}
	if *update {
		page = section.ReplaceAllFunc(page, func(old []byte) []byte {
			name := string(section.FindSubmatch(old)[1])
			return []byte("<!-- keys of " + name + " -->\n" + want[name] + "<!-- end -->")
		})
		if err := os.WriteFile(referencePage, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range section.FindAllSubmatch(page, -1) {
		name := string(m[1])
		if string(m[2]) != want[name] {
			t.Errorf("the keys of %s differ from the reference (run with -update)\n--- want\n%s", name, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("the reference has no section with the keys of %s", name)
	}
}

// table writes the keys of a struct for the reference.
func table(s reflect.Type) string {
	var b strings.Builder
	b.WriteString("| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range fieldsOf(s) {
		key := "`" + f.name + "`"
		if f.only != nil {
			key += " (" + strings.Join(f.only, ", ") + ")"
		}
		def := f.def
		switch {
		case f.need:
			def = "**required**"
		case def != "":
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key, valueWords(f), def, strings.ReplaceAll(f.doc, "|", `\|`))
	}
	return b.String()
}

// valueWords says what a value is and within which bounds.
func valueWords(f field) string {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	words := "text"
	switch {
	case f.enum != nil:
		words = oneOfWords(f.enum)
	case t == reflect.TypeFor[Secret]():
		words = "secret"
	case t == reflect.TypeFor[time.Duration]():
		words = "duration"
	case t == reflect.TypeFor[Size]():
		words = "size"
	case t.Kind() == reflect.Map:
		words = "names and their keys"
	case t.Kind() == reflect.Struct:
		words = "keys"
	case t.Kind() == reflect.Slice && f.format != "":
		words = "list"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		words = "list of names"
	case t.Kind() == reflect.Slice:
		words = "list of keys"
	case t.Kind() != reflect.String:
		words = strings.TrimPrefix(wanted(t, f), "a ")
	}
	switch {
	case f.min != "" && f.max != "":
		words += ", " + f.min + " to " + f.max
	case f.min != "":
		words += ", at least " + f.min
	}
	return words
}

func TestEveryKeyIsExplained(t *testing.T) {
	for _, s := range sections() {
		for _, f := range fieldsOf(s) {
			if !strings.HasSuffix(f.doc, ".") || f.name == "" || f.name != strings.ToLower(f.name) {
				t.Errorf("%s.%s: doc %q must be a sentence, and the name lower case", s.Name(), f.name, f.doc)
			}
		}
	}
}
