package postgres

import (
	"fmt"
	"regexp"
	"strings"

	"lifeboat/engine"
)

// rule says what a message of the server or of a tool means. The first rule that
// matches decides. A pattern is anchored and catches nothing but names, so that a
// message that matches one carries no row contents; say replaces a message that
// would. Subject and say may use the pattern's groups.
type rule struct {
	pattern *regexp.Regexp
	class   engine.ErrorClass
	subject string
	hint    string
	say     string
}

// name matches a quoted name in a message.
const name = `"([^"]*(?:""[^"]*)*)"`

func when(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.ReplaceAll(pattern, "NAME", name) + `)$`)
}

const (
	hintDuplicate = "The dump itself holds rows that break its own constraint; look for them in the source database."
	hintData      = "The rows of this table did not arrive; dump the table again and compare."
	hintExtension = "Use an image that has this extension."
	hintRole      = "Create the role before a real restore, or restore with --no-owner --no-privileges."
	hintFollows   = "Look at the first error of this restore: this one usually follows from it."
	hintPath      = "A function that the restore runs names something without its schema, and dumps are restored with an empty search path. " +
		"Give the function a \"SET search_path\" of its own, or qualify the name, and dump again."
	hintOldServer = "Written by a newer pg_dump than this server knows; nothing is lost."
	hintTablespac = "Lifeboat restores everything into the default tablespace."
)

