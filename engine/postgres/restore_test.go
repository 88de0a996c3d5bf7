package postgres

import "testing"

func TestACustomDumpIsRestoredWhole(t *testing.T) {
	s := newSource(t, 15)
	s.sql("postgres", `
		CREATE DATABASE shop;
		\c shop
		CREATE TABLE customers (id bigint PRIMARY KEY, name text);
		INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 5000) i;`)
	d := drill(t, s.dump("pg_dump -Fc shop"))
	d.clean(t)
	d.census(t)
	d.whole(t)
}
