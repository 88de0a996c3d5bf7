package main

import (
	"slices"
	"testing"

	"lifeboat/configs"
	"lifeboat/sandbox"
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

func TestTheDoctorDoesNotCallADiskFullThatItCannotSee(t *testing.T) {
	room := sandbox.Room{CPUs: 2, Memory: 8 << 30}
	if got, want := roomText(room), "2 CPUs, 8.00 GiB of memory, its free disk cannot be seen from here"; got != want {
		t.Errorf("room = %q, want %q", got, want)
	}
	room.Disk = 1 << 40
	if got, want := roomText(room), "2 CPUs, 8.00 GiB of memory, 0 B of disk free"; got != want {
		t.Errorf("room = %q, want %q", got, want)
	}
}
