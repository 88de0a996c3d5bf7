package sqlite_test

import (
	"encoding/binary"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/engine/enginetest"
	"lifeboat/engine/sqlite"
	"lifeboat/sandbox"
)

const small = `CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE vacant(a);
	CREATE TABLE sale(id INTEGER PRIMARY KEY, item INT REFERENCES item(id), at TEXT); CREATE INDEX sale_at ON sale(at);
	WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<400) INSERT INTO item SELECT i, 'item '||i FROM s;
	INSERT INTO sale SELECT id, id, datetime('2026-01-01', '+'||id||' minutes') FROM item;`

func TestSQLiteKeepsTheContractOfAnEngine(t *testing.T) {
	t.Parallel()
	file := made(t, small)
	page := int(binary.BigEndian.Uint16(file[16:]))
	enginetest.Run(t, enginetest.Fixture{
		Engine: sqlite.New(),
		Start:  func(t testing.TB, _ engine.Needs) sandbox.Sandbox { return box(t) },
		Limits: sandbox.Limits{Disk: 1 << 30, Memory: 1 << 30},
		Dumps: []enginetest.Dump{
			{Name: "file", Files: one(file), Flips: []int{20, page + 3, 2*page + 3}}, // space per page, then cells of a page
			{Name: "sql", Files: one(dumped(t, small))},
			{Name: "tar", Files: one(archive(t, files{"shop.db": file}, "shop.db"))},
			{Name: "files", Files: files{"shop.db": file, "shop.db-wal": nil}, Flips: []int{3*page + 3}},
		},
		Tables:   map[engine.Table]int64{{Name: "item"}: 400, {Name: "sale"}: 400, {Name: "vacant"}: 0},
		Newest:   engine.Measure{Table: engine.Table{Name: "sale"}, Column: "at"},
		NewestAt: time.Date(2026, 1, 1, 6, 40, 0, 0, time.UTC),
		Faulty: enginetest.Dump{Name: "refused", Files: one([]byte("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n" +
			"CREATE TABLE t(a);\nINSERT INTO absent VALUES(1);\nCOMMIT;\n"))},
		Writes:  []string{"DELETE FROM item", "INSERT INTO vacant VALUES (1)", "CREATE TABLE extra (a INT)", "DROP TABLE sale"},
		Endless: "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s) SELECT count(*) FROM s",
	})
}
