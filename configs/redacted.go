package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"lifeboat/internal/units"
)

// Redacted writes the part of the configuration that concerns one target: itself, its
// source, the notifiers its alerts go to, and when they are sent. Defaults are written
// out and secrets are not. It is nil when there is no such target.
func (c *Config) Redacted(target string) ([]byte, error) {
	t, ok := c.Targets[target]
	if !ok {
		return nil, nil
	}
	top := yaml.MapSlice{
		{Key: "sources", Value: yaml.MapSlice{{Key: t.Source, Value: shown(reflect.ValueOf(c.Sources[t.Source]), field{})}}},
		{Key: "targets", Value: yaml.MapSlice{{Key: target, Value: shown(reflect.ValueOf(t), field{})}}},
	}
	var notifiers yaml.MapSlice
	for _, name := range c.toldAbout(t) {
		notifiers = append(notifiers, yaml.MapItem{Key: name, Value: shown(reflect.ValueOf(c.Notifiers[name]), field{})})
	}
	if notifiers != nil {
		top = append(top, yaml.MapItem{Key: "notifiers", Value: notifiers})
	}
	server := yaml.MapSlice{{Key: "alerts", Value: shown(reflect.ValueOf(c.Server.Alerts), field{})}}
	if t.Operators == nil && c.Server.Operators != nil {
		server = append(yaml.MapSlice{{Key: "operators", Value: c.Server.Operators}}, server...)
	}
	out, err := yaml.Marshal(append(top, yaml.MapItem{Key: "server", Value: server}))
	if err != nil {
		return nil, fmt.Errorf("write the configuration of %s: %w", target, err)
	}
	return out, nil
}

// toldAbout lists the notifiers of a target in the order in which they come into play.
func (c *Config) toldAbout(t Target) []string {
	names := slices.Concat(t.Notify, t.Operators)
	if t.Operators == nil {
		names = slices.Concat(t.Notify, c.Server.Operators)
	}
	var all []string
	for _, name := range names {
		for name != "" && !slices.Contains(all, name) {
			all = append(all, name)
			name = c.Notifiers[name].Fallback
		}
	}
	return all
}

// shown is a value as the file could have it; nil when nothing is set.
func shown(v reflect.Value, f field) any {
	if v.IsZero() && (f.def == "" || f.only != nil) { // where there is a default, zero was written
		return nil
	}
	switch x := v.Interface().(type) {
	case Secret:
		return x.String()
	case time.Duration:
		return exactly(x)
	case Size:
		return x.exact()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			return shown(v.Elem(), field{})
		}
		return v.Elem().Interface() // set, be it to zero
	case reflect.Struct:
		var m yaml.MapSlice
		for _, f := range fieldsOf(v.Type()) {
			if value := shown(v.Field(f.index), f); value != nil {
				m = append(m, yaml.MapItem{Key: f.name, Value: value})
			}
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = shown(v.Index(i), field{})
		}
		return list
	}
	return v.Interface()
}

// exactly writes a duration that reads back as itself: "26h", "1h30m".
func exactly(d time.Duration) string {
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}

// exact writes a size that reads back as itself.
func (s Size) exact() string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if one, _ := units.ParseBytes("1" + unit); int64(s)%one == 0 {
			return fmt.Sprintf("%d%s", int64(s)/one, unit)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}
