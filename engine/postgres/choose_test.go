package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifeboat/engine"
	"lifeboat/sandbox"
)

func TestTheServerIsOfTheDumpsVersionUnlessItCouldNotReadIt(t *testing.T) {
	tests := []struct {
		format, server, tool string
		extensions           []string
		want                 string
		major                int
	}{
		{formatCustom, "15.4", "15.4", nil, "postgres:15", 15},
		{formatCustom, "9.6.24", "9.6.24", nil, "postgres:9.6", 9},
		{formatCustom, "13.16", "15.8", nil, "postgres:13", 13},
		{formatCustom, "13.16", "17.2", nil, "postgres:17", 17},
		{formatTar, "15.8", "16.1", nil, "postgres:16", 16},
		{formatPlain, "13.16", "17.2", nil, "postgres:13", 13},
		{formatCluster, "", "16.1", nil, "postgres:16", 16},
		{formatPlain, "", "", nil, "postgres:18", 18},
		{formatCustom, "18beta1", "18beta1", nil, "postgres:18", 18},
		{formatCustom, "16.1", "16.1", []string{"plpgsql", "postgis"}, "postgis/postgis:16-3.5", 16},
		{formatCustom, "9.6.1", "9.6.1", []string{"postgis"}, "postgis/postgis:9.6-3.2", 9},
		{formatCustom, "17.1", "17.1", []string{"vector"}, "pgvector/pgvector:pg17", 17},
		{formatCustom, "16.1", "16.1", []string{"timescaledb", "postgis"}, "timescale/timescaledb:latest-pg16", 16},
		{formatCustom, "16.1", "16.1", []string{"hstore", "pg_trgm"}, "postgres:16", 16},
	}
	for _, tt := range tests {
		m := engine.Manifest{Format: tt.format, ServerVersion: tt.server, ToolVersion: tt.tool, Extensions: tt.extensions}
		n := New().Needs(m)
		if n.Image != tt.want || n.Version != tt.major || n.User != "postgres" || n.Server != "postgres" {
			t.Errorf("%s of %s by %s with %v: %+v, want %s", tt.format, tt.server, tt.tool, tt.extensions, n, tt.want)
		}
	}
}

func TestEstimatesGrowWithTheDumpAndNeverOverflow(t *testing.T) {
	n := New().Needs(engine.Manifest{Format: formatCustom, Compression: "gzip"})
	for _, estimate := range []func(int64) int64{n.Memory, n.Disk} {
		last := int64(0)
		for _, stored := range []int64{0, 1, 5 << 20, 2 << 30, 1 << 40, 1<<63 - 1} {
			got := estimate(stored)
			if got < last || got <= 0 {
				t.Errorf("%d bytes stored: %d, less than %d for fewer", stored, got, last)
			}
			last = got
		}
	}
	// 1.5 GB in a database were 420 MB of custom dump.
	if disk := n.Disk(420 << 20); disk < 2<<30 || disk > 8<<30 {
		t.Errorf("a dump of 420 MiB is thought to need %d bytes", disk)
	}
}

func TestDatabasesAreCreatedTheWayTheDumpSays(t *testing.T) {
	const text = `--
CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'de_DE.UTF-8' TABLESPACE = fast;
CREATE DATABASE "Odd ""name" WITH TEMPLATE = template0 ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'de_DE' STRATEGY = x;
CREATE DATABASE shop WITH TEMPLATE = template0;
COPY public.t FROM stdin;
not CREATE DATABASE this WITH;
\.
CREATE DATABASE plain;
`
	want := []createStatement{
		{"shop", "UTF8", "ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'de_DE.UTF-8'"},
		{`Odd "name`, "LATIN1", "ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'de_DE'"},
		{"plain", "", ""},
	}
	var whole, bytewise statements
	whole.Write([]byte(text))
	for i := range len(text) {
		bytewise.Write([]byte(text[i : i+1]))
	}
	if !slices.Equal(whole.found, want) || !slices.Equal(bytewise.found, want) {
		t.Errorf("got\n%+v\nbyte by byte\n%+v", whole.found, bytewise.found)
	}
}

func TestALocaleTheServerLacksIsReplacedAndNoted(t *testing.T) {
	t.Parallel()
	d := drill(t, textDump(`--
-- PostgreSQL database cluster dump
--

CREATE ROLE owner;
ALTER ROLE owner WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN;
ALTER ROLE postgres WITH NOSUPERUSER;

--
-- Databases
--

\connect template1

--
-- PostgreSQL database dump
--

-- Dumped from database version 15.4
-- Dumped by pg_dump version 15.4

--
-- PostgreSQL database dump complete
--

--
-- Database "shop" dump
--

--
-- PostgreSQL database dump
--

-- Dumped from database version 15.4
-- Dumped by pg_dump version 15.4

CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'xx_XX.UTF-8';
ALTER DATABASE shop OWNER TO owner;

\connect shop

CREATE TABLE public.t (name text CHECK (name ~ '^[[:alpha:]]+$'));
ALTER TABLE public.t OWNER TO owner;
COPY public.t (name) FROM stdin;
Größe
\.

--
-- PostgreSQL database dump complete
--

--
-- PostgreSQL database cluster dump complete
--

`))
	d.clean(t)
	d.census(t)
	if len(d.restored.Notes) != 1 || d.restored.Notes[0].Subject != "database shop" {
		t.Errorf("notes: %+v", d.restored.Notes)
	}
	if d.restored.ErrorCount[engine.Harmless] == 0 {
		t.Error("the dump's own CREATE DATABASE did not fail, so nothing was proven")
	}
}

func TestAStatementOfAnArchiveDecidesTheLocale(t *testing.T) {
	t.Parallel()
	s := newSource(t, 15)
	s.sql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
	s.sql("latin", "CREATE TABLE t (name text); INSERT INTO t VALUES (chr(228));")
	d := drill(t, s.dump("pg_dump -Fc latin"))
	d.clean(t)
	got, err := d.restored.DB.Query(t.Context(), "SELECT current_setting('server_encoding')", 5e9)
	if err != nil || got != "LATIN1" {
		t.Errorf("restored with encoding %s, %v", got, err)
	}
}

func TestSettingsFitTheLimitsAndTheVersion(t *testing.T) {
	box := startBox(t, 13)
	small := settings(box, sandbox.Limits{CPUs: 0.5, Memory: 64 << 20, Disk: 1 << 30}, engine.Manifest{}, 9)
	for _, unknown := range []string{"jit", "max_parallel_workers =", "max_parallel_maintenance_workers", "max_logical_replication_workers"} {
		if strings.Contains(small, unknown) {
			t.Errorf("9.6 does not know %s", unknown)
		}
	}
	for _, want := range []string{"shared_buffers = '16384kB'", "maintenance_work_mem = '16384kB'", "fsync = 'off'", "max_wal_size = '256MB'"} {
		if !strings.Contains(small, want) {
			t.Errorf("lacks %s:\n%s", want, small)
		}
	}
	many := engine.Manifest{Objects: make([]engine.Object, 50_000)}
	if large := settings(box, testLimits, many, 17); !strings.Contains(large, fmt.Sprintf("max_locks_per_transaction = '%d'", 5000)) {
		t.Errorf("not enough locks:\n%s", large)
	}
}
