package envelope

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// headSize is how much of a stream is looked at to recognise it.
const headSize = 512

// kind is one kind of layer.
type kind struct {
	name     string
	match    func(head []byte) bool
	open     func(*Opener, *layer) error
	suffixes []string // that its tools add to a file's name
}

// kinds is every layer that can be opened.
var kinds = []kind{
	{"gzip", prefix("\x1f\x8b\x08"), openGzip, []string{".gz", ".gzip"}},
	{"zstd", isZstd, openZstd, []string{".zst", ".zstd"}},
	{"xz", prefix("\xfd7zXZ\x00"), openXz, []string{".xz"}},
	{"lz4", prefix("\x04\x22\x4d\x18"), openLz4, []string{".lz4"}},
	{"bzip2", isBzip2, openBzip2, []string{".bz2", ".bzip2"}},
	{"age", prefix("age-encryption.org/v1\n"), openAge, []string{".age"}},
	{"age", prefix("-----BEGIN AGE ENCRYPTED FILE-----"), openArmoredAge, []string{".age", ".asc"}},
	{"openpgp", isOpenPGP, openOpenPGP, []string{".gpg", ".pgp"}},
	{"openpgp", prefix("-----BEGIN PGP MESSAGE-----"), openArmoredOpenPGP, []string{".asc", ".gpg", ".pgp"}},
	{"openssl", prefix("Salted__"), openOpenSSL, []string{".enc", ".aes", ".ssl", ".openssl", ".crypt"}},
}

// recognise finds the layer that begins with head.
func recognise(head []byte) (kind, bool) {
	for _, k := range kinds {
		if k.match(head) {
			return k, true
		}
	}
	return kind{}, false
}

func prefix(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// isZstd also knows the skippable frame that pzstd and seekable archives begin with.
func isZstd(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	skippable := head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18"
	return skippable || string(head[:4]) == "\x28\xb5\x2f\xfd"
}

// isBzip2 looks past the level at the mark of the first block, or of the end of a
// stream of nothing: three letters alone would also begin a text.
func isBzip2(head []byte) bool {
	if len(head) < 10 || string(head[:3]) != "BZh" || head[3] < '1' || head[3] > '9' {
		return false
	}
	mark := string(head[4:10])
	return mark == "\x31\x41\x59\x26\x53\x59" || mark == "\x17\x72\x45\x38\x50\x90"
}

// stripSuffix takes the kind's suffix off a file name that has one.
func (k kind) stripSuffix(name string) string {
	for _, s := range k.suffixes {
		if len(name) > len(s) && strings.EqualFold(name[len(name)-len(s):], s) {
			return name[:len(name)-len(s)]
		}
	}
	return name
}

// dumpFile matches the names of the files that pg_dump's directory format consists of.
// It compresses the data and never the tables of contents.
var dumpFile = regexp.MustCompile(`^(.*/)?(toc\.dat|blobs[^/]*\.toc|[^/]*[0-9]\.dat(\.gz|\.lz4|\.zst)?)$`)

// isDumpFile reports whether the directory format itself knows a file of this name, so
// that nothing around it is left to open.
func isDumpFile(name string) bool { return dumpFile.MatchString(name) }

// plausible reports whether head is the beginning of something, so that the key it was
// decrypted with was the right one.
func plausible(head []byte) bool {
	if _, known := recognise(head); known {
		return true
	}
	if len(head) >= headSize {
		return !noise(head)
	}
	if bytes.HasPrefix(head, []byte("PGDMP")) || bytes.HasPrefix(head, []byte("SQLite format 3")) {
		return true
	}
	for len(head) > 0 { // so little can only be text
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return false
		}
		head = head[n:]
	}
	return true
}

// noise reports whether head looks random, as data does that was decrypted with a wrong
// key. The beginnings of dumps use few of the 256 byte values; of 512 random bytes 221
// differ on average, and practically never fewer than 190.
func noise(head []byte) bool {
	var seen [256]bool
	distinct := 0
	for _, b := range head {
		if !seen[b] {
			seen[b] = true
			distinct++
		}
	}
	return distinct >= 190
}
