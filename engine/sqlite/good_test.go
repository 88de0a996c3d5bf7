package sqlite_test

import (
	"testing"

	"lifeboat/engine"
)

// shop is a schema with most of what SQLite has.
const shop = `
PRAGMA user_version=7;
CREATE TABLE customers(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT DEFAULT 'it''s; fine');
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INT REFERENCES customers(id), total REAL CHECK(total >= 0),
  cents INT GENERATED ALWAYS AS (total * 100) STORED, made TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE tags(tag TEXT PRIMARY KEY, n INT) WITHOUT ROWID;
CREATE TABLE strict_one(a INT, b ANY) STRICT;
CREATE TABLE "odd ""name"", ünï; -- no"("a;b" TEXT, [c'd] BLOB);
CREATE TABLE empty_one(x);
CREATE INDEX orders_by_customer ON orders(customer_id);
CREATE UNIQUE INDEX "Name; of ü" ON customers(name) WHERE note IS NOT NULL;
CREATE VIEW big AS SELECT * FROM orders WHERE total > 100;
CREATE TABLE audit(what TEXT);
CREATE TRIGGER audit_orders AFTER INSERT ON orders BEGIN
  INSERT INTO audit VALUES('a;b');
  INSERT INTO audit SELECT CASE WHEN new.total > 1 THEN 'big' ELSE 'small' END;
END;
CREATE VIRTUAL TABLE docs USING fts5(body);
INSERT INTO customers(name, note) WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<500) SELECT 'c'||i, 'line
two; '''||i FROM s;
INSERT INTO orders(customer_id, total, made) SELECT id, id*1.5, datetime('2026-01-01', '+'||id||' minutes') FROM customers;
INSERT INTO tags SELECT 't'||id, id FROM customers;
INSERT INTO strict_one VALUES(1, x'00ff'), (2, 'b'), (3, NULL);
INSERT INTO "odd ""name"", ünï; -- no" VALUES('; /* ', x'3b27'), ('-- ', NULL);
INSERT INTO docs SELECT 'the order of '||name FROM customers;
`

// rows is what every table of shop holds.
var rows = map[string]int64{"customers": 500, "orders": 500, "tags": 500, "strict_one": 3,
	`odd "name", ünï; -- no`: 2, "empty_one": 0, "audit": 1000}

func TestAGoodBackupRestoresWhole(t *testing.T) {
	for form, dump := range map[string]files{
		"file": one(made(t, shop)),
		"sql":  one(dumped(t, shop)),
	} {
		t.Run(form, func(t *testing.T) {
			rec, res, err := restore(t, dump)
			if err != nil {
				t.Fatal(err)
			}
			if res.Exit != 0 || len(res.Errors) > 0 {
				t.Errorf("restore ended %d with %+v", res.Exit, res.Errors)
			}
			measured, err := res.DB.Measure(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]engine.Measured{}
			for _, m := range measured {
				got[m.Table.Name] = m
			}
			for name, want := range rows {
				if m, ok := got[name]; !ok || m.Err != nil || m.Rows != want {
					t.Errorf("%s has %d rows (%v), want %d", name, m.Rows, m.Err, want)
				}
			}
			census := map[string]int64{}
			for _, c := range rec.Census.Tables {
				census[c.Table.Name] = c.Rows
				if m, ok := got[c.Table.Name]; !ok || m.Rows != c.Rows {
					t.Errorf("census of %s is %d, the database has %d", c.Table.Name, c.Rows, m.Rows)
				}
			}
			for name, want := range rows {
				if census[name] != want {
					t.Errorf("census of %s is %d, want %d", name, census[name], want)
				}
			}
			if len(rec.Census.Uncounted) > 0 {
				t.Errorf("uncounted: %v", rec.Census.Uncounted)
			}
			have := map[engine.Object]bool{}
			list, err := res.DB.Inventory(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				have[o] = true
			}
			for _, o := range rec.Manifest.Objects {
				if !have[o] {
					t.Errorf("%s %s is not in the inventory", o.Kind, o.Table)
				}
				delete(have, o)
			}
			for o := range have {
				t.Errorf("%s %s is not in the manifest", o.Kind, o.Table)
			}
			sound, err := res.DB.Soundness(t.Context())
			if err != nil || len(sound.Findings) > 0 || len(sound.Skipped) > 0 {
				t.Errorf("soundness: %v, %+v", err, sound)
			}
		})
	}
}