// rules are ordered: harmless special cases first, then what explains other errors,
// then losses of data.
var rules = []rule{
	// Lifeboat's empty server has these already.
	{when(`schema "public" already exists`), engine.Harmless, "schema public", "", ""},
	{when(`role NAME already exists`), engine.Harmless, "role $1", "", ""},
	{when(`database NAME already exists`), engine.Harmless, "database $1", "", ""},
	{when(`(extension|language) "plpgsql" already exists`), engine.Harmless, "$1 plpgsql", "", ""},
	{when(`procedural language "plpgsql" already exists`), engine.Harmless, "language plpgsql", "", ""},
	{when(`must be owner of (extension|language) plpgsql`), engine.Harmless, "$1 plpgsql", "", ""},
	{when(`current user cannot be dropped|session user cannot be dropped`), engine.Harmless, "role", "", ""},
	{when(`role NAME cannot be dropped because some objects depend on it`), engine.Harmless, "role $1", "", ""},
	{when(`cannot drop role NAME because it is required by the database system`), engine.Harmless, "role $1", "", ""},
	{when(`cannot drop the currently open database|cannot drop a template database`), engine.Harmless, "database", "", ""},
	{when(`permission denied to alter role|permission denied: bootstrap user must be superuser`), engine.Harmless, "role", "", ""},
	{when(`[Tt]he bootstrap (user|superuser) must (be superuser|have the SUPERUSER attribute)\.?`), engine.Harmless, "role postgres", "", ""},

	// Settings and options that other versions or other servers have.
	{when(`unrecognized configuration parameter NAME`), engine.Harmless, "setting $1", hintOldServer, ""},
	{when(`invalid command \\(un)?restrict.*`), engine.Harmless, `psql \${1}restrict`, hintOldServer, `invalid command \${1}restrict`},
	{when(`invalid value for parameter "(default_tablespace|temp_tablespaces)": NAME`), engine.Harmless, "tablespace $2", hintTablespac, ""},
	{when(`tablespace NAME does not exist`), engine.Harmless, "tablespace $1", hintTablespac, ""},
	{when(`directory "[^"]*" does not exist`), engine.Harmless, "tablespace", hintTablespac, "directory of a tablespace does not exist"},
	{when(`could not set permissions on directory "[^"]*": .*`), engine.Harmless, "tablespace", hintTablespac, "directory of a tablespace does not exist"},
	{when(`tablespace location must be an absolute path`), engine.Harmless, "tablespace", hintTablespac, ""},
	{when(`invalid (?:LC_COLLATE |LC_CTYPE )?locale name: NAME`), engine.Harmless, "locale $1", "The sandbox uses locale C instead.", ""},
	{when(`security label provider NAME is not loaded`), engine.Harmless, "security label", "", ""},
	{when(`no security label providers have been loaded`), engine.Harmless, "security label", "", ""},

	// What a bare server lacks.
	{when(`could not open extension control file "[^"]*/([^"/]+)\.control": No such file or directory`),
		engine.ExtensionAbsent, "extension $1", hintExtension, `extension "$1" is not available`},
	{when(`extension NAME is not available`), engine.ExtensionAbsent, "extension $1", hintExtension, ""},
	{when(`extension NAME has no installation script nor update path for version NAME`), engine.ExtensionAbsent, "extension $1", hintExtension, ""},
	{when(`extension NAME must be installed in schema NAME`), engine.ExtensionAbsent, "extension $1", "", ""},
	{when(`required extension NAME is not installed`), engine.ExtensionAbsent, "extension $1", hintExtension, ""},
	{when(`extension NAME does not exist`), engine.ExtensionAbsent, "extension $1", hintExtension, ""},
	{when(`(?:extension )?"?([a-z_0-9]+)"? (?:must|can only) be loaded via "?shared_preload_libraries"?.*`),
		engine.ExtensionAbsent, "extension $1", hintExtension, "extension $1 must be loaded as the server starts"},
	{when(`could not access file "(?:\$libdir/)?([^"]*)": No such file or directory`), engine.ExtensionAbsent, "library $1", hintExtension, ""},
	{when(`could not load library "[^"]*/([^"/]*)".*`), engine.ExtensionAbsent, "library $1", hintExtension, `could not load library "$1"`},
	{when(`language NAME does not exist`), engine.ExtensionAbsent, "language $1", hintExtension, ""},
	{when(`access method NAME does not exist`), engine.ExtensionAbsent, "access method $1", hintExtension, ""},
	{when(`foreign-data wrapper NAME does not exist`), engine.ExtensionAbsent, "foreign-data wrapper $1", hintExtension, ""},
	{when(`role NAME does not exist`), engine.RoleAbsent, "role $1", hintRole, ""},

	// Rows that did not arrive.
	{when(`duplicate key value violates unique constraint NAME`), engine.DataLost, "constraint $1", hintDuplicate, ""},
	{when(`could not create unique index NAME`), engine.DataLost, "index $1", hintDuplicate, ""},
	{when(`could not create exclusion constraint NAME`), engine.DataLost, "constraint $1", hintDuplicate, ""},
	{when(`conflicting key value violates exclusion constraint NAME`), engine.DataLost, "constraint $1", hintDuplicate, ""},
	{when(`insert or update on table NAME violates foreign key constraint NAME`), engine.DataLost, "$1.$2", hintDuplicate, ""},
	{when(`update or delete on table NAME violates foreign key constraint NAME on table NAME`), engine.DataLost, "$3.$2", hintDuplicate, ""},
	{when(`(?:null value in|)\s?column NAME (?:of relation NAME )?(?:violates not-null constraint|contains null values)`),
		engine.DataLost, "column $1", hintDuplicate, ""},
	{when(`new row for relation NAME violates (?:check|partition) constraint(?: NAME)?`), engine.DataLost, "table $1", hintDuplicate, ""},
	{when(`check constraint NAME (?:of relation NAME )?is violated by some row`), engine.DataLost, "constraint $1", hintDuplicate, ""},
	{when(`partition constraint (?:of relation NAME )?is violated by some row`), engine.DataLost, "table $1", hintDuplicate, ""},
	{when(`no partition of relation NAME found for row`), engine.DataLost, "table $1", hintDuplicate, ""},
	{when(`there is no unique constraint matching given keys for referenced table NAME`), engine.DataLost, "table $1", hintFollows, ""},
	{when(`invalid input syntax for (?:type )?([a-z0-9 _]+)(?:: .*)?`), engine.DataLost, "", hintData, "invalid input syntax for type $1"},
	{when(`invalid input value for enum ([^:]+): .*`), engine.DataLost, "type $1", hintData, "invalid input value for enum $1"},
	{when(`invalid byte sequence for encoding "([^"]*)".*`), engine.DataLost, "", hintData, `invalid byte sequence for encoding "$1"`},
	{when(`character with byte sequence .* in encoding "([^"]*)" has no equivalent in encoding "([^"]*)"`),
		engine.DataLost, "", hintData, `character of encoding "$1" has no equivalent in encoding "$2"`},
	{when(`unsupported Unicode escape sequence`), engine.DataLost, "", hintData, ""},
	{when(`value too long for type ([a-z0-9() ]+)`), engine.DataLost, "", hintData, ""},
	{when(`value ".*" is out of range for type ([a-z0-9 ]+)`), engine.DataLost, "", hintData, "value is out of range for type $1"},
	{when(`value for domain (\S+) violates check constraint NAME`), engine.DataLost, "domain $1", hintDuplicate, ""},
	{when(`domain (\S+) does not allow null values`), engine.DataLost, "domain $1", hintDuplicate, ""},
	{when(`(numeric field overflow|(?:integer|bigint|smallint) out of range|invalid hexadecimal data.*|literal .* found in data)`),
		engine.DataLost, "", hintData, "value is out of range or malformed"},
	{when(`date/time field value out of range: .*`), engine.DataLost, "", hintData, "date/time field value out of range"},
	{when(`malformed ([a-z]+) literal: .*`), engine.DataLost, "", hintData, "malformed $1 literal"},
	{when(`missing data for column NAME`), engine.DataLost, "column $1", hintData, ""},
	{when(`extra data after last expected column`), engine.DataLost, "", hintData, ""},
	{when(`unexpected EOF (?:on client connection with an open transaction|in COPY data)|unexpected message type .* during COPY from stdin`),
		engine.DataLost, "", hintData, "rows ended before their end"},
	{when(`COPY from stdin failed: .*`), engine.DataLost, "", hintData, "COPY from stdin failed"},
	{when(`incomplete binary data.*|end-of-copy marker .*|invalid command \\.*`), engine.DataLost, "", hintData, "rows are not where they should be"},
	{when(`(?:.*row is too big|index row (?:size|requires) .*)`), engine.DataLost, "", hintData, "a row is too large for this server"},
	{when(`large object ([0-9]+) (does not exist|already exists)`), engine.DataLost, "large object $1", hintData, ""},

	// Objects that did not arrive.
	{when(`relation NAME does not exist`), engine.DataLost, "relation $1", hintFollows, ""},
	{when(`relation NAME already exists`), engine.DataLost, "relation $1", hintFollows, ""},
	{when(`(table|view|index|sequence|schema|type|trigger|constraint|rule|policy|collation|materialized view|server|publication) NAME does not exist`),
		engine.DataLost, "$1 $2", hintFollows, ""},
	{when(`(constraint|trigger|rule|policy|column) NAME (?:of|for) (?:relation|table) NAME does not exist`), engine.DataLost, "$3.$2", hintFollows, ""},
	{when(`(function|procedure|aggregate|operator|operator class|operator family|text search [a-z]+) (.{1,200}) does not exist(?: for access method NAME)?`),
		engine.DataLost, "$1 $2", hintFollows, ""},
	{when(`column (\S+) does not exist`), engine.DataLost, "column $1", hintFollows, ""},
	{when(`(operator does not exist: .{1,200})`), engine.DataLost, "", hintFollows, ""},
	{when(`data type (\S+) has no default operator class for access method NAME`), engine.DataLost, "type $1", hintFollows, ""},
	{when(`permission denied for ([a-z ]+) (\S+)`), engine.DataLost, "$1 $2", "", ""},
	{when(`current transaction is aborted, commands ignored until end of transaction block`), engine.DataLost, "", hintFollows, ""},
	{when(`syntax error at (?:or near ".*"|end of input)`), engine.DataLost, "", "The dump holds a statement this server cannot read.", "syntax error"},
	{when(`unterminated (quoted string|quoted identifier|dollar-quoted string|/\* comment).*`), engine.DataLost, "", hintFollows, "unterminated $1"},

	{when(`\\connect: .*|connection to server .* failed: .*`), engine.DataLost, "", "The rest of the dump belongs to a database that could not be created.",
		"could not connect to the database the dump goes on in"},

	// The archive itself.
	{when(`could not read from input file: (?:end of file|.*)`), engine.DataLost, "archive", "The dump ends early or is damaged.", "could not read from input file"},
	{when(`could not find block ID [0-9]+ in archive.*`), engine.DataLost, "archive", "The dump ends early or is damaged.", "a table's data is not in the archive"},
	{when(`(could not (?:uncompress|decompress|initialize|inflate).*)`), engine.DataLost, "archive", "The dump is damaged.", "could not decompress data"},
	{when(`unsupported version \(([0-9.]+)\) in file header`), engine.DataLost, "archive", "The dump was written by a newer pg_dump; use an image of its version.", ""},
	{when(`(?:input file )?(?:does not appear to be a valid archive|is too short.*|appears to be a text format dump.*)`),
		engine.DataLost, "archive", "This is not the archive it claims to be.", "not a valid archive"},
	{when(`corrupt tar header found in .*|could not find header for file .*`), engine.DataLost, "archive", "The dump is damaged.", "corrupt tar header"},
	{when(`could not open (?:input file|large object TOC file|TOC file) .*`), engine.DataLost, "archive", "A file of the dump is missing.", "a file of the dump is missing"},
}

