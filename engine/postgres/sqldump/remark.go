package sqldump

import "strings"

// section is what the comment above a statement says about it.
type section struct {
	desc, tag, schema string
	taken             bool // by a statement that creates it
	loaded            bool // by a statement with rows
}

// Remarks that pg_dump and pg_dumpall write.
const (
	dumpBegins    = "PostgreSQL database dump"
	clusterBegins = "PostgreSQL database cluster dump"
	complete      = " complete"
	fromServer    = "Dumped from database version "
	byTool        = "Dumped by pg_dump version "
	tableData     = "TABLE DATA"
)

// comment reads one comment line.
func (d *reader) comment(line string) {
	text := strings.TrimSpace(strings.TrimPrefix(line, "--"))
	switch {
	case text == dumpBegins:
		d.script.Dumped = true
		d.opened++
		d.schema, d.sql.Escapes = "", false
	case text == clusterBegins:
		d.script.Dumped, d.script.Cluster = true, true
		d.opened++
	case text == dumpBegins+complete, text == clusterBegins+complete:
		d.closed++
		d.after = true
		d.begin(section{})
	case strings.HasPrefix(text, fromServer) && d.script.ServerVersion == "":
		d.script.ServerVersion = text[len(fromServer):]
	case strings.HasPrefix(text, byTool) && d.script.ToolVersion == "":
		d.script.ToolVersion = text[len(byTool):]
	default:
		if s, ok := parseSection(text); ok {
			d.begin(s)
		}
	}
}

// begin starts a section. If the one before was to hold the rows of a table and no
// statement loaded any, its heading is all there is to an empty table.
func (d *reader) begin(next section) {
	if s := d.section; s.desc == tableData && !s.loaded {
		d.handler.Rows(Rows{Database: d.database, Schema: s.schema, Name: s.tag, Heading: true})
	}
	d.section = next
}

// parseSection reads "Name: orders; Type: TABLE; Schema: public; Owner: shop".
func parseSection(text string) (section, bool) {
	text = strings.TrimPrefix(text, "Data for ")
	text, ok := strings.CutPrefix(text, "Name: ")
	if !ok {
		return section{}, false
	}
	text, _, ok = cutLast(text, "; Owner: ")
	if !ok {
		return section{}, false
	}
	text, schema, ok := cutLast(text, "; Schema: ")
	if !ok {
		return section{}, false
	}
	tag, desc, ok := cutLast(text, "; Type: ")
	if schema == "-" {
		schema = ""
	}
	return section{desc: desc, tag: tag, schema: schema}, ok
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// oneLine is what pg_dump makes of a name in a comment.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

// OneLine is name as the headings of a dump have it: line ends become blanks.
func OneLine(name string) string { return oneLine.Replace(name) }

// command reads one psql command.
func (d *reader) command(line string) {
	name, args, _ := strings.Cut(strings.TrimSpace(line), " ")
	d.noteCommands(line)
	switch name {
	case `\connect`, `\c`:
		d.connect(args)
	case `\unrestrict`, `\restrict`:
	default:
		d.after = false
	}
}

// connect follows the script to another database.
func (d *reader) connect(args string) {
	args = strings.TrimSpace(args)
	if strings.HasPrefix(args, "-reuse-previous=") {
		_, args, _ = strings.Cut(args, " ")
	}
	d.begin(section{})
	if name := databaseName(strings.TrimSpace(args)); name != "" {
		d.database = name
		if !d.script.Cluster {
			d.script.Database = name
		}
	}
}

// databaseName reads the first argument of \connect: a name, a quoted one, or a quoted
// connection string "dbname='...'".
func databaseName(arg string) string {
	if !strings.HasPrefix(arg, `"`) {
		name, _, _ := strings.Cut(arg, " ")
		if unquoted, ok := strings.CutPrefix(name, "'"); ok {
			name = strings.TrimSuffix(unquoted, "'")
		}
		return strings.TrimPrefix(name, "dbname=")
	}
	end := 1
	for end < len(arg) && arg[end] != '"' || end+1 < len(arg) && arg[end+1] == '"' {
		if arg[end] == '"' {
			end++
		}
		end++
	}
	name := strings.ReplaceAll(arg[1:min(end, len(arg))], `""`, `"`)
	value, ok := strings.CutPrefix(name, "dbname=")
	if !ok {
		return name
	}
	value = strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(value)
}
