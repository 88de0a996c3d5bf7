package main

import (
	"slices"
	"testing"

	"lifeboat/configs"
)

// A key may be limited to the folder of its backups.
func TestTheDoctorListsWhatTargetsNeedOnly(t *testing.T) {
	cfg := &configs.Config{Targets: map[string]configs.Target{
		"a": {Source: "s", Match: "pg/a-*.dump"}, "b": {Source: "s", Match: "pg/b-*.dump"}, "c": {Source: "s", Match: "pg/b-*.dump"},
		"d": {Source: "other", Match: "x/*.dump"},
	}}
	for source, want := range map[string][]string{"s": {"pg/a-", "pg/b-"}, "other": {"x/"}, "unused": {""}} {
		if got := prefixes(cfg, source); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
