package sqlite

import (
	"strings"

	"lifeboat/engine"
)

// statement is what the scanner learns about one statement.
type statement struct {
	keyword string // its first word, in upper case
	text    []byte // all of it, where the scanner was asked to keep it
	tokens  []token
	rows    int64 // groups of values that it inserts
	// inexact is true when it may insert another number of rows than it names.
	inexact bool

	depth  int // of parentheses
	values bool
	schema bool // the values go into the schema itself, and are looked at
	body   triggerBody
	on     string // the name behind the first ON
	wantOn bool
}

// token is one of the first tokens of a statement.
type token struct {
	kind byte // 'w' word, 'n' quoted name, 's' string, or the mark itself
	text string
}

// maxTokens is how many tokens are kept: enough to name what is created or filled, and
// for a whole line of the schema.
const maxTokens = 40

// triggerBody follows the one statement that has semicolons inside.
type triggerBody uint8

const (
	noTrigger triggerBody = iota
	inTrigger
	afterSemicolon // END may follow
	afterEnd       // and then a semicolon ends the statement
)

func (st *statement) begun() bool    { return st.keyword != "" || len(st.tokens) > 0 }
func (st *statement) inValues() bool { return st.values && st.depth > 0 && !st.schema }

func (st *statement) add(t token) {
	if len(st.tokens) < maxTokens {
		st.tokens = append(st.tokens, t)
	}
	if st.body == afterSemicolon || st.body == afterEnd {
		st.body = inTrigger
	}
}

// word takes a word that is not quoted: a keyword, a name or a number.
func (st *statement) word(w string) {
	if st.inValues() {
		return
	}
	up := strings.ToUpper(w)
	ending := st.body == afterSemicolon && up == "END"
	wanted := st.wantOn
	st.add(token{'w', w})
	switch {
	case !ending && wanted:
		st.on, st.wantOn = w, false
	case ending:
		st.body = afterEnd
	case st.keyword == "":
		st.keyword = up
	case up == "TRIGGER" && st.body == noTrigger && st.creates():
		st.body = inTrigger
	case up == "ON":
		st.inexact = st.inexact || st.values // ON CONFLICT
		st.wantOn = st.on == ""
	case up == "VALUES" && st.depth == 0 && st.inserts():
		st.values, st.schema = true, isSchema(st.target())
	case up == "SELECT" && st.inserts():
		st.inexact = true
	case up == "OR" && st.inserts() && !st.values:
		st.inexact = true // OR IGNORE, OR REPLACE
	}
}

// name takes a quoted name.
func (st *statement) name(n string) {
	if st.inValues() {
		return
	}
	st.add(token{'n', n})
	if st.wantOn {
		st.on, st.wantOn = n, false
	}
}

func (st *statement) string(s string) {
	if st.inValues() {
		return
	}
	st.add(token{'s', s})
	if st.wantOn { // SQLite takes a string for a name where only a name can stand
		st.on, st.wantOn = s, false
	}
}

// mark takes a mark other than a quote or a semicolon.
func (st *statement) mark(b byte) {
	switch b {
	case '(':
		if st.values && st.depth == 0 {
			st.rows++
		}
		st.depth++
	case ')':
		st.depth--
	}
	if !st.inValues() {
		st.add(token{b, ""})
	}
}

// semicolon reports whether a semicolon here ends the statement.
func (st *statement) semicolon() bool {
	if st.body == inTrigger || st.body == afterSemicolon {
		st.body = afterSemicolon
		return false
	}
	return true
}

// isSchema reports whether name is that of the table that lists all others.
func isSchema(name string) bool {
	return strings.EqualFold(name, "sqlite_schema") || strings.EqualFold(name, "sqlite_master")
}

func (st *statement) inserts() bool { return st.keyword == "INSERT" || st.keyword == "REPLACE" }

// creates is true while the words so far are CREATE, with TEMP at most.
func (st *statement) creates() bool {
	return st.keyword == "CREATE" && len(st.tokens) <= 3 && st.depth == 0
}

// upper is the i-th token as a keyword, empty when it is none.
func (st *statement) upper(i int) string {
	if i >= len(st.tokens) || st.tokens[i].kind != 'w' {
		return ""
	}
	return strings.ToUpper(st.tokens[i].text)
}

// nameAt reads a name, with its schema where there is one, and returns it without.
func (st *statement) nameAt(i int) string {
	isName := func(i int) bool {
		return i < len(st.tokens) && strings.IndexByte("wns", st.tokens[i].kind) >= 0
	}
	if !isName(i) {
		return ""
	}
	if i+1 < len(st.tokens) && st.tokens[i+1].kind == '.' && isName(i+2) {
		i += 2
	}
	return st.tokens[i].text
}

// target is the table that an INSERT, REPLACE, DELETE or UPDATE changes; empty for
// other statements.
func (st *statement) target() string {
	i := 1
	for st.upper(i) == "OR" {
		i += 2
	}
	switch st.keyword {
	case "INSERT", "REPLACE":
		if st.upper(i) == "INTO" {
			return st.nameAt(i + 1)
		}
	case "UPDATE":
		return st.nameAt(i)
	case "DELETE":
		if st.upper(1) == "FROM" {
			return st.nameAt(2)
		}
	}
	return ""
}

// created is the object that a CREATE makes.
func (st *statement) created() (engine.Object, bool) {
	if st.keyword != "CREATE" {
		return engine.Object{}, false
	}
	i, temporary, virtual := 1, false, false
	for {
		switch st.upper(i) {
		case "TEMP", "TEMPORARY":
			temporary = true
		case "UNIQUE":
		case "VIRTUAL":
			virtual = true
		default:
			kind := strings.ToLower(st.upper(i))
			if i++; st.upper(i) == "IF" {
				i += 3 // IF NOT EXISTS
			}
			if temporary {
				return engine.Object{}, false
			}
			return object(kind, st.nameAt(i), st.on, virtual)
		}
		i++
	}
}

// module is what a CREATE VIRTUAL TABLE makes its table with.
func (st *statement) module() string {
	for i := range st.tokens {
		if st.upper(i) == "USING" {
			return strings.ToLower(st.nameAt(i + 1))
		}
	}
	return ""
}

// virtualTable is the kind of a table that a module of SQLite makes up.
const virtualTable = "virtual table"

// object names what a database holds, in the same words for what a dump promises and
// for what was restored. What SQLite keeps for itself is no object.
func object(kind, name, table string, virtual bool) (engine.Object, bool) {
	switch {
	case name == "" || strings.HasPrefix(strings.ToLower(name), "sqlite_"):
		return engine.Object{}, false
	case virtual:
		kind = virtualTable
	case kind == "trigger":
		name = table + "." + name
	case kind != "table" && kind != "index" && kind != "view":
		return engine.Object{}, false
	}
	return engine.Object{Kind: kind, Table: engine.Table{Name: name}}, true
}
