package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"lifeboat/configs"
)

// yamlOf finds configurations on a page.
var yamlOf = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// What people copy from the guides is configuration that the service reads.
func TestConfigurationsOfTheGuidesAreRead(t *testing.T) {
	const rest = "sources: {nas: {kind: dir, path: /mnt/backups}}\nnotifiers: {ops: {kind: webhook, url: \"https://example.com\"}}\n"
	blocks := yamlOf.FindAllStringSubmatch(read(t, "../docs/operating.md"), -1)
	if len(blocks) == 0 {
		t.Error("docs/operating.md shows no configuration")
	}
	for _, b := range blocks {
		if _, err := configs.Parse("operating.yaml", []byte(rest+b[1]), anything); err != nil {
			t.Error(err)
		}
	}
	// Notifiers of the alert reference stand in running text, one to a line.
	notifiers := regexp.MustCompile("`([a-z]+: \\{kind: .*?\\})`").FindAllStringSubmatch(read(t, "../docs/alerts.md"), -1)
	if len(notifiers) < 4 {
		t.Errorf("docs/alerts.md shows %d notifiers, want one of each kind", len(notifiers))
	}
	for _, n := range notifiers {
		text := "sources: {nas: {kind: dir, path: /b}}\ntargets: {orders: {source: nas, match: \"*\"}}\nnotifiers:\n  " + n[1] + "\n"
		url := func(string) (string, bool) { return "discord://token@id", true }
		if _, err := configs.Parse("alerts.yaml", []byte(text), url); err != nil {
			t.Error(err)
		}
	}
}

// link finds links to files beside a page.
var link = regexp.MustCompile(`\]\(([^):#]*)(#[^)]*)?\)`)

func TestLinksOfTheGuidesLeadSomewhere(t *testing.T) {
	for _, page := range []string{"operating.md", "alerts.md", "metrics.md", "configuration.md"} {
		for _, m := range link.FindAllStringSubmatch(read(t, "../docs/"+page), -1) {
			file := page
			if m[1] != "" {
				file = m[1]
			}
			info, err := os.Stat("../docs/" + file)
			if err != nil {
				t.Errorf("%s leads to %s, which is not there", page, m[1])
				continue
			}
			if m[2] == "" || info.IsDir() {
				continue
			}
			heading := regexp.MustCompile(`(?im)^#+ ` + strings.ReplaceAll(regexp.QuoteMeta(m[2][1:]), "-", "[ -]") + `$`)
			if !heading.MatchString(read(t, "../docs/"+file)) {
				t.Errorf("%s leads to %s%s, where there is no such heading", page, m[1], m[2])
			}
		}
	}
}