// Accidents of the sandbox, which the loader reports as such.
var (
	noSpaceWords  = regexp.MustCompile(`No space left on device|could not extend file|Disk quota exceeded`)
	noMemoryWords = regexp.MustCompile(`^out of memory|^could not fork|Cannot allocate memory|^out of shared memory`)
	lostWords     = regexp.MustCompile(`server closed the connection unexpectedly|connection to server was lost|` +
		`terminating connection because of crash|the database system is in recovery mode|a worker process died unexpectedly|` +
		`no connection to the server|could not connect to server|connection to server .* failed|SSL SYSCALL error`)
)

// cleaning matches the statements of pg_dump --clean, which fail on an empty server.
var cleaning = regexp.MustCompile(`^(DROP [A-Z]|ALTER TABLE (IF EXISTS )?(ONLY )?\S+ (DROP CONSTRAINT|DETACH PARTITION|ALTER COLUMN \S+ DROP DEFAULT)|` +
	`ALTER DATABASE \S+ IS_TEMPLATE|UPDATE pg_catalog\.pg_database SET datistemplate|ALTER PUBLICATION \S+ DROP)`)

// inserting matches a statement that brings rows.
var inserting = regexp.MustCompile(`^(?:INSERT INTO|COPY) ((?:"[^"]*"|[^\s("]+)+)`)

