package postgres

import (
	"bytes"
	"testing"
	"time"

	"lifeboat/engine"
	"lifeboat/engine/enginetest"
	"lifeboat/sandbox"
)

func TestPostgresKeepsTheContractOfAnEngine(t *testing.T) {
	t.Parallel()
	dumps := goldens(t)
	custom := dumps["17.custom"]
	data := bytes.Index(custom, []byte("\x78\x9c")) // the first zlib stream, after its header
	if data < 0 {
		t.Fatal("17.custom holds no compressed data")
	}
	public := func(name string) engine.Table { return engine.Table{Schema: "public", Name: name} }
	enginetest.Run(t, enginetest.Fixture{
		Engine: New(),
		Start: func(t testing.TB, n engine.Needs) sandbox.Sandbox {
			return startBox(t, n.Version)
		},
		Limits: testLimits,
		Dumps: []enginetest.Dump{
			{Name: "custom", Files: enginetest.One(custom), Flips: []int{data + 40}},
			{Name: "plain", Files: enginetest.One(dumps["17.sql"])},
		},
		Tables:   map[engine.Table]int64{public("item"): 40, public("sale"): 60, public("vacant"): 0},
		Newest:   engine.Measure{Table: public("sale"), Column: "at"},
		NewestAt: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		Faulty: enginetest.Dump{Name: "refused", Files: enginetest.One([]byte("--\n-- PostgreSQL database dump\n--\n\n" +
			"-- Dumped from database version 17.2\n-- Dumped by pg_dump version 17.2\n\nCREATE TABLE public.t (a integer);\n" +
			"ALTER TABLE public.absent ADD COLUMN b integer;\n\n--\n-- PostgreSQL database dump complete\n--\n\n"))},
		Writes:  []string{"DELETE FROM item", "INSERT INTO vacant VALUES (1)", "CREATE TABLE extra (a int)", "DROP TABLE sale", "COMMIT; DROP TABLE sale"},
		Endless: "SELECT pg_sleep(3600)",
	})
}
