package envelope

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"filippo.io/age"
	"filippo.io/age/armor"

	"lifeboat/storage"
)

// maxScryptLog bounds the memory of age's passphrase derivation at 512 MiB; age itself
// writes 18.
const maxScryptLog = 19

func openAge(o *Opener, l *layer) error { return openAgeFrom(o, l, l.below) }

func openArmoredAge(o *Opener, l *layer) error {
	return openAgeFrom(o, l, armor.NewReader(&shortLines{r: l.below}))
}

func openAgeFrom(o *Opener, l *layer, in io.Reader) error {
	ids, err := o.keys.ageAll()
	if err != nil {
		return err
	}
	r, err := age.Decrypt(in, ids...)
	if none := new(age.NoIdentityMatchError); errors.As(err, &none) {
		return o.keys.ageMismatch(none.StanzaTypes)
	}
	if err != nil {
		if l.below.ended() && l.below.failure() == nil {
			return io.ErrUnexpectedEOF // the header is not complete
		}
		return headErr(err)
	}
	l.r = &ageReader{r: r, below: l.below}
	return nil
}

// ageReader tells a file that was cut from one that was changed, as far as that can be.
type ageReader struct {
	r     io.Reader
	below *tap
}

func (a *ageReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if err == nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || !a.below.ended() {
		return n, err
	}
	// The last piece carries a mark of its own, so a file cut within a piece looks
	// just like one whose last piece was changed.
	return n, fmt.Errorf("%w, or %w: its last piece does not verify: the file was cut short, or is damaged in its last 64 KiB",
		storage.ErrTruncated, storage.ErrCorrupt)
}

// ageAll is every way to open an age file that k has; the last one opens none but lets
// the header be read.
func (k *Keys) ageAll() ([]age.Identity, error) {
	var ids []age.Identity
	if k.AgeIdentity != "" {
		var err error
		if ids, err = ageIdentities(k.AgeIdentity); err != nil {
			return nil, err
		}
	}
	if k.AgePassphrase != "" {
		id, err := age.NewScryptIdentity(k.AgePassphrase)
		if err != nil {
			return nil, unusable("decrypt.age.passphrase", "cannot be used")
		}
		id.SetMaxWorkFactor(maxScryptLog)
		ids = append(ids, passphrase{id})
	}
	return append(ids, noIdentity{}), nil
}

// ageMismatch says why no key opened a file made for recipients of these types.
func (k *Keys) ageMismatch(types []string) error {
	byPassphrase := slices.Contains(types, "scrypt")
	switch {
	case byPassphrase && k.AgePassphrase == "":
		return missing("with an age passphrase", "decrypt.age.passphrase")
	case !byPassphrase && k.AgeIdentity == "":
		return missing("for an age recipient", "decrypt.age.identity")
	case byPassphrase:
		return fmt.Errorf("%w: the passphrase in decrypt.age.passphrase is not this file's", storage.ErrDecrypt)
	}
	return fmt.Errorf("%w: it is encrypted for other recipients than the identity in decrypt.age.identity", storage.ErrDecrypt)
}

// passphrase refuses work factors that would take more memory than is granted.
type passphrase struct{ *age.ScryptIdentity }

func (p passphrase) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type != "scrypt" || len(s.Args) != 2 {
			continue
		}
		if n, err := strconv.Atoi(s.Args[1]); err == nil && n > maxScryptLog {
			return nil, tooLarge(fmt.Sprintf("its scrypt work factor is %d, at most %d is granted", n, maxScryptLog))
		}
	}
	return p.ScryptIdentity.Unwrap(stanzas)
}

type noIdentity struct{}

func (noIdentity) Unwrap([]*age.Stanza) ([]byte, error) { return nil, age.ErrIncorrectIdentity }

// shortLines bounds the lines of an armored file: its reader would hold one of any length.
type shortLines struct {
	r   io.Reader
	run int
}

const maxArmorLine = 4 << 10

var errLongLine = fmt.Errorf("%w: a line of the armor is too long", storage.ErrCorrupt)

func (s *shortLines) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for _, b := range p[:n] {
		if s.run++; b == '\n' {
			s.run = 0
		}
		if s.run > maxArmorLine {
			return 0, errLongLine
		}
	}
	return n, err
}
