package sqlite

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"unicode/utf8"

	"lifeboat/engine"
)

// isForeign reports whether a file may lie beside a database without being one.
func isForeign(err error) bool {
	return errors.Is(err, engine.ErrFormat) || errors.Is(err, engine.ErrNotBackup)
}

// recognise says what a dump that begins with head is; whole means that head is all of it.
func recognise(head []byte, whole bool) (engine.Manifest, error) {
	switch {
	case len(head) == 0:
		return engine.Manifest{}, fmt.Errorf("%w: it is empty", engine.ErrNotBackup)
	case bytes.HasPrefix(head, []byte(magic)):
		h, err := parseHeader(head)
		if err != nil {
			return engine.Manifest{}, err
		}
		return fileManifest(h), nil
	case whole && len(head) < len(magic) && bytes.HasPrefix([]byte(magic), head):
		return engine.Manifest{}, fmt.Errorf("%w: it ends within its first %d bytes", engine.ErrTruncated, len(magic))
	case isTar(head):
		return recogniseTar(head)
	case isText(head):
		return recogniseText(head, whole)
	}
	return engine.Manifest{}, fmt.Errorf("%w: it is no SQLite database; if it is one that was encrypted (SQLCipher, SEE), "+
		"back up a plain copy instead", engine.ErrFormat)
}

func fileManifest(h header) engine.Manifest {
	return engine.Manifest{Engine: name, Format: formatFile, ServerVersion: h.version, Compression: "none"}
}

// isTar knows the mark of a tar archive's first member.
func isTar(head []byte) bool {
	return len(head) >= 262 && string(head[257:262]) == "ustar"
}

// recogniseTar looks whether a tar archive begins with a database.
func recogniseTar(head []byte) (engine.Manifest, error) {
	t := tar.NewReader(bytes.NewReader(head))
	for {
		member, err := t.Next()
		if err != nil {
			return engine.Manifest{}, fmt.Errorf("%w: no SQLite database begins within the first %d bytes of the archive", engine.ErrFormat, headSize)
		}
		if member.Typeflag != tar.TypeReg {
			continue
		}
		first, _ := io.ReadAll(io.LimitReader(t, headerSize))
		if bytes.HasPrefix(first, []byte(magic)) {
			h, err := parseHeader(first)
			if err != nil {
				return engine.Manifest{}, err
			}
			return fileManifest(h), nil
		}
		if !isCompanion(first) {
			return engine.Manifest{}, fmt.Errorf("%w: the archive begins with something else than a SQLite database", engine.ErrFormat)
		}
	}
}

// isText reports whether head could be text in UTF-8.
func isText(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for cut := 0; cut < utf8.UTFMax; cut++ { // the head may end inside a character
		if utf8.Valid(head[:max(0, len(head)-cut)]) {
			return true
		}
	}
	return false
}

var (
	markup = regexp.MustCompile(`(?i)^\s*(<!doctype|<html|<\?xml|<error|<head|<body|[{\[])`)
	// sqlWord begins a line of any SQL dump.
	sqlWord = regexp.MustCompile(`(?im)^\s*(--|/\*|\\|create\b|insert\b|copy\b|set\b|begin\b|pragma\b|drop\b|select\b|use\b|lock\b)`)
)

// recogniseText tells .dump's SQL from other text.
func recogniseText(head []byte, whole bool) (engine.Manifest, error) {
	if markup.Match(head) {
		return engine.Manifest{}, fmt.Errorf("%w: it is a web page or a message, not a dump", engine.ErrNotBackup)
	}
	first, second := firstWords(head)
	switch first {
	case "PRAGMA":
		return engine.Manifest{Engine: name, Format: formatSQL, Compression: "none"}, nil
	case "BEGIN":
		switch second {
		case "", "CREATE", "INSERT", "PRAGMA", "DELETE", "ANALYZE", "COMMIT", "DROP":
			return engine.Manifest{Engine: name, Format: formatSQL, Compression: "none"}, nil
		}
	}
	if whole && !sqlWord.Match(head) {
		return engine.Manifest{}, fmt.Errorf("%w: it is %d bytes of text without a single SQL statement", engine.ErrNotBackup, len(head))
	}
	return engine.Manifest{}, fmt.Errorf("%w: it is text, and does not begin as the SQL of SQLite's .dump does", engine.ErrFormat)
}

// firstWords returns the keywords that the first two statements of head begin with.
func firstWords(head []byte) (first, second string) {
	var words []string
	s := scanner{onEnd: func(st *statement) { words = append(words, st.keyword) }}
	s.write(head)
	s.close()
	if s.statement.keyword != "" { // begun and not ended within the head
		words = append(words, s.statement.keyword)
	}
	words = append(words, "", "")
	return words[0], words[1]
}
