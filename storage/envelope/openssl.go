package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"strings"

	"lifeboat/storage"
)

// opensslCipher is a cipher as `openssl enc` names it.
type opensslCipher struct {
	key   int // bytes
	block func([]byte) (cipher.Block, error)
	ctr   bool
}

var opensslCiphers = map[string]opensslCipher{
	"aes-128-cbc":  {16, aes.NewCipher, false},
	"aes-192-cbc":  {24, aes.NewCipher, false},
	"aes-256-cbc":  {32, aes.NewCipher, false},
	"aes-128-ctr":  {16, aes.NewCipher, true},
	"aes-192-ctr":  {24, aes.NewCipher, true},
	"aes-256-ctr":  {32, aes.NewCipher, true},
	"des-ede3-cbc": {24, des.NewTripleDESCipher, false},
}

// opensslAliases are the short names openssl accepts.
var opensslAliases = map[string]string{"": "aes-256-cbc", "aes128": "aes-128-cbc", "aes192": "aes-192-cbc",
	"aes256": "aes-256-cbc", "des3": "des-ede3-cbc"}

var opensslDigests = map[string]func() hash.Hash{"": sha256.New, "md5": md5.New, "sha1": sha1.New,
	"sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// maxIterations bounds the time of a key derivation, a few seconds at this many.
const maxIterations = 10_000_000

// opensslMethod is how a file was made.
type opensslMethod struct {
	opensslCipher
	digest     func() hash.Hash
	iterations int
}

// method looks up what k names.
func (k OpenSSLKey) method() (opensslMethod, error) {
	name := strings.TrimPrefix(strings.ToLower(k.Cipher), "-")
	if full, ok := opensslAliases[name]; ok {
		name = full
	}
	c, ok := opensslCiphers[name]
	if !ok {
		return opensslMethod{}, unusable("decrypt.openssl.cipher", fmt.Sprintf("%q is not one of aes-128|192|256-cbc|ctr and des-ede3-cbc", k.Cipher))
	}
	d, ok := opensslDigests[strings.TrimPrefix(strings.ToLower(k.Digest), "-")]
	if !ok {
		return opensslMethod{}, unusable("decrypt.openssl.digest", fmt.Sprintf("%q is not one of md5, sha1, sha224, sha256, sha384 and sha512", k.Digest))
	}
	if k.Iterations < 0 || k.Iterations > maxIterations {
		return opensslMethod{}, unusable("decrypt.openssl.iterations", fmt.Sprintf("%d is not between 0 and %d", k.Iterations, maxIterations))
	}
	if k.Password == "" {
		return opensslMethod{}, unusable("decrypt.openssl.password", "is not set")
	}
	return opensslMethod{c, d, k.Iterations}, nil
}

func openOpenSSL(o *Opener, l *layer) error {
	if o.keys.OpenSSL.Password == "" {
		return missing("with openssl enc", "decrypt.openssl.password")
	}
	m, err := o.keys.OpenSSL.method()
	if err != nil {
		return err
	}
	header := make([]byte, 16) // "Salted__" and the salt
	if _, err := io.ReadFull(l.below, header); err != nil {
		return headErr(err)
	}
	key, iv, err := m.derive(o.keys.OpenSSL.Password, header[8:])
	if err != nil {
		return err
	}
	block, err := m.block(key)
	if err != nil {
		return err
	}
	l.unproven = true
	if m.ctr {
		l.r = cipher.StreamReader{S: cipher.NewCTR(block, iv), R: l.below}
		return nil
	}
	l.r = &cbcReader{mode: cipher.NewCBCDecrypter(block, iv), in: l.below, size: block.BlockSize(), buf: make([]byte, bufferSize)}
	return nil
}

// derive makes key and initial vector from a password.
func (m opensslMethod) derive(password string, salt []byte) (key, iv []byte, err error) {
	probe, err := m.block(make([]byte, m.key))
	if err != nil {
		return nil, nil, err
	}
	size := m.key + probe.BlockSize()
	var out []byte
	if m.iterations > 0 {
		if out, err = pbkdf2.Key(m.digest, password, salt, m.iterations, size); err != nil {
			return nil, nil, err
		}
		return out[:m.key], out[m.key:], nil
	}
	var last []byte
	for len(out) < size { // each round hashes the one before, the password and the salt
		h := m.digest()
		h.Write(last)
		io.WriteString(h, password)
		h.Write(salt)
		last = h.Sum(nil)
		out = append(out, last...)
	}
	return out[:m.key], out[m.key:size], nil
}

// cbcReader decrypts whole blocks and holds the last one back until it knows that it is
// the last, because that one ends in padding.
type cbcReader struct {
	mode  cipher.BlockMode
	in    io.Reader
	size  int    // of a block
	buf   []byte // a multiple of the block size
	kept  int    // bytes at the start of buf that were read and not yet decrypted
	plain []byte // decrypted and not yet handed out; lies in buf
	first []byte // of the plain bytes, to see whether the key was right
	err   error
}

// Read implements io.Reader.
func (c *cbcReader) Read(p []byte) (int, error) {
	for len(c.plain) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.fill()
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// fill decrypts the next blocks into plain, or sets err.
func (c *cbcReader) fill() {
	copy(c.buf, c.buf[len(c.buf)-c.size:][:c.kept])
	n, err := io.ReadFull(c.in, c.buf[c.kept:])
	n += c.kept
	switch {
	case err == nil:
		c.kept = c.size
		c.decrypt(n - c.size)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		c.err = io.EOF
		if n == 0 || n%c.size != 0 {
			c.err = io.ErrUnexpectedEOF
			return
		}
		c.decrypt(n)
		c.unpad()
	default:
		c.err = err
	}
}

func (c *cbcReader) decrypt(n int) {
	c.plain = c.buf[:n]
	c.mode.CryptBlocks(c.plain, c.plain)
	if c.first == nil {
		c.first = append([]byte{}, c.plain[:min(n, headSize)]...)
	}
}

// unpad takes off the padding, which is all the proof of the key that there is.
func (c *cbcReader) unpad() {
	pad := int(c.plain[len(c.plain)-1])
	sound := pad >= 1 && pad <= c.size
	for _, b := range c.plain[max(0, len(c.plain)-pad):] {
		sound = sound && int(b) == pad
	}
	if sound {
		c.plain = c.plain[:len(c.plain)-pad]
		return
	}
	c.plain = nil
	if plausible(c.first) {
		c.err = fmt.Errorf("%w, or %w: its last block does not end as it should", storage.ErrTruncated, storage.ErrCorrupt)
		return
	}
	c.err = fmt.Errorf("%w: its last block does not end as it should: the password or a parameter is wrong, or the file was cut", storage.ErrDecrypt)
}
