package engine_test

import (
	"errors"
	"strings"
	"testing"

	"lifeboat/engine"
)

func TestFindTakesTheTableAPersonMeans(t *testing.T) {
	tables := []engine.Table{
		{Schema: "archive", Name: "orders"}, {Schema: "public", Name: "orders"}, {Schema: "sales", Name: "invoices"},
		{Schema: "a", Name: "twice"}, {Schema: "b", Name: "twice"},
		{Database: "shop", Schema: "public", Name: "users"}, {Database: "blog", Schema: "public", Name: "users"},
		{Database: "blog", Schema: "public", Name: "posts"}, {Name: "bare"},
	}
	for want, name := range map[string]string{
		"public.orders": "orders", "archive.orders": "archive.orders", "sales.invoices": "invoices",
		"shop.public.users": "shop.public.users", "blog.public.posts": "posts", "bare": "bare",
	} {
		asked, err := engine.ParseTable(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := engine.Find(tables, asked); err != nil || got.String() != want {
			t.Errorf("Find(%s) = %s, %v; want %s", name, got, err, want)
		}
	}
	for name, words := range map[string]string{
		"nothing": "nothing", "sales.orders": "sales.orders", "twice": "a.twice or b.twice", "users": "name the schema or database",
		"public.users": "could be",
	} {
		asked, err := engine.ParseTable(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := engine.Find(tables, asked)
		if !errors.Is(err, engine.ErrNoTable) || !strings.Contains(err.Error(), words) {
			t.Errorf("Find(%s) = %s, %v; want ErrNoTable with %q", name, got, err, words)
		}
	}
}

func TestObjectsAreWrittenAsPeopleReadThem(t *testing.T) {
	for want, o := range map[string]engine.Object{
		`table shop."Order Lines"`:          {Kind: "table", Table: engine.Table{Schema: "shop", Name: "Order Lines"}},
		"trigger public.orders.touch twice": {Kind: "trigger", Table: engine.Table{Schema: "public", Name: "orders.touch twice"}},
		`function "A b".add(integer, text)`: {Kind: "function", Table: engine.Table{Schema: "A b", Name: "add(integer, text)"}},
		"operator ===":                      {Kind: "operator", Table: engine.Table{Name: "==="}},
	} {
		if got := o.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
