package envelope_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"lifeboat/internal/testkit"
	"lifeboat/storage/envelope"
)

const (
	password = "correct horse battery staple"
	wrong    = "incorrect horse battery staple"
)

// wrapper makes one layer with the tool that people use for it.
type wrapper struct {
	layer  string // as Layers names it
	args   []string
	secret bool // it needs a key
}

// wrappers is every layer, made in every way that matters.
func wrappers(t testing.TB) map[string]wrapper {
	t.Helper()
	k := realKeys(t)
	gpg := []string{"gpg", "--homedir", k.home, "--batch", "--yes", "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback",
		"--no-autostart", "--s2k-count", "65536"} // the derivation is not what is tested, and takes most of the time
	openssl := func(args ...string) []string {
		return append([]string{"openssl", "enc", "-e", "-pass", "pass:" + password}, args...)
	}
	return map[string]wrapper{
		"gzip":         {"gzip", []string{"gzip", "-c"}, false},
		"gzip fast":    {"gzip", []string{"gzip", "-1c"}, false},
		"zstd":         {"zstd", []string{"zstd", "-qc"}, false},
		"zstd long":    {"zstd", []string{"zstd", "-qc", "-9", "--long=27"}, false},
		"xz":           {"xz", []string{"xz", "-c", "-T1"}, false},
		"xz blocks":    {"xz", []string{"xz", "-c", "-T2", "--block-size=65536"}, false},
		"lz4":          {"lz4", []string{"lz4", "-qc"}, false},
		"lz4 linked":   {"lz4", []string{"lz4", "-qc", "-BD", "-B4", "-BX"}, false},
		"bzip2":        {"bzip2", []string{"bzip2", "-c"}, false},
		"age":          {"age", []string{"age", "-r", k.ageRecipient}, true},
		"age armor":    {"age", []string{"age", "-a", "-r", k.ageRecipient}, true},
		"gpg password": {"openpgp", append(gpg, "--passphrase", password, "--symmetric", "-o", "-"), true},
		"gpg key":      {"openpgp", append(gpg, "-r", "backup@example.com", "--encrypt", "-o", "-"), true},
		"gpg armor":    {"openpgp", append(gpg, "--armor", "-r", "backup@example.com", "--encrypt", "-o", "-"), true},
		"gpg plain":    {"openpgp", append(gpg, "--compress-algo", "none", "--passphrase", password, "--symmetric", "-o", "-"), true},
		"openssl cbc":  {"openssl", openssl("-aes-256-cbc", "-pbkdf2", "-iter", "20000"), true},
	}
}

// keySet is keys made by the real tools, once for all tests.
type keySet struct {
	home         string
	ageRecipient string
	keys         envelope.Keys
}

var realKeys = func() func(testing.TB) keySet {
	var once sync.Once
	var k keySet
	var err error
	return func(t testing.TB) keySet {
		t.Helper()
		for _, tool := range []string{"gzip", "zstd", "xz", "lz4", "bzip2", "age", "age-keygen", "gpg", "openssl"} {
			_, lookErr := exec.LookPath(tool)
			testkit.Need(t, tool, lookErr == nil)
		}
		once.Do(func() { k, err = makeKeys(keyDir) })
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}()

var keyDir string

func TestMain(m *testing.M) {
	var err error
	if keyDir, err = os.MkdirTemp("", "envelope"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(keyDir)
		os.Exit(code)
	}))
}

// stopAgent ends the process that gpg leaves behind.
func stopAgent(home string) { exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() }

func makeKeys(dir string) (keySet, error) {
	k := keySet{home: dir}
	defer stopAgent(dir) // it is needed to make keys only, and would outlive a fuzzing process that is killed
	if err := os.WriteFile(filepath.Join(dir, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		return k, err
	}
	identity, err := exec.Command("age-keygen").Output()
	if err != nil {
		return k, fmt.Errorf("age-keygen: %w", err)
	}
	_, rest, _ := strings.Cut(string(identity), "public key: ")
	k.ageRecipient, _, _ = strings.Cut(rest, "\n")
	gpg := func(args ...string) ([]byte, error) {
		args = append([]string{"--homedir", dir, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", password}, args...)
		out, err := exec.Command("gpg", args...).Output()
		if err != nil {
			return nil, fmt.Errorf("gpg: %w", err)
		}
		return out, nil
	}
	if _, err := gpg("--quick-generate-key", "backup@example.com", "future-default", "default", "never"); err != nil {
		return k, err
	}
	private, err := gpg("--armor", "--export-secret-keys", "backup@example.com")
	if err != nil {
		return k, err
	}
	k.keys = envelope.Keys{
		AgeIdentity: string(identity), AgePassphrase: password,
		OpenPGPKey: string(private), OpenPGPPassphrase: password,
		OpenSSL: envelope.OpenSSLKey{Password: password, Iterations: 20000},
	}
	return k, nil
}

// run feeds in to a tool and returns what it writes.
func run(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Dir = t.TempDir()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", args[0], err, stderr.String())
	}
	return out
}

// dumpOf makes text like that of a dump: it compresses, and not to nothing.
func dumpOf(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		noise := make([]byte, 12)
		rand.Read(noise)
		fmt.Fprintf(&b, "INSERT INTO orders VALUES(%d,'%x','2026-01-02');\n", i, noise)
	}
	return b.Bytes()[:size]
}