// nothingThere matches what a DROP says that found nothing to drop.
var nothingThere = regexp.MustCompile(` does not exist(, skipping)?$| does not exist for access method | is not a partition of relation `)

// classify says what an error means.
func (t *transcript) classify(c complaint) engine.RestoreError {
	t.noSpace = t.noSpace || noSpaceWords.MatchString(c.message)
	t.noMemory = t.noMemory || noMemoryWords.MatchString(c.message)
	t.lostServer = t.lostServer || lostWords.MatchString(c.message)
	if cleaning.MatchString(c.statement) && nothingThere.MatchString(c.message) {
		return engine.RestoreError{Class: engine.Harmless, Subject: "clean-up before the restore", Message: readable(c.message),
			Hint: "The dump was made with --clean and dropped what an empty server does not have."}
	}
	if c.raisedBy != "" { // in words of its own, which may be made of rows
		return t.explain(engine.RestoreError{Class: engine.Unclassified, Message: "an exception raised by " + c.raisedBy}, c)
	}
	for _, r := range rules {
		m := r.pattern.FindStringSubmatchIndex(c.message)
		if m == nil {
			continue
		}
		expand := func(template string) string {
			return string(r.pattern.ExpandString(nil, template, c.message, m))
		}
		e := engine.RestoreError{Class: r.class, Subject: expand(r.subject), Message: c.message, Hint: r.hint}
		if r.say != "" {
			e.Message = expand(r.say)
		}
		return t.explain(e, c)
	}
	return t.explain(engine.RestoreError{Class: engine.Unclassified, Message: readable(c.message)}, c)
}

// explain completes e by what was being restored, and by what other errors told.
func (t *transcript) explain(e engine.RestoreError, c complaint) engine.RestoreError {
	switch {
	case c.table != "":
		e.Subject = "table " + c.table
	case e.Subject != "":
	case c.item != "":
		e.Subject = c.item
	case inserting.MatchString(c.statement):
		e.Subject = "table " + inserting.FindStringSubmatch(c.statement)[1]
	case c.line != "":
		e.Subject = "line " + c.line + " of the script"
	}
	switch e.Class {
	case engine.ExtensionAbsent:
		extension, ok := strings.CutPrefix(e.Subject, "extension ")
		if !ok {
			break
		}
		t.absent = extension
		if image := imageWith(extension, t.major); image != "" {
			e.Hint = fmt.Sprintf("Use an image that has this extension: image: %s", image)
		}
	case engine.DataLost:
		switch {
		case e.Hint != hintFollows:
		case t.absent != "":
			e.Hint = fmt.Sprintf("Follows from the absence of extension %s.", t.absent)
		case c.within:
			e.Hint = hintPath
		}
	}
	return e
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	telling  = regexp.MustCompile(`\S*[0-9@]\S*`)
	maxWords = 300
)

// readable keeps of an unknown message what can hardly be row contents: no quoted
// parts, nothing with a digit or an @ in it, and not more than a few lines.
func readable(message string) string {
	s := quoted.ReplaceAllString(message, `"…"`)
	s = telling.ReplaceAllString(s, "…")
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return s
}
