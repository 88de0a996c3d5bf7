package configs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth and maxEntries bound what the YAML parser is given, see excess; maxNodes
// bounds the text once its aliases are written out; maxMistakes bounds what a file
// full of nonsense is told.
const (
	maxDepth    = 64
	maxEntries  = 20_000
	maxNodes    = 1_000_000
	maxMistakes = 10_000
)

// position is where something stands in the file, both from 1.
type position struct{ line, column int }

// parse returns the root of the one document in data, or reports why there is none.
func (r *reader) parse(data []byte) ast.Node {
	top := position{1, 1}
	if len(data) > MaxBytes {
		r.mistake(top, "", fmt.Sprintf("is larger than %d bytes", MaxBytes), "")
		return nil
	}
	tree, spot, rule := parseYAML(string(data))
	if rule != "" {
		r.mistake(spot, "", rule, "")
		return nil
	}
	var root ast.Node
	for _, doc := range tree.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			r.mistake(r.start(doc.Body), "", "is a second document; a configuration is one document", "")
			return nil
		}
		root = doc.Body
	}
	if root == nil {
		r.mistake(top, "", "is empty; at least sources and targets are needed", "")
	}
	return root
}

// parseYAML guards the library, which recurses without a bound, may panic on an odd
// text, and quotes lines of the file, secrets among them, in the text of its errors.
func parseYAML(text string) (tree *ast.File, spot position, rule string) {
	spot = position{1, 1}
	defer func() {
		if recover() != nil {
			tree, rule = nil, "is not YAML"
		}
	}()
	tokens := lexer.Tokenize(strings.TrimPrefix(text, "\ufeff")) // some editors begin a file with this mark
	if t, rule := excess(tokens); t != nil {
		return nil, at(t), rule
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax):
		return nil, at(syntax.GetToken()), "is not YAML: " + syntax.GetMessage()
	case err != nil:
		return nil, spot, "is not YAML"
	}
	return tree, spot, ""
}

// excess finds what would make the parser overflow its stack or take minutes:
// nesting that costs a byte or two a level (brackets, and marks such as "- - -"; by
// indentation the file's size bounds it), and very many entries side by side, for
// which it takes quadratic time.
func excess(tokens token.Tokens) (*token.Token, string) {
	type column struct{ at, entries int }
	var open []int // entries within each open bracket
	var block []column
	marks, line := 0, 0
	for _, t := range tokens {
		marks++
		entries := 0
		switch t.Type {
		case token.CommentType:
			continue
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, 0)
		case token.SequenceEndType, token.MappingEndType:
			open, marks = open[:max(0, len(open)-1)], 0
		case token.CollectEntryType:
			if len(open) > 0 {
				open[len(open)-1]++
				entries = open[len(open)-1]
			}
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
		default:
			marks = 0
		}
		if spot := at(t); spot.line != line {
			line = spot.line
			for len(block) > 0 && block[len(block)-1].at > spot.column {
				block = block[:len(block)-1]
			}
			if len(block) == 0 || block[len(block)-1].at < spot.column {
				block = append(block, column{at: spot.column})
			}
			block[len(block)-1].entries++
			entries = max(entries, block[len(block)-1].entries)
		}
		switch {
		case len(open) > maxDepth || marks > maxDepth:
			return t, fmt.Sprintf("is nested more than %d levels deep", maxDepth)
		case entries > maxEntries:
			return t, fmt.Sprintf("is one of more than %d entries side by side", maxEntries)
		}
	}
	return nil, ""
}

func at(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{max(1, t.Position.Line), max(1, t.Position.Column)}
}

// start is where a value begins: a block mapping at its first key.
func (r *reader) start(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return at(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return at(n.Key.GetToken())
	}
	return at(n.GetToken())
}

// value looks through anchors and aliases. It returns nil when it has reported
// that there is no value to look at.
func (r *reader) value(n ast.Node, path string) ast.Node {
	for range maxDepth {
		if !r.afford(1, n, path) {
			return nil
		}
		switch x := n.(type) {
		case *ast.AnchorNode:
			r.anchors[x.Name.GetToken().Value] = x.Value
			n = x.Value
		case *ast.AliasNode:
			target, ok := r.anchors[x.Value.GetToken().Value]
			if !ok {
				r.mistake(at(x.GetToken()), path, "is an alias of an anchor that was not written before", "")
				return nil
			}
			n = target
		case *ast.TagNode:
			r.mistake(at(x.GetToken()), path, "has a YAML tag; tags are not used here", "")
			return nil
		case nil:
			return nil
		default:
			return n
		}
	}
	r.mistake(r.start(n), path, "is an alias of itself", "")
	return nil
}

// afford counts nodes looked at and reports, once, when there are too many: an
// alias makes a long list out of a few letters.
func (r *reader) afford(nodes int, n ast.Node, path string) bool {
	had := r.nodes <= maxNodes
	r.nodes += nodes
	if had && r.nodes > maxNodes {
		r.mistake(r.start(n), path, "is too large once its aliases are written out", "")
	}
	return r.nodes <= maxNodes
}

// pair is one key of a mapping with its value.
type pair struct {
	key   string
	spot  position
	value ast.Node
}

// pairs lists the keys of a mapping in their order, merged ones ("<<") last and
// only where the mapping has no such key itself.
func (r *reader) pairs(n ast.Node, path string) []pair {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	if !r.afford(len(values), n, path) {
		return nil
	}
	var own, merged []pair
	first := make(map[string]int)
	for _, v := range values {
		spot := at(v.Key.GetToken())
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, r.merged(v.Value, path)...)
			continue
		}
		key, ok := keyText(v.Key)
		if !ok {
			r.mistake(spot, path, "has a key that is not plain text", "")
			continue
		}
		if line, twice := first[key]; twice {
			r.mistake(spot, join(path, shownKey(key)), fmt.Sprintf("is written twice; first in line %d", line), "")
			continue
		}
		first[key] = spot.line
		own = append(own, pair{key, spot, v.Value})
	}
	for _, m := range merged {
		if _, has := first[m.key]; !has {
			first[m.key] = m.spot.line
			own = append(own, m)
		}
	}
	return own
}

// merged lists the keys that "<<" brings in.
func (r *reader) merged(n ast.Node, path string) []pair {
	spot := r.start(n)
	if r.merging == maxDepth {
		r.mistake(spot, path, "merges itself", "")
		return nil
	}
	r.merging++
	defer func() { r.merging-- }()
	switch n := r.value(n, path).(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return r.pairs(n, path)
	case nil:
	default:
		r.mistake(spot, path, "merges something that is not a mapping", "")
	}
	return nil
}

func keyText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
