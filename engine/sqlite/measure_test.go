package sqlite_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifeboat/engine"
)

// A question about a column must not cost the table its count.
func TestColumnsAskedForInVainLeaveTheCountAlone(t *testing.T) {
	_, res, err := restore(t, one(made(t, shop)))
	if err != nil {
		t.Fatal(err)
	}
	measured, err := res.DB.Measure(t.Context(), []engine.Measure{
		{Table: engine.Table{Name: "orders"}, Column: "made"},
		{Table: engine.Table{Name: "orders"}, Column: "nothing"},
		{Table: engine.Table{Name: "customers"}, Column: "name"},
		{Table: engine.Table{Name: "empty_one"}, Column: "nothing"},
		{Table: engine.Table{Name: "absent"}, Column: "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	lost := map[string]string{}
	for _, m := range measured {
		name := m.Table.Name
		switch want, known := rows[name]; {
		case m.Err != nil:
			if !errors.Is(m.Err, engine.ErrNoTable) {
				t.Errorf("%s: %v, want ErrNoTable", name, m.Err)
			}
			lost[name] += m.Err.Error()
		case known && m.Rows != want:
			t.Errorf("%s has %d rows, want %d", name, m.Rows, want)
		}
		if name == "orders" && m.Err == nil {
			want := time.Date(2026, 1, 1, 8, 20, 0, 0, time.UTC)
			if got := m.Max["made"]; !got.Equal(want) {
				t.Errorf("newest order is of %s, want %s", got, want)
			}
		}
	}
	for name, words := range map[string]string{
		"orders": "column nothing of orders is not there", "customers": "column name of customers holds no times",
		"empty_one": "is not there", "absent": "absent",
	} {
		if !strings.Contains(lost[name], words) {
			t.Errorf("%s: lost %q, want %q", name, lost[name], words)
		}
	}
}
