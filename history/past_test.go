package history_test

import (
	"fmt"
	"testing"

	"lifeboat/engine"
	"lifeboat/history"
	"lifeboat/verify"
)

func TestChartsAreGivenAllTablesUnlessThereAreVeryMany(t *testing.T) {
	var tables []verify.Table
	for i := range 5000 {
		tables = append(tables, verify.Table{Table: engine.Table{Schema: "public", Name: fmt.Sprintf("t%d", i)}, Rows: int64(i)})
	}
	few := history.Largest(tables[:100])
	if len(few) != 100 || few["public.t0"] != 0 || few["public.t99"] != 99 {
		t.Errorf("of 100 tables %d are given: %v", len(few), few)
	}
	many := history.Largest(tables)
	if _, there := many["public.t4899"]; len(many) != 100 || there || many["public.t4900"] != 4900 || many["public.t4999"] != 4999 {
		t.Errorf("of 5,000 tables %d are given, not the 100 largest: %v", len(many), many)
	}
	if tables[0].Rows != 0 || tables[4999].Rows != 4999 {
		t.Error("the report's own order of tables was changed")
	}
}
