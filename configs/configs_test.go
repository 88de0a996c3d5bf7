package configs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// env is the environment the tests resolve references against.
func env(name string) (string, bool) {
	v, ok := map[string]string{
		"BACKUP_READER_KEY": "reader-key", "BACKUP_READER_SECRET": "reader-secret",
		"SLACK_TOKEN": "xoxb-token", "AUDIT_SECRET": "audit-secret",
		"AGE_KEY": "AGE-SECRET-KEY-1", "EMPTY": "", "FOLDER": "nightly",
	}[name]
	return v, ok
}

// minimal is the shortest configuration there is.
const minimal = `
sources: {nas: {kind: dir, path: backups}}
targets: {orders: {source: nas, match: "orders-*.dump"}}
`

func mustParse(t *testing.T, file, text string) *Config {
	t.Helper()
	c, err := Parse(file, []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// example is example.yaml with its key file where the test can have one.
func example(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return replaceOnce(t, data, "${file:/run/secrets/age.key}", "${env:AGE_KEY}")
}

func TestExampleIsRead(t *testing.T) {
	c, err := Parse("/etc/lifeboat/lifeboat.yaml", example(t), env)
	if err != nil {
		t.Fatal(err)
	}
	orders := c.Targets["orders"]
	secrets := []string{
		c.Sources["offsite"].AccessKey.Reveal(), c.Sources["offsite"].SecretKey.Reveal(),
		orders.Decrypt.Age.Identity.Reveal(), c.Notifiers["ops"].Token.Reveal(), c.Notifiers["audit"].Secret.Reveal(),
	}
	want := []string{"reader-key", "reader-secret", "AGE-SECRET-KEY-1", "xoxb-token", "audit-secret"}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	if got, want := orders.Objectives, (Objectives{RPO: 26 * time.Hour, RTO: 45 * time.Minute}); got != want {
		t.Errorf("objectives = %v, want %v", got, want)
	}
	box := Sandbox{CPUs: 2, Memory: 4 << 30, Disk: 50 << 30, Timeout: 2 * time.Hour, Pids: 512, Runner: RunnerAuto}
	if orders.Sandbox != box {
		t.Errorf("sandbox = %+v, want %+v", orders.Sandbox, box)
	}
	if got, want := orders.Checks[0], (CheckConfig{Kind: CheckRows, Rows: &Rows{Table: "public.orders", Min: new(int64(1_000_000))}}); !cmp.Equal(got, want) {
		t.Errorf("first check = %+v, want %+v", got, want)
	}
	if got := []string{orders.Checks[1].Kind, orders.Checks[2].Kind, *orders.Checks[2].Query.Expect}; !cmp.Equal(got, []string{CheckFresh, CheckQuery, "0"}) {
		t.Errorf("other checks = %v", got)
	}
	if got := c.Targets["wiki"].Objectives.RPO; got != 48*time.Hour {
		t.Errorf("rpo of wiki = %v, want 48h", got)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	got := mustParse(t, "/etc/lifeboat/lifeboat.yaml", minimal)
	want := &Config{
		Sources: map[string]Source{"nas": {Kind: KindDir, Path: "/etc/lifeboat/backups"}},
		Targets: map[string]Target{"orders": {
			Source: "nas", Match: "orders-*.dump", Timezone: "UTC",
			Sandbox: Sandbox{CPUs: 2, Memory: 2 << 30, Disk: 50 << 30, Timeout: 2 * time.Hour, Pids: 512, Runner: RunnerAuto},
		}},
		Server: Server{Listen: "127.0.0.1:8080", History: "/etc/lifeboat/lifeboat.db", Concurrency: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadTellsAMissingFileFromAMistake(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "lifeboat.yaml"))
	var m *Mistakes
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, &m) {
		t.Errorf("Load of no file = %v, want one that is os.ErrNotExist", err)
	}
	path := filepath.Join(t.TempDir(), "lifeboat.yaml")
	if err := os.WriteFile(path, []byte("sources: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(path); !errors.As(err, &m) || m.List[0].File != path {
		t.Errorf("Load of a bad file = %v, want mistakes in %s", err, path)
	}
}
