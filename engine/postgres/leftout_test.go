package postgres

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"testing"

	"lifeboat/engine"
	"lifeboat/engine/postgres/archive"
	"lifeboat/internal/testkit/pgdumps"
)

// partlyFilled has tables whose rows a whole dump does not bring, beside ordinary ones.
const partlyFilled = `
create table orders (id int);
create table vacant (id int);
create table audit (id int, note text default 'made by hand');
create table days (day date) partition by range (day);
create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01');
create unlogged table cache (id int);
insert into orders values (1), (2);
insert into audit values (1);
insert into days values ('2026-06-01');`

func TestTablesWhoseRowsAreLeftOutAreNamed(t *testing.T) {
	t.Parallel()
	db := pgdumps.Start(t, 17).Load(t, partlyFilled)
	tests := []struct {
		name  string
		flags []string
		want  []string
	}{
		{"all rows", nil, nil},
		{"no rows of unlogged tables", []string{"--no-unlogged-table-data"}, nil},
		{"all but one", []string{"--exclude-table-data=audit"}, []string{"public.audit"}},
		{"all but a partition and an empty one", []string{"--exclude-table-data=days_2026", "--exclude-table-data=vacant"},
			[]string{"public.days_2026", "public.vacant"}},
		{"one table alone", []string{"--table=orders"}, nil},
	}
	for _, tt := range tests {
		for _, format := range [][]string{{"-Fc"}, {"-Fp"}, {"-Fp", "--inserts"}} {
			got, err := read(t.Context(), stream(db.Dump(t, append(format, tt.flags...)...)))
			var left []string
			for _, of := range got.Census.LeftOut {
				left = append(left, of.String())
			}
			if err != nil || !slices.Equal(left, tt.want) {
				t.Errorf("%s, %v: left out %v (%v), want %v", tt.name, format, left, err, tt.want)
			}
		}
	}
}

func TestAHeadingThatLostItsRowsIsDamage(t *testing.T) {
	rows := regexp.MustCompile(`(?s)\nCOPY public\.sale .*?\n\\\.\n`)
	for _, name := range []string{"13.sql", "17.sql", "17-all.sql"} {
		whole := goldens(t)[name]
		broken := rows.ReplaceAll(whole, []byte("\n"))
		if bytes.Equal(broken, whole) {
			t.Fatalf("%s: there is nothing to take out", name)
		}
		if _, err := read(t.Context(), stream(broken)); !errors.Is(err, engine.ErrCorrupt) {
			t.Errorf("%s: %v, want it called corrupt", name, err)
		}
	}
}

func TestATableOfContentsMustNameTheDataOfRows(t *testing.T) {
	s := newScanner(engine.Manifest{Format: formatCustom})
	err := s.entry(&archive.Entry{Desc: archive.TableData, Schema: "public", Tag: "orders"})
	if !errors.Is(err, engine.ErrCorrupt) {
		t.Errorf("rows without data: %v, want them called corrupt", err)
	}
}
