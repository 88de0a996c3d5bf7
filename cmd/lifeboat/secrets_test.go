package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeboat/internal/testkit/s3server"
	"lifeboat/verify"
)

// sealed is a backup inside three envelopes, and the secrets that open them.
type sealed struct {
	backup  []byte
	decrypt string // for the configuration
	secrets []string
}

// seal wraps a dump with the tools that people use.
func seal(t testing.TB, dump []byte) sealed {
	t.Helper()
	const password, passphrase = "openssl password, never shown", "gpg passphrase, never shown"
	dir := t.TempDir()
	identity := filepath.Join(dir, "age.key")
	tool(t, nil, "age-keygen", "-o", identity)
	recipient := strings.TrimSpace(string(tool(t, nil, "age-keygen", "-y", identity)))
	key, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	b := tool(t, dump, "openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:"+password)
	b = tool(t, b, "gpg", "--homedir", t.TempDir(), "--batch", "--pinentry-mode", "loopback",
		"--passphrase", passphrase, "--symmetric", "--output", "-")
	b = tool(t, b, "age", "-r", recipient)
	s := sealed{backup: b, secrets: []string{password, passphrase}}
	s.decrypt = fmt.Sprintf("decrypt:\n  age: {identity: %q}\n  openpgp: {passphrase: %q}\n  openssl: {password: %q}\n",
		"${file:"+identity+"}", passphrase, password)
	for line := range strings.Lines(string(key)) {
		if strings.HasPrefix(line, "AGE-SECRET-KEY-") {
			s.secrets = append(s.secrets, strings.TrimSpace(line))
		}
	}
	if len(s.secrets) != 3 {
		t.Fatal("the age identity holds no key")
	}
	return s
}

// TestNoSecretIsEverWritten looks for every configured secret in all that Lifeboat
// writes, with all it has to say, when things go well and when they do not.
func TestNoSecretIsEverWritten(t *testing.T) {
	t.Parallel()
	needDocker(t, 15)
	server := s3server.Start(t)
	bucket := server.Bucket(t)
	good := seal(t, shopDump)
	server.Put(t, bucket, "db.sql", good.backup)
	source := s3Source(server, bucket)
	const wrong = "wrong and secret all the same"
	secrets := append([]string{server.SecretKey, wrong}, good.secrets...)

	configs := map[string]struct {
		source, decrypt string
		code            int // of a drill
	}{
		"all is well":          {source, good.decrypt, exitGood},
		"wrong password":       {source, strings.Replace(good.decrypt, good.secrets[0], wrong, 1), exitFailed},
		"wrong passphrase":     {source, strings.Replace(good.decrypt, good.secrets[1], wrong, 1), exitFailed},
		"another age key":      {source, seal(t, shopDump).decrypt, exitFailed},
		"wrong key of S3":      {strings.Replace(source, server.SecretKey, wrong, 1), good.decrypt, exitErrored},
		"no place for a key":   {source + "secret_kay: \"" + wrong + "\"\n", good.decrypt, exitUsage},
		"age key that is none": {source, "decrypt: {age: {identity: \"" + wrong + "\"}}\n", exitUsage},
	}
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := s3Config(t, c.source, "match: db.sql\n"+c.decrypt)
			id := "none"
			var said strings.Builder
			for _, args := range [][]string{
				{"drill"}, {"drill", "--json"}, {"check-config"}, {"doctor"}, {"status"}, {"history", "t"}, {"show", ""}, {"show", "", "--json"},
			} {
				if args[0] == "show" {
					args[1] = id
				}
				code, stdout, stderr := lifeboat(t, append(args, "--config", config, "--log-level", "debug")...)
				var rep verify.Report
				if json.Unmarshal([]byte(stdout), &rep) == nil {
					id = rep.Drill
				}
				if args[0] == "drill" && code != c.code {
					t.Errorf("%v: exit %d, want %d\n%s%s", args, code, c.code, stdout, stderr)
				}
				fmt.Fprintf(&said, "%v\n%s%s", args, stdout, stderr)
			}
			kept, err := filepath.Glob(filepath.Join(filepath.Dir(config), "*.db*"))
			if err != nil || len(kept) == 0 && c.code != exitUsage {
				t.Errorf("no history beside %s: %v", config, err)
			}
			for _, file := range kept {
				if b, err := os.ReadFile(file); err == nil { // what is no file proves that processes live
					said.Write(b)
				}
			}
			if c.code != exitUsage && !strings.Contains(said.String(), "db.sql") {
				t.Error("not even the backup is named; the search is wrong")
			}
			for _, secret := range secrets {
				for _, form := range forms(secret) {
					if i := strings.Index(said.String(), form); i >= 0 {
						t.Errorf("a secret was written: ...%q", said.String()[max(0, i-80):i+len(form)])
					}
				}
			}
		})
	}
}

// forms is a secret as it may be written by mistake.
func forms(secret string) []string {
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
	}
}
