package configs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// yamlBlock is a configuration, or a part of one, on a page.
var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// What people copy from the pages must work; the parts that a page shows are one
// configuration together.
func TestConfigurationsOnPagesAreRead(t *testing.T) {
	for page, parts := range map[string]int{"../README.md": 2, "../docs/configuration.md": 4} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) != parts {
			t.Errorf("%s shows %d parts of a configuration, want %d", page, len(blocks), parts)
		}
		var all strings.Builder
		for _, b := range blocks {
			all.WriteString(strings.ReplaceAll(b[1], "${file:/run/secrets/age.key}", "${env:AGE_KEY}"))
		}
		c, err := Parse("/etc/lifeboat/lifeboat.yaml", []byte(all.String()), env)
		if err != nil {
			t.Errorf("%s: %v", page, err)
		} else if c.Targets["orders"].Objectives.RPO == 0 {
			t.Errorf("%s: the target orders promises nothing", page)
		}
	}
}
