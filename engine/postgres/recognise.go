package postgres

import (
	"archive/tar"
	"bytes"
	"fmt"
	"regexp"
	"unicode/utf8"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
)

// recognise names the format of a dump that is a single stream from its first bytes, up
// to headSize of them.
func recognise(head []byte) (format string, err error) {
	switch {
	case len(head) == 0:
		return "", fmt.Errorf("it is empty: %w", engine.ErrNotBackup)
	case bytes.HasPrefix(head, []byte(archive.Magic)):
		return formatCustom, nil
	case isTar(head):
		return recogniseTar(head)
	}
	for _, b := range beginnings {
		if begun := []byte(b); len(head) < len(begun) && bytes.HasPrefix(begun, head) {
			return "", fmt.Errorf("it ends after %d bytes: %w", len(head), engine.ErrTruncated)
		}
	}
	if tarBegun(head) {
		return "", fmt.Errorf("it ends inside the first header of a tar: %w", engine.ErrTruncated)
	}
	if of := otherEngine(head); of != "" {
		return "", fmt.Errorf("it is %s: %w", of, engine.ErrFormat)
	}
	return recogniseText(head)
}

// beginnings are what dumps begin with, for those that end before they have begun.
var beginnings = []string{
	archive.Magic, "--\n-- " + plainTitle, "--\n-- " + clusterTitle, archive.TOCFile + "\x00",
}

const (
	plainTitle   = "PostgreSQL database dump"
	clusterTitle = "PostgreSQL database cluster dump"
)

// isTar reports whether head begins with a tar header.
func isTar(head []byte) bool {
	const magicAt = 257
	return len(head) >= magicAt+5 && string(head[magicAt:magicAt+5]) == "ustar"
}

// tarBegun reports whether head is too short for a tar and looks like the beginning of
// one: the name of a dump's file, and zeros up to the next field.
func tarBegun(head []byte) bool {
	const block = 512
	name, zeros, ok := bytes.Cut(head, []byte{0})
	return ok && len(head) < block && len(name) > 0 && isText(name) && (len(zeros) == 0 || zeros[0] == 0)
}

func recogniseTar(head []byte) (string, error) {
	h, err := tar.NewReader(bytes.NewReader(head)).Next()
	if err != nil {
		return "", fmt.Errorf("tar: %w: %w", err, engine.ErrCorrupt)
	}
	if archive.OwnTar(h) {
		return formatTar, nil
	}
	return formatDirectory, nil
}

// otherEngine names the dump of another database, "" if it is none that is known.
func otherEngine(head []byte) string {
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	for _, other := range []struct{ begins, name string }{
		{"SQLite format 3\x00", "an SQLite database"},
		{"PRAGMA foreign_keys=OFF;", "the SQL of an SQLite database"},
		{"-- MySQL dump", "a dump of MySQL"},
		{"-- MariaDB dump", "a dump of MariaDB"},
		{"/*M!999999", "a dump of MariaDB"},
		{"/*!40", "a dump of MySQL or MariaDB"},
		{"REDIS0", "a dump of Redis"},
	} {
		if bytes.HasPrefix(trimmed, []byte(other.begins)) {
			return other.name
		}
	}
	if bytes.Contains(head, []byte(") ENGINE=InnoDB")) || bytes.Contains(head, []byte("CREATE TABLE `")) {
		return "a dump of MySQL or MariaDB"
	}
	return ""
}

// postgresSQL is what only SQL for PostgreSQL has.
var postgresSQL = regexp.MustCompile(`(?im)^copy [^;]+ from stdin|^set (client_encoding|search_path)\b|\bpg_catalog\.|` +
	`^create extension\b|language '?plpgsql|\bbigserial\b|::regclass|\bowner to\b|character varying|` +
	`timestamp with(out)? time zone|::[a-z]+\b|\$\$`)

// anySQL is what SQL of any kind has.
var anySQL = regexp.MustCompile(`(?im)^\s*(create (table|schema|database)|insert into|begin;|begin transaction)\b`)

// recogniseText tells SQL for PostgreSQL from texts that came in its place.
func recogniseText(head []byte) (string, error) {
	if i := bytes.Index(head, []byte("-- "+clusterTitle)); i == 0 || i > 0 && head[i-1] == '\n' {
		return formatCluster, nil
	}
	if i := bytes.Index(head, []byte("-- "+plainTitle)); i == 0 || i > 0 && head[i-1] == '\n' {
		return formatPlain, nil
	}
	if like := notDump(head); like != "" {
		return "", fmt.Errorf("it looks like %s: %w", like, engine.ErrNotBackup)
	}
	switch {
	case !isText(head):
		return "", fmt.Errorf("it begins with %q: %w", head[:min(len(head), 8)], engine.ErrFormat)
	case postgresSQL.Match(head):
		return formatPlain, nil
	case anySQL.Match(head):
		return "", fmt.Errorf("it is SQL, but nothing in it says for which database: %w", engine.ErrFormat)
	}
	return "", fmt.Errorf("it is a text without any SQL: %w", engine.ErrNotBackup)
}

// notDump says what a text looks like that was saved in place of a dump, "" if like
// none of the usual ones.
func notDump(head []byte) string {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n\x00")
	lower := bytes.ToLower(trimmed[:min(len(trimmed), 64)])
	begins := func(s string) bool { return bytes.HasPrefix(lower, []byte(s)) }
	switch {
	case len(trimmed) == 0:
		return "nothing but blanks or zeros"
	case begins("<!doctype html"), begins("<html"), begins("<head"):
		return "a web page"
	case begins("<?xml"), begins("<error"):
		return "an XML answer of a storage service"
	case begins("<"):
		return "XML or HTML"
	case begins("{"), begins("["):
		return "a JSON text"
	case begins("pg_dump:"), begins("pg_dumpall:"), begins("psql:"), begins("pg_dump error"):
		return "an error message of pg_dump"
	case begins("error"), begins("fatal"), begins("bash:"), begins("sh:"), begins("docker:"), begins("permission denied"):
		return "an error message"
	}
	return ""
}

// isText reports whether head is text and not binary data. Dumps may be in any encoding
// that keeps ASCII, so invalid UTF-8 alone does not make it binary.
func isText(head []byte) bool {
	control := 0
	for _, b := range head {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != '\v' {
			control++
		}
	}
	return control == 0 || utf8.Valid(head) && control*100 < len(head) && bytes.IndexByte(head, 0) < 0
}
