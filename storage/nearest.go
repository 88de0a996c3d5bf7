package storage

import (
	"cmp"
	"slices"
)

const (
	nearNames = 5
	// nearSeen bounds the names compared: it is a hint, not a search.
	nearSeen = 10_000
)

// nearest remembers the names that come closest to a pattern.
type nearest struct {
	shape []rune
	best  []nearName
	seen  int
}

type nearName struct {
	key  string
	cost int
}

func (n *nearest) add(key string) {
	if n.seen >= nearSeen {
		return
	}
	n.seen++
	name := nearName{key, editsToMatch(n.shape, []rune(key))}
	at, _ := slices.BinarySearchFunc(n.best, name, func(a, b nearName) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.key, b.key))
	})
	if at < nearNames {
		n.best = slices.Insert(n.best, at, name)
		n.best = n.best[:min(len(n.best), nearNames)]
	}
}

func (n *nearest) names() []string {
	var names []string
	for _, b := range n.best {
		names = append(names, b.key)
	}
	return names
}

// editsToMatch is the least number of characters to insert, delete or replace in key
// so that it matches the shape of a pattern, whose wildcards match anything.
func editsToMatch(shape, key []rune) int {
	row := make([]int, len(key)+1) // cost of matching shape[:i] with key[:j]
	for j := range row {
		row[j] = j
	}
	for _, want := range shape {
		diagonal := row[0]
		if want != anyRun {
			row[0]++
		}
		for j, have := range key {
			above, left := row[j+1], row[j]
			switch {
			case want == anyRun:
				row[j+1] = min(above, left)
			case want == anyOne || want == have:
				row[j+1] = min(diagonal, above+1, left+1)
			default:
				row[j+1] = min(diagonal, above, left) + 1
			}
			diagonal = above
		}
	}
	return row[len(key)]
}
