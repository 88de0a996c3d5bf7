package postgres

import (
	"slices"
	"strings"
	"testing"

	"lifeboat/engine"
)

// sick is a plain dump with one table for each kind of damage, and healthy ones that
// look like it.
const sick = `--
-- PostgreSQL database dump
--

-- Dumped from database version 15.18
-- Dumped by pg_dump version 15.18

CREATE TABLE public.indexed (id integer PRIMARY KEY, body text);
INSERT INTO public.indexed SELECT i, md5(i::text) FROM generate_series(1, 5000) i;
CREATE INDEX broken ON public.indexed (body);
CREATE INDEX unfinished ON public.indexed (body, id);
UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = 'public.unfinished'::regclass;
CREATE TABLE public.heap (id integer PRIMARY KEY);
INSERT INTO public.heap SELECT generate_series(1, 5000);
CREATE TABLE public.untouched (id integer PRIMARY KEY, body text);
INSERT INTO public.untouched SELECT i, 'x' FROM generate_series(1, 5000) i;

CREATE TABLE public.behind (id serial PRIMARY KEY);
INSERT INTO public.behind SELECT generate_series(1, 10);
SELECT pg_catalog.setval('public.behind_id_seq', 3, true);
CREATE TABLE public.unused (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO public.unused OVERRIDING SYSTEM VALUE VALUES (1);
CREATE TABLE public.down (id serial PRIMARY KEY);
ALTER SEQUENCE public.down_id_seq INCREMENT -1 MINVALUE -100 MAXVALUE -1 START -1 RESTART;
INSERT INTO public.down VALUES (-1), (-2);
CREATE TABLE public.at_end (id serial PRIMARY KEY);
INSERT INTO public.at_end SELECT generate_series(1, 10);
SELECT pg_catalog.setval('public.at_end_id_seq', 10, true);
CREATE TABLE public.ahead (id serial PRIMARY KEY);
INSERT INTO public.ahead VALUES (1);
SELECT pg_catalog.setval('public.ahead_id_seq', 2, false);
-- Two machines share this table: one gives odd numbers, the other even ones.
CREATE TABLE public.odd (id serial PRIMARY KEY);
ALTER SEQUENCE public.odd_id_seq INCREMENT 2;
INSERT INTO public.odd VALUES (1), (3), (100);
SELECT pg_catalog.setval('public.odd_id_seq', 3, true);
CREATE TABLE public.odd_behind (id serial PRIMARY KEY);
ALTER SEQUENCE public.odd_behind_id_seq INCREMENT 2;
INSERT INTO public.odd_behind VALUES (1), (3), (101);
SELECT pg_catalog.setval('public.odd_behind_id_seq', 3, true);
CREATE TABLE public.again (id serial PRIMARY KEY);
ALTER SEQUENCE public.again_id_seq CYCLE;
INSERT INTO public.again VALUES (50);
CREATE TABLE public.repeats (id serial);
INSERT INTO public.repeats VALUES (50);

CREATE TABLE public.parent (a integer, b integer, PRIMARY KEY (a, b));
INSERT INTO public.parent VALUES (1, 1);
CREATE TABLE public.orphans (a integer, b integer, CONSTRAINT has_parent FOREIGN KEY (a, b) REFERENCES public.parent);
ALTER TABLE public.orphans DISABLE TRIGGER ALL;
INSERT INTO public.orphans VALUES (1, 1), (1, 2), (NULL, 5);
ALTER TABLE public.orphans ENABLE TRIGGER ALL;
CREATE TABLE public.family (a integer, b integer, CONSTRAINT has_parent FOREIGN KEY (a, b) REFERENCES public.parent);
INSERT INTO public.family VALUES (1, 1), (NULL, 7), (NULL, NULL);
CREATE TABLE public.full_orphans (a integer, b integer, CONSTRAINT whole FOREIGN KEY (a, b) REFERENCES public.parent MATCH FULL);
ALTER TABLE public.full_orphans DISABLE TRIGGER ALL;
INSERT INTO public.full_orphans VALUES (NULL, 5);

CREATE COLLATION public.old (provider = icu, locale = 'de');
UPDATE pg_catalog.pg_collation SET collversion = '1.0' WHERE collname = 'old';
CREATE COLLATION public.current (provider = icu, locale = 'fr');

--
-- PostgreSQL database dump complete
--

`

func TestEachKindOfDamageIsFound(t *testing.T) {
	t.Parallel()
	d := drill(t, textDump(sick))
	d.clean(t)
	// The bytes of an index and of a table change while the server is down.
	shell(t, d.loader, `
		index=$(psql -XAtc "SELECT pg_relation_filepath('public.broken')" restored)
		heap=$(psql -XAtc "SELECT pg_relation_filepath('public.heap')" restored)
		psql -Xqc CHECKPOINT restored
		pg_ctl -D data -w -m fast stop >/dev/null
		head -c 2048 /dev/zero | dd of="data/$index" bs=1 seek=$((8192 * 2 + 4096)) conv=notrunc status=none
		printf '\377\377\377\377' | dd of="data/$heap" bs=1 seek=$((8192 + 8000)) conv=notrunc status=none
		pg_ctl -D data -w -l /dev/null start >/dev/null`, "")

	found, err := d.restored.DB.Soundness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found.Findings {
		got = append(got, string(f.Kind)+" "+f.Subject)
		t.Logf("%s %s: %s (%s, expected %s)", f.Kind, f.Subject, f.Detail, f.Observed, f.Expected)
	}
	want := []string{
		"collation_mismatch public.old",
		"constraint_violated public.full_orphans.whole",
		"constraint_violated public.orphans.has_parent",
		"index_corrupt public.broken",
		"index_corrupt public.unfinished",
		"sequence_behind public.behind_id_seq",
		"sequence_behind public.down_id_seq",
		"sequence_behind public.odd_behind_id_seq",
		"sequence_behind public.unused_id_seq",
		"table_corrupt public.heap",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got findings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	t.Logf("checked %q, skipped %v", found.Checked, found.Skipped)
}

func TestChecksThatDoNotFitIntoTheirTimeAreNamed(t *testing.T) {
	t.Parallel()
	x := &examination{looked: make(map[string]int), skipped: make(map[skip]int)}
	if err := x.batch(t.Context(), nil, nil, []task{{what: "index"}, {what: "index"}, {what: "table"}}); err != nil {
		t.Fatal(err)
	}
	got := x.result()
	want := []engine.Skipped{{Subject: "1 table", Reason: outOfTime}, {Subject: "2 indexes", Reason: outOfTime}}
	if !slices.Equal(got.Skipped, want) || len(got.Checked) != 0 {
		t.Errorf("got %+v", got)
	}
}
