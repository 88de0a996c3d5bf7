package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"lifeboat/history"
	"lifeboat/web/access"
	"lifeboat/web/problem"
)

// documents are written once: they do not change while the program runs.
type documents struct{ json, yaml, page []byte }

//go:embed docs.html
var pageText string

//go:embed docs.css
var pageStyle []byte

// printable leaves out what a terminal or a browser would obey.
func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// document finishes the OpenAPI document and serves it.
func (a *API) document() error {
	o := a.huma.OpenAPI()
	describe(o)
	var err error
	if a.docs.json, err = json.MarshalIndent(o, "", "  "); err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	if a.docs.yaml, err = o.YAML(); err != nil {
		return fmt.Errorf("write the OpenAPI document as YAML: %w", err)
	}
	if a.docs.page, err = readable(o); err != nil {
		return fmt.Errorf("write the page of the API: %w", err)
	}
	for path, file := range map[string]struct {
		kind string
		body []byte
	}{
		"/openapi.json": {"application/openapi+json", a.docs.json},
		"/openapi.yaml": {"application/openapi+yaml", a.docs.yaml},
		"/docs":         {"text/html; charset=utf-8", a.docs.page},
		"/docs.css":     {"text/css; charset=utf-8", pageStyle},
	} {
		a.mux.HandleFunc("GET "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
			if !access.From(r.Context()).May(history.View) {
				problem.Write(w, problem.New(http.StatusUnauthorized, "Log in, or send a token: Authorization: Bearer lbt_..."))
				return
			}
			w.Header().Set("Content-Type", file.kind)
			w.Header().Set("Cache-Control", "private, max-age=60")
			_, _ = w.Write(file.body) // a caller who went away is no news
		})
	}
	return nil
}

// describe puts our problems in the place of the library's, names the words a verdict
// may be, and lets answers grow: a field that a client does not know is no mistake.
func describe(o *huma.OpenAPI) {
	schemas := o.Components.Schemas.Map()
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		delete(schemas, name)
	}
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	schemas["Problem"] = &huma.Schema{Type: huma.TypeObject, Required: []string{"title", "status"}, Properties: map[string]*huma.Schema{
		"type": text(""), "title": text("the status in words"), "status": {Type: huma.TypeInteger}, "detail": text("what is wrong"),
		"hint": text("what to do"),
		"errors": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, Required: []string{"message"}, Properties: map[string]*huma.Schema{
			"message": text(""), "location": text("such as body.backup"),
		}}},
	}}
	for name, s := range schemas {
		if !strings.HasSuffix(name, "Request") && !strings.HasSuffix(name, "Body") {
			s.AdditionalProperties = nil
		}
		if v := s.Properties["verdict"]; v != nil && v.Enum == nil {
			v.Enum = []any{"unknown", "passed", "warned", "errored", "failed"}
		}
	}
	for _, item := range o.Paths {
		for _, op := range operations(item) {
			for status, r := range op.Responses {
				if status < "400" && status != "default" {
					continue
				}
				r.Content = map[string]*huma.MediaType{problem.ContentType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}
			}
		}
	}
}

func operations(p *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{p.Get, p.Post}, func(o *huma.Operation) bool { return o == nil })
}

// entry is one operation on the page.
type entry struct {
	Path string
	*huma.Operation
	Statuses []string
}

// readable is the document for people: plain HTML that loads nothing from elsewhere.
func readable(o *huma.OpenAPI) ([]byte, error) {
	page, err := template.New("docs").Funcs(template.FuncMap{"form": formOf, "ref": refOf}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	groups := make(map[string][]entry)
	for path, item := range o.Paths {
		for _, op := range operations(item) {
			e := entry{Path: Prefix + path, Operation: op}
			for status := range op.Responses {
				e.Statuses = append(e.Statuses, status)
			}
			slices.Sort(e.Statuses)
			groups[op.Tags[0]] = append(groups[op.Tags[0]], e)
		}
	}
	for _, list := range groups {
		slices.SortFunc(list, func(x, y entry) int { return strings.Compare(x.Path+x.Method, y.Path+y.Method) })
	}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{"Info": o.Info, "Groups": groups, "Schemas": o.Components.Schemas.Map(), "Prefix": Prefix})
	return b.Bytes(), err
}

// refOf is the name of the schema that s refers to, empty when it is none.
func refOf(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	if s.Items != nil {
		return refOf(s.Items)
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// formOf names the form of s: "string", "list of Drill", "one of a, b".
func formOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return refOf(s)
	case len(s.Enum) > 0:
		words := make([]string, 0, len(s.Enum))
		for _, e := range s.Enum {
			words = append(words, fmt.Sprint(e))
		}
		return "one of " + strings.Join(words, ", ")
	case s.Type == huma.TypeArray:
		return "list of " + formOf(s.Items)
	case s.Format == "date-time":
		return "time"
	default:
		return s.Type
	}
}
