package configs

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	yamlv3 "go.yaml.in/yaml/v3"
)

// everything is a configuration with all keys and with credentials that all hold "hunter2".
func everything(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNothingPrintsASecret(t *testing.T) {
	text := everything(t)
	c := mustParse(t, "lifeboat.yaml", string(text))
	hidden := struct{ config Config }{*c} // fmt cannot ask methods of what lies in here
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%e", "%p", "%t"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, *c)
		fmt.Fprintf(&out, verb, hidden)
		fmt.Fprintf(&out, verb, c.Sources["s3"].SecretKey)
		fmt.Fprintf(&out, verb, []Secret{c.Sources["s3"].SecretKey})
	}
	fmt.Fprintln(&out, c, hidden, c.Sources["s3"].SecretKey.GoString(), fmt.Errorf("with %v", c.Notifiers))
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("loaded", "config", c, "source", c.Sources["s3"], "secret", c.Sources["s3"].SecretKey)
	}
	for name, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal, "yaml": yaml.Marshal, "other yaml": yamlv3.Marshal,
		"xml": func(any) ([]byte, error) { return xml.Marshal(c.Sources["s3"]) },
	} {
		got, err := encode(c)
		if err != nil || !bytes.Contains(got, []byte("acme-backups")) {
			t.Errorf("%s holds no bucket, so it proves nothing: %s %v", name, got, err)
		}
		out.Write(got)
	}
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), fmt.Sprint([]byte("hunter2"))} {
		if strings.Contains(out.String(), strings.Trim(form, "[]")) {
			t.Errorf("a secret was printed as %s", form)
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was redacted, so no secret was printed at all and this proves nothing")
	}
	if got := c.Sources["s3"].SecretKey.Reveal(); got != "hunter2-secret" {
		t.Errorf("Reveal = %q, want the secret", got)
	}
}

func TestMistakesNeverRepeatASecret(t *testing.T) {
	text := string(everything(t))
	for _, line := range strings.Split(text, "\n") {
		if !strings.Contains(line, "hunter2") {
			continue
		}
		for _, broken := range []string{
			strings.Replace(line, "hunter2", "${env:NOT_SET}hunter2", 1),
			strings.ReplaceAll(line, "hunter2", "[hunter2"),
			strings.ReplaceAll(line, ": hunter2", ":hunter2"),
			strings.ReplaceAll(line, ": hunter2", ":\n  hunter2"),
			strings.ReplaceAll(line, ": hunter2", ": {hunter2: hunter2} #"),
			strings.ReplaceAll(line, "key: hunter2", "kye: hunter2"),
			strings.ReplaceAll(line, ": hunter2", ": *hunter2"),
			strings.ReplaceAll(line, ": hunter2", ": !hunter2 x"),
			strings.ReplaceAll(line, "https://", "hunter2://"),
			strings.ReplaceAll(line, "https://", "https://hunter2:hunter2@:port/"),
		} {
			_, err := Parse("lifeboat.yaml", []byte(strings.Replace(text, line, broken, 1)), env)
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s\n%v", broken, err)
			}
		}
	}
}

func TestAnUnsetSecretIsToldFromASetOne(t *testing.T) {
	var none Secret
	if !none.IsZero() || none.Reveal() != "" || none.String() != "" || !NewSecret("").IsZero() {
		t.Error("the zero Secret is not empty")
	}
	if s := NewSecret("x"); s.IsZero() || s.String() != redacted || !s.Equal(NewSecret("x")) || s.Equal(none) {
		t.Error("a Secret that is set does not say so")
	}
}
