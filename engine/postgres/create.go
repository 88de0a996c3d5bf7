package postgres

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

// createStatement is what a dump says about one of its databases.
type createStatement struct {
	name     string
	encoding string
	options  string // encoding, locale and provider, as the dump wrote them
}

var (
	createDatabase = regexp.MustCompile(`^CREATE DATABASE ("(?:[^"]|"")+"|[^\s";]+)(?: WITH)?([^;]*);`)
	// localeOption matches the options that a server has to know, with their values.
	localeOption   = regexp.MustCompile(`\b(ENCODING|LOCALE_PROVIDER|LOCALE|LC_COLLATE|LC_CTYPE|ICU_LOCALE|ICU_RULES|BUILTIN_LOCALE) = ('(?:[^']|'')*'|[a-z]+)`)
	encodingOption = regexp.MustCompile(`\bENCODING = '([A-Za-z0-9_]+)'`)
)

// parseCreate reads a CREATE DATABASE statement as pg_dump writes it.
func parseCreate(line string) (createStatement, bool) {
	m := createDatabase.FindStringSubmatch(line)
	if m == nil {
		return createStatement{}, false
	}
	c := createStatement{name: m[1]}
	if q, ok := strings.CutPrefix(m[1], `"`); ok {
		c.name = strings.ReplaceAll(strings.TrimSuffix(q, `"`), `""`, `"`)
	}
	c.options = strings.Join(localeOption.FindAllString(m[2], -1), " ")
	if e := encodingOption.FindStringSubmatch(m[2]); e != nil {
		c.encoding = e[1]
	}
	return c, true
}

// statements is a writer that remembers the CREATE DATABASE statements that pass.
type statements struct {
	found []createStatement
	buf   []byte // what has to be looked at again together with what follows
}

// marker begins a statement; statementSize bounds what is kept of one.
var marker = []byte("\nCREATE DATABASE ")

const (
	statementSize = 4 << 10
	maxDatabases  = 1000
)

// Write implements io.Writer. It never fails.
func (s *statements) Write(p []byte) (int, error) {
	if len(s.found) < maxDatabases {
		s.buf = append(s.buf, p...)
		s.buf = append(s.buf[:0], s.scan(s.buf)...)
	}
	return len(p), nil
}

// scan takes the whole statements in p and returns the rest in which one may begin.
func (s *statements) scan(p []byte) []byte {
	for {
		i := bytes.Index(p, marker)
		if i < 0 {
			return p[max(0, len(p)-len(marker)+1):]
		}
		statement := p[i+1:]
		end := bytes.IndexByte(statement, '\n')
		switch {
		case end >= 0:
			if c, ok := parseCreate(string(statement[:end])); ok {
				s.add(c)
			}
			p = statement[end:]
		case len(statement) < statementSize:
			return p[i:]
		default:
			p = statement
		}
	}
}

func (s *statements) add(c createStatement) {
	for _, f := range s.found {
		if f.name == c.name {
			return
		}
	}
	s.found = append(s.found, c)
}

// createDatabases creates the databases of a dump with their own encoding and locale,
// and returns the one to run the tool on. A locale that the server does not know is
// replaced by C, and noted: the dump's own CREATE DATABASE would have failed.
func (l *loader) createDatabases(ctx context.Context, admin *session, m engine.Manifest) (string, []engine.Skipped, error) {
	target := m.Database
	var wanted []createStatement
	switch m.Format {
	case formatCluster:
		target, wanted = "postgres", l.created.found
	case formatPlain:
		wanted = l.created.found
		if target == "" && len(wanted) == 1 {
			target = wanted[0].name
		}
	default:
		wanted = l.statementOf(ctx)
	}
	if target == "" {
		target = "restored"
	}
	if m.Format != formatCluster && (len(wanted) == 0 || wanted[0].name != target) {
		wanted = append([]createStatement{{name: target}}, wanted...)
	}
	var notes []engine.Skipped
	for _, c := range wanted {
		note, err := createOne(ctx, admin, c)
		if err != nil {
			return "", nil, err
		}
		if note != "" {
			notes = append(notes, engine.Skipped{Subject: "database " + c.name, Reason: note})
		}
	}
	return target, notes, nil
}

// statementOf asks pg_restore for the CREATE DATABASE statement in an archive, which
// not every archive has.
func (l *loader) statementOf(ctx context.Context) []createStatement {
	var s statements
	s.Write([]byte{'\n'})
	// Whatever goes wrong here will go wrong again in the restore itself.
	l.box.Exec(ctx, sandbox.Cmd{
		Args: []string{"bash", "-c", `"$1" -C -s --section=pre-data -f - "$2" 2>/dev/null | head -c 65536`, "head",
			l.program("pg_restore"), l.dumpPath()},
		Env: []string{"LC_ALL=C"}, Stdout: &s, Stderr: io.Discard,
	})
	return s.found[:min(len(s.found), 1)]
}

// createOne creates a database. When its own locale is unknown here it gets another
// one, and the note says so.
func createOne(ctx context.Context, admin *session, c createStatement) (note string, err error) {
	exists, err := admin.rows(ctx, "SELECT 1 FROM pg_database WHERE datname = "+literal(c.name))
	if err != nil {
		return "", admin.server.accident(ctx, "look for database", err)
	}
	if len(exists) > 0 {
		return "", nil
	}
	encoding := c.encoding
	if encoding == "" {
		encoding = "UTF8"
	}
	create := "CREATE DATABASE " + ident(c.name) + " TEMPLATE template0 "
	tries := []string{create + c.options}
	if encoding == "UTF8" {
		tries = append(tries, create+"ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
	}
	tries = append(tries, create+"ENCODING "+literal(encoding)+" LC_COLLATE 'C' LC_CTYPE 'C'")
	var first error
	for i, sql := range tries {
		_, err := admin.run(ctx, sql)
		if err == nil {
			if i > 0 {
				return fmt.Sprintf("created with locale C: the server lacks its own (%s)", c.options), nil
			}
			return "", nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil || admin.conn.IsClosed() {
			break
		}
	}
	return "", admin.server.accident(ctx, "create database "+c.name, first)
}
