package postgres

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"lifeboat/engine/postgres/sqltext"
)

// charsets are the encodings besides UTF8 in which names are understood, as PostgreSQL
// calls them.
var charsets = map[string]encoding.Encoding{
	"LATIN1": charmap.ISO8859_1, "LATIN2": charmap.ISO8859_2, "LATIN3": charmap.ISO8859_3, "LATIN4": charmap.ISO8859_4,
	"LATIN5": charmap.ISO8859_9, "LATIN6": charmap.ISO8859_10, "LATIN7": charmap.ISO8859_13, "LATIN8": charmap.ISO8859_14,
	"LATIN9": charmap.ISO8859_15, "LATIN10": charmap.ISO8859_16, "ISO_8859_5": charmap.ISO8859_5,
	"ISO_8859_6": charmap.ISO8859_6, "ISO_8859_7": charmap.ISO8859_7, "ISO_8859_8": charmap.ISO8859_8,
	"KOI8R": charmap.KOI8R, "KOI8U": charmap.KOI8U, "WIN866": charmap.CodePage866, "WIN874": charmap.Windows874,
	"WIN1250": charmap.Windows1250, "WIN1251": charmap.Windows1251, "WIN1252": charmap.Windows1252,
	"WIN1253": charmap.Windows1253, "WIN1254": charmap.Windows1254, "WIN1255": charmap.Windows1255,
	"WIN1256": charmap.Windows1256, "WIN1257": charmap.Windows1257, "WIN1258": charmap.Windows1258,
}

// names turns the names of a dump into UTF-8, which is what a server is asked in.
type names struct {
	decoder *encoding.Decoder // nil for UTF-8
	foreign bool              // the encoding is not known here
}

// namesOf returns the reader of names after a statement SET client_encoding = '...'.
func namesOf(set string) names {
	w := sqltext.Read(set)
	if !w.Accept("SET", "client_encoding") || w.AcceptAny("=", "TO") == "" {
		return names{}
	}
	name, ok := w.String()
	if !ok {
		name, _ = w.Ident()
	}
	name = strings.ToUpper(name)
	if c := charsets[name]; c != nil {
		return names{decoder: c.NewDecoder()}
	}
	return names{foreign: name != "UTF8" && name != "UNICODE" && name != "SQL_ASCII"}
}

// read returns a text of the dump in UTF-8. It is not ok when nobody here can tell what
// its letters are.
func (n names) read(s string) (string, bool) {
	if n.decoder == nil && !n.foreign || ascii(s) {
		return s, true
	}
	if n.foreign {
		return s, false
	}
	out, err := n.decoder.String(s)
	return out, err == nil
}

// ascii reports whether s is the same in all encodings.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
