package configs

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds nesting in the text, because the YAML parser recurses; maxNodes
// bounds the text once its aliases are written out; maxMistakes bounds what a file
// full of nonsense is told.
const (
	maxDepth    = 64
	maxNodes    = 250_000
	maxMistakes = 10_000
)

// position is where something stands in the file, both from 1.
type position struct{ line, column int }

// parse returns the root of the one document in data, or reports why there is none.
func (r *reader) parse(data []byte) ast.Node {
	start := position{1, 1}
	if len(data) > MaxBytes {
		r.mistake(start, "", fmt.Sprintf("is larger than %d bytes", MaxBytes), "")
		return nil
	}
	tree, err := parseYAML(string(data))
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax) && syntax.GetToken() != nil:
		// The library's own text quotes lines of the file, secrets among them.
		r.mistake(at(syntax.GetToken()), "", "is not YAML: "+syntax.GetMessage(), "")
		return nil
	case err != nil:
		r.mistake(start, "", err.Error(), "")
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
		r.mistake(start, "", "is empty; at least sources and targets are needed", "")
	}
	return root
}

// parseYAML guards the library: it recurses without a bound, and a panic on an odd
// text must not end the service that re-reads its configuration.
func parseYAML(text string) (tree *ast.File, err error) {
	defer func() {
		if recover() != nil {
			tree, err = nil, errors.New("is not YAML")
		}
	}()
	tokens := lexer.Tokenize(text)
	if tooDeep(tokens) {
		return nil, fmt.Errorf("is nested more than %d levels deep", maxDepth)
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// tooDeep looks for nesting that costs its writer a byte or two a level: brackets,
// and marks such as "- - -". Nesting by indentation is bounded by the file's size.
func tooDeep(tokens token.Tokens) bool {
	brackets, marks := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			marks++
		default:
			marks = 0
		}
		if brackets > maxDepth || marks > maxDepth {
			return true
		}
	}
	return false
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
