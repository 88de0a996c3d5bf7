package sqltext

import "strings"

// Words reads a statement from its beginning as a row of words, names, strings and
// single characters, for the few statements whose meaning matters.
type Words struct {
	rest string
}

// Read returns the words of sql.
func Read(sql string) *Words { return &Words{rest: sql} }

// Accept passes over the given keywords if they come next, all of them, and reports
// whether they did.
func (w *Words) Accept(keywords ...string) bool {
	rest := w.rest
	for _, k := range keywords {
		tok, tail := token(rest)
		if !strings.EqualFold(tok, k) {
			return false
		}
		rest = tail
	}
	w.rest = rest
	return true
}

// AcceptAny passes over one of the keywords and returns it, or "".
func (w *Words) AcceptAny(keywords ...string) string {
	for _, k := range keywords {
		if w.Accept(k) {
			return k
		}
	}
	return ""
}

// Name reads a name that may carry its schema. Plain names are folded to lower case,
// as the server does; quoted ones are taken as they are.
func (w *Words) Name() (schema, name string, ok bool) {
	name, ok = w.Ident()
	for ok && w.Accept(".") {
		schema = name
		name, ok = w.Ident()
	}
	return schema, name, ok
}

// Ident reads one name without a schema.
func (w *Words) Ident() (string, bool) {
	tok, tail := token(w.rest)
	switch {
	case tok == "":
		return "", false
	case tok[0] == '"' && len(tok) > 1:
		w.rest = tail
		return strings.ReplaceAll(tok[1:len(tok)-1], `""`, `"`), true
	case class[tok[0]] == letter:
		w.rest = tail
		return strings.ToLower(tok), true
	}
	return "", false
}

// String reads a string constant, without the meaning of escapes in it.
func (w *Words) String() (string, bool) {
	tok, tail := token(w.rest)
	if len(tok) < 2 || tok[0] != '\'' {
		return "", false
	}
	w.rest = tail
	return strings.ReplaceAll(tok[1:len(tok)-1], "''", "'"), true
}

// Skip passes over the next token and reports whether there was one.
func (w *Words) Skip() bool {
	tok, tail := token(w.rest)
	w.rest = tail
	return tok != ""
}

// SkipTo passes over everything up to and including the keyword, outside of
// parentheses, and reports whether it came.
func (w *Words) SkipTo(keyword string) bool {
	depth := 0
	for {
		tok, tail := token(w.rest)
		if tok == "" {
			return false
		}
		w.rest = tail
		switch {
		case tok == "(":
			depth++
		case tok == ")":
			depth--
		case depth == 0 && strings.EqualFold(tok, keyword):
			return true
		}
	}
}

// token cuts the first token off s; it is empty at the end, or when a quoted token
// has no end.
func token(s string) (tok, tail string) {
	s = strings.TrimLeft(s, " \t\r\n\f\v")
	if s == "" {
		return "", ""
	}
	switch {
	case s[0] == '"' || s[0] == '\'':
		for i := 1; i < len(s); i++ {
			if s[i] != s[0] {
				continue
			}
			if i+1 < len(s) && s[i+1] == s[0] {
				i++
				continue
			}
			return s[:i+1], s[i+1:]
		}
		return "", ""
	case inWord[s[0]]:
		i := 1
		for i < len(s) && inWord[s[i]] {
			i++
		}
		return s[:i], s[i:]
	}
	return s[:1], s[1:]
}

// Rest is what has not been read.
func (w *Words) Rest() string { return w.rest }
