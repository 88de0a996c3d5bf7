package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"lifeboat/storage"
	"lifeboat/storage/envelope"
)

func TestAWrongKeyIsSaidToBeWrong(t *testing.T) {
	right := realKeys(t)
	other, err := makeKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bad := other.keys
	bad.AgePassphrase, bad.OpenSSL.Password = wrong, wrong
	badPassphrase := right.keys
	badPassphrase.OpenPGPPassphrase, badPassphrase.OpenPGPKey = wrong, ""
	badIterations := right.keys
	badIterations.OpenSSL.Iterations = 0
	for name, w := range wrappers(t) {
		if !w.secret {
			continue
		}
		for _, size := range []int{40, 100_000} {
			k := bad
			if w.layer == "openpgp" && strings.Contains(strings.Join(w.args, " "), "--symmetric") {
				k = badPassphrase
			}
			wrapped := run(t, run(t, dumpOf(size), "gzip", "-c"), w.args...)
			if _, _, err := open(k, envelope.Limits{}, wrapped); !errors.Is(err, storage.ErrDecrypt) {
				t.Errorf("%s of %d bytes: got %v, want ErrDecrypt", name, size, err)
			}
		}
	}
	wrapped := run(t, dumpOf(100_000), wrappers(t)["openssl cbc"].args...)
	if _, _, err := open(badIterations, envelope.Limits{}, wrapped); !errors.Is(err, storage.ErrDecrypt) {
		t.Errorf("openssl with other iterations: got %v, want ErrDecrypt", err)
	}
}

func TestAMissingKeySaysWhatToConfigure(t *testing.T) {
	keys := realKeys(t).keys
	all := wrappers(t)
	locked := keys
	locked.OpenPGPPassphrase = ""
	onlyPassphrase := keys
	onlyPassphrase.OpenPGPKey = ""
	tests := []struct {
		wrapper string
		keys    envelope.Keys
		field   string
	}{
		{"age", envelope.Keys{}, "decrypt.age.identity"},
		{"age", envelope.Keys{AgePassphrase: password}, "decrypt.age.identity"},
		{"age armor", envelope.Keys{}, "decrypt.age.identity"},
		{"gpg password", envelope.Keys{}, "decrypt.openpgp.passphrase"},
		{"gpg key", envelope.Keys{}, "decrypt.openpgp.key"},
		{"gpg key", onlyPassphrase, "decrypt.openpgp.key"},
		{"openssl cbc", envelope.Keys{}, "decrypt.openssl.password"},
	}
	for _, test := range tests {
		_, _, err := open(test.keys, envelope.Limits{}, run(t, dumpOf(1000), all[test.wrapper].args...))
		if !errors.Is(err, storage.ErrKeyMissing) || !strings.Contains(err.Error(), test.field) {
			t.Errorf("%s: got %v, want ErrKeyMissing that names %s", test.wrapper, err, test.field)
		}
	}
}

func TestOpenSSLFilesOfAllCommonKindsOpen(t *testing.T) {
	want := dumpOf(100_003)
	for _, cipher := range []string{"", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes256", "aes-128-ctr", "aes-192-ctr", "aes-256-ctr", "des3"} {
		for _, digest := range []string{"", "md5", "sha1", "sha512"} {
			for _, iterations := range []int{0, 1000} {
				args := []string{"openssl", "enc", "-e", "-pass", "pass:" + password, "-aes-256-cbc"}
				if cipher != "" {
					args[len(args)-1] = "-" + cipher
				}
				if digest != "" {
					args = append(args, "-md", digest)
				}
				if iterations > 0 {
					args = append(args, "-pbkdf2", "-iter", fmt.Sprint(iterations))
				}
				key := envelope.OpenSSLKey{Password: password, Cipher: cipher, Digest: digest, Iterations: iterations}
				got, _, err := open(envelope.Keys{OpenSSL: key}, envelope.Limits{}, run(t, want, args...))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%v: opened to %d bytes, %v; want %d", args, len(got), err, len(want))
				}
			}
		}
	}
}

func TestKeysThatCannotBeUsedAreReportedAndNeverShown(t *testing.T) {
	const secret = "AGE-SECRET-KEY-NONSENSE"
	k := envelope.Keys{AgeIdentity: secret, OpenPGPKey: secret, OpenSSL: envelope.OpenSSLKey{Password: secret, Cipher: "rot13"}}
	err := k.Check()
	for _, field := range []string{"decrypt.age.identity", "decrypt.openpgp.key", "decrypt.openssl.cipher"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want it to name %s", err, field)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("%v shows the key", err)
	}
	if err := realKeys(t).keys.Check(); err != nil {
		t.Errorf("good keys: %v", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "keys", k, "ssl", k.OpenSSL)
	shown := fmt.Sprintf("%v %+v %#v %s %q %v %+v %v", k, k, k, k, k, k.OpenSSL, &k, envelope.New(k, envelope.Limits{})) + log.String()
	if strings.Contains(shown, secret) {
		t.Errorf("a key is shown: %s", shown)
	}
}
