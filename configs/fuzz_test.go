package configs

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data)
	}
	for _, path := range []string{"example.yaml", "testdata/everything.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(minimal))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data, env)
		var m *Mistakes
		switch {
		case err == nil:
			sound(t, c)
		case c != nil:
			t.Error("a configuration came with an error")
		case !errors.As(err, &m) || len(m.List) == 0:
			t.Errorf("an error that is not a list of mistakes: %v", err)
		default:
			for _, one := range m.List {
				if one.Line < 1 || one.Column < 1 || one.Rule == "" || one.File != "fuzz.yaml" {
					t.Errorf("a mistake without its place or rule: %+v", one)
				}
			}
		}
	})
}

// sound checks what the rest of the product takes for granted.
func sound(t *testing.T, c *Config) {
	t.Helper()
	if len(c.Sources) == 0 || len(c.Targets) == 0 || c.Server.Concurrency < 1 || c.Server.History.IsZero() {
		t.Errorf("accepted without sources, targets or service: %+v", c)
	}
	for name, s := range c.Sources {
		if !mapName.MatchString(name) || s.Kind == KindDir && s.Path == "" ||
			s.Kind == KindS3 && (s.Bucket == "" || s.Endpoint == "" || s.Timeout <= 0 || s.AccessKey.IsZero() != s.SecretKey.IsZero()) {
			t.Errorf("accepted source %q: %+v", name, s)
		}
	}
	for name, target := range c.Targets {
		box := target.Sandbox
		if _, ok := c.Sources[target.Source]; !ok || !mapName.MatchString(name) || target.Match == "" {
			t.Errorf("accepted target %q: %+v", name, target)
		}
		if box.CPUs <= 0 || box.Memory <= 0 || box.Disk <= 0 || box.Timeout <= 0 || box.Pids <= 0 || box.Runner == "" {
			t.Errorf("accepted target %q without a limit: %+v", name, box)
		}
		if _, err := time.LoadLocation(target.Timezone); err != nil || target.Schedule != "" && checkSchedule(target.Schedule) != nil {
			t.Errorf("accepted the schedule of %q: %q in %q", name, target.Schedule, target.Timezone)
		}
		for _, n := range target.Notify {
			if _, ok := c.Notifiers[n]; !ok {
				t.Errorf("accepted target %q with notifier %q, which is not there", name, n)
			}
		}
		for _, i := range target.Ignore {
			if !slices.Contains(ignorable, i.Code) || strings.TrimSpace(i.Reason) == "" {
				t.Errorf("accepted an ignore rule without its code or reason: %+v", i)
			}
		}
		for _, check := range target.Checks {
			soundCheck(t, check)
		}
	}
}

func soundCheck(t *testing.T, c CheckConfig) {
	t.Helper()
	switch {
	case c.Kind == CheckRows && c.Rows != nil && c.Rows.Table != "" && (c.Rows.Min != nil || c.Rows.Max != nil || c.Rows.Exact != nil):
	case c.Kind == CheckFresh && c.Fresh != nil && c.Fresh.Table != "" && c.Fresh.Column != "" && c.Fresh.Within > 0:
	case c.Kind == CheckQuery && c.Query != nil && c.Query.SQL != "" && (c.Query.Expect != nil) != (c.Query.Pattern != ""):
		if _, err := regexp.Compile(c.Query.Pattern); err != nil {
			t.Errorf("accepted pattern %q", c.Query.Pattern)
		}
	default:
		t.Errorf("accepted check %+v", c)
	}
}
