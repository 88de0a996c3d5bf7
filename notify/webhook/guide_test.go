package webhook_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Receivers are written after the example of the guide.
func TestTheGuideShowsEveryFieldThatIsSent(t *testing.T) {
	guide := read(t, "../../docs/alerts.md")
	_, example, found := strings.Cut(guide, "```json\n{\"schema\": \"lifeboat.alert/v1\"")
	if !found {
		t.Fatal("docs/alerts.md shows no alert")
	}
	example, _, _ = strings.Cut(example, "```")
	shown, sent := fields(t, `{"schema": ""`+example), fields(t, read(t, "testdata/backup-opened.json"))
	if !slices.Equal(shown, sent) {
		t.Errorf("docs/alerts.md shows %q, sent are %q", shown, sent)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// fields are the keys of an alert, with those of what it holds, but not those of the report.
func fields(t *testing.T, text string) []string {
	t.Helper()
	var alert map[string]any
	if err := json.Unmarshal([]byte(text), &alert); err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(alert))
	for _, part := range []string{"backup", "last_good"} {
		inner, ok := alert[part].(map[string]any)
		if !ok {
			t.Fatalf("no %s", part)
		}
		for key := range inner {
			keys = append(keys, part+"."+key)
		}
	}
	slices.Sort(keys)
	return keys
}
