package configs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// env is the environment the tests resolve references against.
func env(name string) (string, bool) {
	v, ok := map[string]string{
		"BACKUP_READER_KEY": "reader-key", "BACKUP_READER_SECRET": "reader-secret",
		"SLACK_TOKEN": "xoxb-token", "AUDIT_SECRET": "audit-secret", "PAGERDUTY_KEY": "pagerduty-key",
		"ORDERS_HEARTBEAT": "https://hc.example.com/orders",
		"AGE_KEY":          "AGE-SECRET-KEY-1", "EMPTY": "", "FOLDER": "nightly",
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
	if got, want := orders.Objectives, (Objectives{RPO: 26 * time.Hour, RTO: 45 * time.Minute, MaxAgeProof: 48 * time.Hour}); got != want {
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
			Poll:    5 * time.Minute,
		}},
		Server: Server{Listen: "127.0.0.1:8080", Access: AccessOff, History: NewSecret("/etc/lifeboat/lifeboat.db"), Concurrency: 2,
			Poll: 5 * time.Minute, Drain: 2 * time.Minute,
			Alerts: Alerts{Repeat: 24 * time.Hour, UnverifiedAfter: 3, Digest: "0 8 * * mon", DigestTimezone: "UTC"}},
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

func TestEveryKeyIsRead(t *testing.T) {
	c := mustParse(t, "/etc/lifeboat/lifeboat.yaml", string(everything(t)))
	var unset []string
	// Only keys that exclude others are unset somewhere; together all are set.
	for _, s := range []any{c.Sources["s3"], c.Sources["plain"], c.Sources["2024"]} {
		unset = append(unset, zeroFields(s)...)
	}
	for _, s := range []any{c.Targets["orders"], c.Targets["orders"].Sandbox, c.Targets["orders"].Objectives,
		*c.Targets["orders"].Decrypt.Age, *c.Targets["orders"].Decrypt.OpenPGP, c.Server, c.Server.Alerts, *c.Server.TLS, c.Targets["orders"].Ignore[0]} {
		if z := zeroFields(s); z != nil {
			t.Errorf("%T: not read: %v", s, z)
		}
	}
	if count := map[string]int{}; len(unset) > 0 {
		for _, f := range unset {
			if count[f]++; count[f] == 3 {
				t.Errorf("source: %s was never read", f)
			}
		}
	}
	notifiers := map[string]int{}
	for _, n := range c.Notifiers {
		for _, f := range zeroFields(n) {
			if notifiers[f]++; notifiers[f] == len(c.Notifiers) {
				t.Errorf("notifier: %s was never read", f)
			}
		}
	}
	s3, plain, orders := c.Sources["s3"], c.Sources["plain"], c.Targets["orders"]
	got := []any{s3.Endpoint, s3.Insecure, s3.CAFile, plain.Endpoint, plain.Insecure, c.Sources["2024"].Path, c.Server.History.Reveal(),
		orders.Sandbox.Image, orders.Sandbox.Memory, orders.Sandbox.Disk, orders.Decrypt.OpenSSL.Iterations,
		orders.Checks[4].Query.SQL, len(c.Targets["wiki"].Checks)}
	want := []any{"minio.local:9000", false, "/etc/lifeboat/ca.pem", "minio.local", true, "/mnt/backups", "postgres://lifeboat:hunter2-db@db.example.com/lifeboat",
		"postgres:16", Size(3 << 29), Size(20e9), 0, "select count(*)\nfrom orders\n", 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// zeroFields names the fields of a struct that are not set.
func zeroFields(s any) (names []string) {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}

func TestEndpointsMayCarryAScheme(t *testing.T) {
	for endpoint, want := range map[string]Source{
		"s3.example.com":         {Endpoint: "s3.example.com"},
		"https://s3.example.com": {Endpoint: "s3.example.com"},
		"https://10.0.0.7:9000/": {Endpoint: "10.0.0.7:9000"},
		"http://[::1]:9000":      {Endpoint: "[::1]:9000", Insecure: true},
	} {
		c := mustParse(t, "", `{sources: {s: {kind: s3, bucket: acme, endpoint: "`+endpoint+`"}}, targets: {t: {source: s, match: "*"}}}`)
		if s := c.Sources["s"]; s.Endpoint != want.Endpoint || s.Insecure != want.Insecure {
			t.Errorf("%s: endpoint %q, insecure %v, want %q, %v", endpoint, s.Endpoint, s.Insecure, want.Endpoint, want.Insecure)
		}
	}
}

func TestMergedKeysYieldToOwnOnes(t *testing.T) {
	c := mustParse(t, "", `
sources: {nas: {kind: dir, path: backups}}
targets:
  orders: &base
    source: nas
    match: "orders-*.dump"
    objectives: {rpo: 26h}
  billing:
    <<: *base
    match: "billing-*.dump"
`)
	got := c.Targets["billing"]
	if got.Match != "billing-*.dump" || got.Source != "nas" || got.Objectives.RPO != 26*time.Hour {
		t.Errorf("billing = %+v, want the keys of orders with a match of its own", got)
	}
}

func TestTextMayHoldReferences(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"key": "first\nsecond\r\n\n", "folder": "weekly\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := mustParse(t, filepath.Join(dir, "lifeboat.yaml"), `
sources: {s: {kind: s3, bucket: acme, prefix: "a/${env:FOLDER}/${file:folder}/$${env:FOLDER}/$5"}}
targets: {t: {source: s, match: "*", decrypt: {age: {identity: "${file:key}", passphrase: "pa$$${word"}}}}
`)
	age := c.Targets["t"].Decrypt.Age
	got := []string{c.Sources["s"].Prefix, age.Identity.Reveal(), age.Passphrase.Reveal()}
	want := []string{"a/nightly/weekly/${env:FOLDER}/$5", "first\nsecond", "pa$${word"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFloodOfAliasesIsRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("sources: {nas: {kind: dir, path: backups}}\ntargets:\n  t0:\n    source: nas\n    match: '*'\n    checks: &many\n")
	for range 1000 {
		b.WriteString("      - rows: {table: t, min: 1}\n")
	}
	for i := range 1000 {
		fmt.Fprintf(&b, "  x%d: {source: nas, match: '*', checks: *many}\n", i)
	}
	_, err := Parse("bomb.yaml", []byte(b.String()), env)
	if err == nil || !strings.Contains(err.Error(), "is too large once its aliases are written out") {
		t.Errorf("Parse = %.300v, want it refused as too large", err)
	}
}

func TestHugeAndDeepFilesAreRefused(t *testing.T) {
	const size = MaxBytes / 8
	for name, tt := range map[string]struct{ text, want string }{
		"too many bytes": {strings.Repeat("# filler\n", MaxBytes/9+1), "is larger than 4194304 bytes"},
		"brackets":       {strings.Repeat("[", size), "nested more than"},
		"braces":         {strings.Repeat("{a: ", size/4), "nested more than"},
		"dashes":         {strings.Repeat("- ", size/2), "nested more than"},
		"questions":      {strings.Repeat("? ", size/2), "nested more than"},
		"tags":           {strings.Repeat("!a ", size/3), "nested more than"},
		"keys":           {strings.Repeat("a: 1\n", size/5), "more than 20000 entries"},
		"flow entries":   {"a: [" + strings.Repeat("a,", size/4), "more than 20000 entries"},
		"nonsense":       {"sources: {" + strings.Repeat("/: x,", 4000) + "}\n", "and 3902 more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("deep.yaml", []byte(tt.text), env)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %.200v, want %q", err, tt.want)
			}
		})
	}
}

func TestFilesOfWindowsAreRead(t *testing.T) {
	windows := "\ufeff" + strings.ReplaceAll(strings.TrimPrefix(minimal, "\n"), "\n", "\r\n")
	mustParse(t, "", windows)
	_, err := Parse("w.yaml", []byte(windows+"sever: {}\r\n"), env)
	if want := "w.yaml: 1 mistake\n  3:1 sever: is no key here; did you mean server?"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
