package sqldump

import (
	"regexp"
	"slices"
	"strings"
)

// Shell stands in Script.Commands for an argument between backquotes, which psql has a
// shell run.
const Shell = "`...`"

// psqlCommands are the names that psql knows. Others are not told: where a script is
// broken a row may stand in the place of a command, and psql only complains of it.
var psqlCommands = strings.Fields(`! ? C H T Z a bind bind_named c cd close_prepared connect conninfo copy copyright
	crosstabview d e echo edit ef elif else encoding endif errverbose ev f g gdesc getenv getresults gexec gset gx h help
	html i if include include_relative ir l list lo_export lo_import lo_list lo_unlink o out p parse password print prompt
	pset q qecho quit r reset restrict s set setenv sf sv t timing unrestrict unset w warn watch write x z`)

var (
	commandName = regexp.MustCompile(`\\(!|\?|[A-Za-z_]+)`)
	// quotedArgument matches arguments in which psql runs nothing.
	quotedArgument = regexp.MustCompile(`"[^"]*"|'(?:[^'\\]|\\.)*'`)
)

// noteCommands notes the psql commands of a line, which may hold several.
func (d *reader) noteCommands(line string) {
	line = quotedArgument.ReplaceAllString(line, "''")
	for _, found := range commandName.FindAllStringSubmatch(line, -1) {
		if slices.Contains(psqlCommands, found[1]) {
			d.noteCommand(found[0])
		}
	}
	if strings.Contains(line, "`") {
		d.noteCommand(Shell)
	}
}

func (d *reader) noteCommand(name string) {
	if !slices.Contains(d.script.Commands, name) {
		d.script.Commands = append(d.script.Commands, name)
	}
}
