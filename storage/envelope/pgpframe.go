package envelope

import (
	"fmt"
	"io"

	"lifeboat/storage"
)

// OpenPGP packets that are looked at.
const (
	pgpPublicSession    = 1 // a session key for a public key
	pgpSymmetricSession = 3 // a session key for a passphrase
	pgpEncrypted        = 18
	pgpEncryptedAEAD    = 20
)

// maxArgonLog and maxArgonPasses bound the memory (KiB, as a power of two) and time of a
// passphrase derivation; maxChunkLog the memory of one authenticated chunk (bytes, less 6).
const (
	maxArgonLog    = 18
	maxArgonPasses = 10
	maxChunkLog    = 16
)

// isOpenPGP knows the packets that an encrypted message begins with, with the version
// that their body begins with.
func isOpenPGP(head []byte) bool {
	var f pgpFramer
	n := f.header(head)
	if n <= 0 || n >= len(head) {
		return false
	}
	version := head[n]
	switch f.tag {
	case pgpPublicSession:
		return version == 3 || version == 6
	case pgpSymmetricSession:
		return f.left < 256 && version >= 4 && version <= 6
	}
	return false
}

// pgpFramer reads along with the decoder and follows the lengths of the outer packets, so
// that a message that was cut can be told from one that was changed. It stops the
// decoder before parameters of the message make it take more memory than is granted.
type pgpFramer struct {
	r       io.Reader
	err     error
	started bool
	ended   bool
	tag     byte
	left    int64  // bytes left of the present part of the body
	partial bool   // another length follows the present part
	endless bool   // the body goes to the end of the input
	head    []byte // of a header that is not complete yet
	body    []byte // the first bytes of the body
}

// Read implements io.Reader.
func (f *pgpFramer) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.r.Read(p)
	f.follow(p[:n])
	if err == io.EOF || err == io.ErrUnexpectedEOF { // the latter from armor that was cut
		f.ended = true
	}
	if f.err != nil {
		return 0, f.err
	}
	return n, err
}

// cut reports whether the input ended inside a packet.
func (f *pgpFramer) cut() bool {
	return f.ended && !f.endless && (f.left > 0 || f.partial || len(f.head) > 0 || !f.started)
}

// finish reads what is left behind the message, which ought to be nothing.
func (f *pgpFramer) finish() error {
	n, err := io.Copy(io.Discard, f)
	switch {
	case err != nil:
		return err
	case f.cut():
		return io.ErrUnexpectedEOF
	case n > 0:
		return fmt.Errorf("%w: %d bytes follow the end of the message", storage.ErrCorrupt, n)
	}
	return nil
}

// follow walks over the next bytes.
func (f *pgpFramer) follow(p []byte) {
	for len(p) > 0 && !f.endless && f.err == nil {
		if f.left > 0 {
			n := min(f.left, int64(len(p)))
			f.look(p[:n])
			f.left -= n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		p = p[1:]
		next := f.header
		if f.partial {
			next = f.length
		}
		if n := next(f.head); n != 0 {
			f.head = f.head[:0]
		}
	}
	if f.endless {
		f.look(p)
	}
}

// look collects the first bytes of a body and checks what they ask for.
func (f *pgpFramer) look(p []byte) {
	const enough = 24
	if len(f.body) >= enough {
		return
	}
	f.body = append(f.body, p[:min(len(p), enough-len(f.body))]...)
	b := f.body
	switch {
	case f.tag == pgpEncryptedAEAD && len(b) > 3 && b[3] > maxChunkLog,
		f.tag == pgpEncrypted && len(b) > 3 && b[0] == 2 && b[3] > maxChunkLog:
		f.err = tooLarge("it consists of chunks of more than 4 MiB")
	case f.tag == pgpSymmetricSession && len(b) > 0:
		f.argon()
	}
}

// argon finds the parameters of Argon2 in a packet that holds a session key.
func (f *pgpFramer) argon() {
	at := 2 // version 4: version, cipher, derivation
	switch f.body[0] {
	case 5:
		at = 3 // with a mode
	case 6:
		at = 5 // with two lengths and a mode
	}
	const argon2, params = 4, 1 + 16
	b := f.body
	if len(b) <= at+params+2 || b[at] != argon2 {
		return
	}
	if passes, memory := b[at+params], b[at+params+2]; memory > maxArgonLog || passes > maxArgonPasses {
		f.err = tooLarge("its passphrase derivation asks for more than 256 MiB or 10 passes")
	}
}

// header reads a packet's first byte and its first length. It returns how many bytes
// they take, 0 when there are too few, and -1 when there is no packet.
func (f *pgpFramer) header(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0]&0x80 == 0 {
		f.endless = true // no packet: the decoder will say so
		return -1
	}
	f.body = f.body[:0]
	if b[0]&0x40 != 0 {
		f.tag = b[0] & 0x3f
		n := f.length(b[1:])
		if n == 0 {
			return 0
		}
		return 1 + n
	}
	f.tag = b[0] >> 2 & 0x0f
	size := []int{1, 2, 4, 0}[b[0]&3]
	if len(b) < 1+size {
		return 0
	}
	f.started, f.partial, f.left, f.endless = true, false, 0, size == 0
	for _, d := range b[1 : 1+size] {
		f.left = f.left<<8 | int64(d)
	}
	return 1 + size
}

// length reads a length of the newer form and returns how many bytes it takes, 0 when
// there are too few.
func (f *pgpFramer) length(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	var n int
	partial := false
	switch first := int64(b[0]); {
	case first < 192:
		n, f.left = 1, first
	case first < 224:
		if n = 2; len(b) < n {
			return 0
		}
		f.left = (first-192)<<8 + int64(b[1]) + 192
	case first < 255:
		n, f.left, partial = 1, 1<<(first&0x1f), true
	default:
		if n = 5; len(b) < n {
			return 0
		}
		f.left = int64(b[1])<<24 | int64(b[2])<<16 | int64(b[3])<<8 | int64(b[4])
	}
	f.started, f.partial = true, partial
	return n
}
