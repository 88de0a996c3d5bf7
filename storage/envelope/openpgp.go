package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"lifeboat/storage"
)

func openOpenPGP(o *Opener, l *layer) error { return openOpenPGPFrom(o, l, l.below) }

func openArmoredOpenPGP(o *Opener, l *layer) error {
	block, err := armor.Decode(l.below)
	if err != nil {
		return headErr(err)
	}
	return openOpenPGPFrom(o, l, block.Body)
}

func openOpenPGPFrom(o *Opener, l *layer, in io.Reader) error {
	keys, err := openpgpKeys(o.keys.OpenPGPKey)
	if err != nil {
		return err
	}
	f := &pgpFramer{r: in}
	l.cause = func() error { return f.err }
	limit := o.limit
	ask := &pgpPrompt{keys: o.keys}
	m, err := openpgp.ReadMessage(f, keys, ask.answer, &packet.Config{MaxDecompressedMessageSize: &limit})
	if err != nil {
		return o.keys.pgpRefused(f, ask, err)
	}
	l.unproven = m.DecryptedWith.PrivateKey == nil
	l.r = &pgpReader{m: m, f: f, below: l.below, unproven: l.unproven}
	return nil
}

// pgpReader reads a message to its end, where its integrity shows.
type pgpReader struct {
	m     *openpgp.MessageDetails
	f     *pgpFramer
	below io.Reader
	// unproven is true while nothing says that the passphrase was the right one.
	unproven bool
	first    []byte // of what it opens to
}

func (r *pgpReader) Read(p []byte) (int, error) {
	n, err := r.m.UnverifiedBody.Read(p)
	if r.unproven && len(r.first) < headSize {
		r.first = append(r.first, p[:min(n, headSize-len(r.first))]...)
	}
	switch {
	case errors.Is(err, pgperrors.ErrMessageTooLarge):
		return n, tooLarge("the limit of the opened bytes is reached")
	case err == io.EOF && r.m.SignedBy != nil && r.m.SignatureError != nil:
		return n, fmt.Errorf("%w: %w", storage.ErrCorrupt, r.m.SignatureError)
	case err == io.EOF:
		if end := r.f.finish(); end != nil {
			return n, end
		}
		if _, end := io.Copy(io.Discard, r.below); end != nil { // what follows armor
			return n, end
		}
	case err != nil && r.f.cut():
		return n, io.ErrUnexpectedEOF
	case err != nil && r.unproven && (len(r.first) == 0 || !plausible(r.first)):
		return n, errPassphrase
	}
	return n, err
}

var errPassphrase = fmt.Errorf("%w: the passphrase in decrypt.openpgp.passphrase is wrong, or the file is damaged near its beginning", storage.ErrDecrypt)

// pgpRefused says why a message could not be opened.
func (k *Keys) pgpRefused(f *pgpFramer, ask *pgpPrompt, err error) error {
	switch {
	case f.cut():
		return io.ErrUnexpectedEOF
	case ask.err != nil:
		return ask.err
	case errors.Is(err, pgperrors.ErrKeyIncorrect) && k.OpenPGPKey == "":
		return missing("for an OpenPGP key", "decrypt.openpgp.key")
	case errors.Is(err, pgperrors.ErrKeyIncorrect):
		return fmt.Errorf("%w: it is encrypted for other keys than those in decrypt.openpgp.key", storage.ErrDecrypt)
	case errors.As(err, new(pgperrors.DecryptWithSessionKeyError)) && ask.asked > 0:
		return errPassphrase
	case errors.As(err, new(pgperrors.UnsupportedError)):
		return fmt.Errorf("%w: %w", storage.ErrDecrypt, err)
	}
	return headErr(err)
}

// pgpPrompt answers the one question that opening a message asks.
type pgpPrompt struct {
	keys  *Keys
	asked int
	err   error // why it could not be answered
}

// answer unlocks private keys, or gives the passphrase of the message, once: asked
// again it has nothing else to offer.
func (a *pgpPrompt) answer(locked []openpgp.Key, symmetric bool) ([]byte, error) {
	a.asked++
	pass := []byte(a.keys.OpenPGPPassphrase)
	switch {
	case len(pass) == 0 && len(locked) > 0:
		a.err = missing("for an OpenPGP key that has a passphrase", "decrypt.openpgp.passphrase")
	case len(pass) == 0 && a.keys.OpenPGPKey == "":
		a.err = missing("with OpenPGP", "decrypt.openpgp.passphrase", "decrypt.openpgp.key")
	case len(pass) == 0:
		a.err = missing("with an OpenPGP passphrase", "decrypt.openpgp.passphrase")
	case a.asked > 1:
		a.err = fmt.Errorf("%w: the passphrase in decrypt.openpgp.passphrase is not this file's", storage.ErrDecrypt)
	}
	if a.err != nil {
		return nil, a.err
	}
	unlocked := false
	for _, k := range locked {
		unlocked = k.PrivateKey.Decrypt(pass) == nil || unlocked
	}
	if len(locked) > 0 && !unlocked && !symmetric {
		a.err = unusable("decrypt.openpgp.passphrase", "does not unlock the key in decrypt.openpgp.key")
		return nil, a.err
	}
	return pass, nil
}

// openpgpKeys reads the private keys of the configuration; no text is no key.
func openpgpKeys(text string) (openpgp.EntityList, error) {
	if text == "" {
		return nil, nil
	}
	read := openpgp.ReadKeyRing
	if strings.Contains(text, "-----BEGIN") {
		read = openpgp.ReadArmoredKeyRing
	}
	keys, err := read(bytes.NewReader([]byte(text)))
	if err != nil || len(keys) == 0 {
		return nil, unusable("decrypt.openpgp.key", "is not an OpenPGP private key")
	}
	for _, k := range keys {
		if k.PrivateKey != nil {
			return keys, nil
		}
	}
	return nil, unusable("decrypt.openpgp.key", "holds only public keys")
}
