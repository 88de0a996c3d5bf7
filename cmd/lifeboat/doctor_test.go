package main

import (
	"os"
	"strings"
	"testing"
)

// TestTheDoctorFindsWhatDrillsWouldStumbleOver has one target for each ill.
func TestTheDoctorFindsWhatDrillsWouldStumbleOver(t *testing.T) {
	needDocker(t, 15)
	for _, c := range []struct{ name, target, second, want string }{
		{"an image that is not there", "match: shop.dump\nsandbox: {image: \"localhost:1/none:99\"}\n", "", "bad   docker t: start sandbox: docker: image localhost:1/none:99"},
		{"an image of the second target", "match: shop.dump\n", "match: shop.dump, sandbox: {image: \"localhost:1/none:99\"}", "bad   docker u: start sandbox: docker: image localhost:1/none:99"},
		{"a pattern that nothing matches", "match: shp.dump\n", "", "the nearest names are shop.dump, page.dump"},
		{"no backup", "match: page.dump\n", "", "bad   t: inspect page.dump: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			shop, err := os.ReadFile("demo/shop.dump")
			if err != nil {
				t.Fatal(err)
			}
			config := writeConfig(t, backups{"shop.dump": shop, "page.dump": []byte(errorPage)}.write(t), c.target)
			if c.second != "" {
				appendTo(t, config, "  u: {source: s, "+c.second+"}\n")
			}
			code, stdout, stderr := lifeboat(t, "doctor", "--config", config)
			if code != exitErrored || !strings.Contains(stdout, c.want) || !strings.Contains(stdout, "1 thing to mend") {
				t.Errorf("exit %d, want %d and %q alone\n%s%s", code, exitErrored, c.want, stdout, stderr)
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(content, text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
