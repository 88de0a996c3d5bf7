package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"lifeboat/internal/testkit"
	"lifeboat/sandbox"
	"lifeboat/sandbox/process"
)

func TestTheHostsOwnServerRestoresAsWell(t *testing.T) {
	t.Parallel()
	d := everything(t, 15).dump("pg_dump -Fc shop")
	m, err := New().Inspect(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r, err := process.New(process.Config{Dir: t.TempDir()})
	testkit.Need(t, "isolation of processes", err == nil)
	needs := New().Needs(m)
	box, err := r.Start(t.Context(), sandbox.Spec{
		Owner:    sandbox.Owner{Installation: "postgres-test", Instance: "postgres-test", Drill: t.Name(), Target: "test"},
		Limits:   testLimits,
		Deadline: time.Now().Add(5 * time.Minute),
		User:     needs.User, Server: needs.Server, Version: needs.Version,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	got := drillOn(t, box, m, d)
	got.clean(t)
	got.census(t)
	got.whole(t)
	found, err := got.restored.DB.Soundness(t.Context())
	if err != nil || len(found.Findings) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
	if !strings.HasPrefix(got.restored.Tool, "pg_restore 15.") {
		t.Errorf("restored by %s", got.restored.Tool)
	}
}
