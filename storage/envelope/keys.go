package envelope

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"filippo.io/age"

	"lifeboat/storage"
)

// Keys open encrypted layers. They are secrets already revealed, and print as nothing.
type Keys struct {
	AgeIdentity   string // AGE-SECRET-KEY lines, one or more; comments are allowed
	AgePassphrase string

	OpenPGPKey        string // private key, armored or binary, one or more
	OpenPGPPassphrase string // of the message, or of the private key

	OpenSSL OpenSSLKey
}

// OpenSSLKey says how a file was made with `openssl enc`. The file itself tells nothing
// of it but the salt.
type OpenSSLKey struct {
	Password string
	Cipher   string // as openssl names it; empty means aes-256-cbc
	Digest   string // empty means sha256
	// Iterations of PBKDF2 (openssl's -pbkdf2 alone means 10000). 0 means the older
	// derivation that openssl uses without -pbkdf2.
	Iterations int
}

// Format prints no key, whatever the verb.
func (Keys) Format(w fmt.State, _ rune) { io.WriteString(w, "[keys]") }

// LogValue prints no key.
func (Keys) LogValue() slog.Value { return slog.StringValue("[keys]") }

// Format prints no password, whatever the verb.
func (OpenSSLKey) Format(w fmt.State, _ rune) { io.WriteString(w, "[key]") }

// Check reports every key that cannot be used, before a dump needs it. The errors
// name the field of the configuration and never the key.
func (k Keys) Check() error {
	var errs []error
	if k.AgeIdentity != "" {
		_, err := ageIdentities(k.AgeIdentity)
		errs = append(errs, err)
	}
	if k.OpenPGPKey != "" {
		_, err := openpgpKeys(k.OpenPGPKey)
		errs = append(errs, err)
	}
	if k.OpenSSL != (OpenSSLKey{}) {
		_, err := k.OpenSSL.method()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// missing says which field of the configuration would open a layer.
func missing(what string, fields ...string) error {
	return fmt.Errorf("%w: the backup is encrypted %s; set %s", storage.ErrKeyMissing, what, strings.Join(fields, " or "))
}

// unusable says that a configured key is none.
func unusable(field, why string) error {
	return fmt.Errorf("%w: %s %s", storage.ErrKeyMissing, field, why)
}

func ageIdentities(text string) ([]age.Identity, error) {
	ids, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil { // its words may hold part of the key
		return nil, unusable("decrypt.age.identity", "is not a list of AGE-SECRET-KEY lines")
	}
	return ids, nil
}
