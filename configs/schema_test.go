package configs

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is the schema as an independent implementation of JSON Schema reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("lifeboat.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("lifeboat.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// judge asks the schema about a YAML text.
func judge(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatalf("this fixture is no YAML; mark it with # schema: not asked: %v", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

func TestSchemaAcceptsWhatIsRight(t *testing.T) {
	schema := compiled(t)
	for name, text := range map[string][]byte{"example": example(t), "minimal": []byte(minimal), "everything": everything(t)} {
		if err := judge(t, schema, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fixture says "# schema: accepts" when only the service can see its mistake, and
// "# schema: not asked" when it is not the YAML of one mapping.
func TestSchemaRefusesMistakesOfForm(t *testing.T) {
	schema := compiled(t)
	refused := 0
	for path, data := range fixtures(t) {
		name := filepath.Base(path)
		if bytes.Contains(data, []byte("# schema: not asked\n")) {
			continue
		}
		err := judge(t, schema, data)
		switch accepts := bytes.Contains(data, []byte("# schema: accepts\n")); {
		case accepts && err != nil:
			t.Errorf("%s: refused, want accepted: %v", name, err)
		case !accepts && err == nil:
			t.Errorf("%s: accepted, want refused", name)
		case err != nil:
			refused++
		}
	}
	if refused < 40 {
		t.Errorf("%d fixtures refused; the schema tells less than it should", refused)
	}
}
