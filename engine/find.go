package engine

import "fmt"

// Find is the one of tables that a person means by want. A name that is given in
// full is that table. One without a schema is the table of that name in the schema
// public, else the only table of that name; likewise a name without a database.
// The error wraps ErrNoTable when there is none, and when several could be meant.
func Find(tables []Table, want Table) (Table, error) {
	var found []Table
	public := -1
	for _, t := range tables {
		switch {
		case t == want:
			return t, nil
		case t.Name != want.Name,
			want.Schema != "" && t.Schema != want.Schema,
			want.Database != "" && t.Database != want.Database:
			continue
		}
		if want.Schema == "" && t.Schema == "public" {
			if public < 0 {
				public = len(found)
			} else {
				public = len(tables) // public in several databases: no preference
			}
		}
		found = append(found, t)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case public >= 0 && public < len(found):
		return found[public], nil
	case len(found) == 0:
		return Table{}, fmt.Errorf("%w: %s", ErrNoTable, want)
	}
	return Table{}, fmt.Errorf("%w: %s could be %s or %s; name the schema or database as well",
		ErrNoTable, want, found[0], found[1])
}
