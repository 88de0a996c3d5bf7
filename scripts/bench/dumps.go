package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// dumpFiles are the dumps that contenders restore, as files of this machine.
type dumpFiles struct {
	large     string // custom format of a database of 1.5 GB, compressed as pg_dump does by itself
	plain100  string // custom format without compression, 100 MB
	plain2000 string // the same, 2 GB
	small     string // custom format, 5 MB
}

// schema makes a database like a shop's, with words, names and numbers as people and
// programs write them; its size is in proportion to its number of orders.
const schema = `
create table customers (id bigint primary key, name text not null, email text not null, city text not null, joined timestamptz not null);
create table orders (id bigint primary key, customer_id bigint not null, state text not null, total numeric(12,2) not null, created_at timestamptz not null, note text);
create table lines (order_id bigint not null, line int not null, product text not null, quantity int not null, price numeric(10,2) not null, primary key (order_id, line));
create table events (id bigint primary key, order_id bigint not null, kind text not null, body jsonb not null);
create function pg_temp.word(n bigint) returns text language sql immutable as $$
  select (array['amber','basket','candle','desk','engine','flower','garden','hammer','island','jacket','kettle','ladder','mirror','needle','orange','pencil',
    'quilt','ribbon','saddle','table','umbrella','velvet','window','yellow','zipper','anchor','bottle','carpet','drawer','feather','glass','handle'])[1 + (n * 2654435761 / 65536) % 32] $$;
create temporary table w as select n, pg_temp.word(n) as word from generate_series(0, 4095) n;
create temporary table t as select a.n, concat_ws(' ', a.word, b.word, c.word, d.word) as text
  from w a join w b on b.n = (a.n * 7 + 3) % 4096 join w c on c.n = (a.n * 31 + 5) % 4096 join w d on d.n = (a.n * 127 + 11) % 4096;
create unique index on t (n);
insert into customers select g.n, initcap(text), replace(text, ' ', '.') || g.n || '@shop.example', initcap(split_part(text, ' ', 1)) || ' Hill', timestamptz '2020-01-01Z' + g.n * interval '37 seconds'
  from generate_series(1, :orders / 10::bigint) g(n) join t on t.n = g.n % 4096;
insert into orders select g.n, g.n * 7919 % (:orders / 10) + 1, (array['new','paid','sent'])[g.n % 3 + 1], g.n * 7919 % 99999 / 100.0, timestamptz '2021-01-01Z' + g.n * interval '9.137 seconds', 'please pack ' || text || ' with ' || word
  from generate_series(1::bigint, :orders) g(n) join t on t.n = g.n * 13 % 4096 join w on w.n = g.n * 17 % 4096;
insert into lines select g.n, l, text, g.n % 7 + 1, g.n * 31 % 50000 / 100.0
  from generate_series(1::bigint, :orders) g(n) cross join generate_series(1, 2) l join t on t.n = (g.n * 3 + l) % 4096;
insert into events select g.n, g.n, 'changed', jsonb_build_object('by', word || g.n % 977, 'at', g.n, 'what', text, 'from', 'new', 'to', 'paid')
  from generate_series(1::bigint, :orders) g(n) join t on t.n = g.n * 41 % 4096 join w on w.n = g.n * 43 % 4096;
create unique index on customers (email);
create index on customers (city, name);
create index on orders (customer_id);
create index on orders (created_at);
create index on orders (state, created_at);
create index on orders (note);
create index on lines (product);
create index on events (order_id);
create index on events (kind, (body ->> 'by'));
create index on events using gin (body jsonb_path_ops);
alter table orders add foreign key (customer_id) references customers;
alter table lines add foreign key (order_id) references orders;
`

// orders per database: 1.5 GB, 2 GB dumped plainly, 100 MB, and 5 MB of dump.
const (
	ordersLarge = 1_950_000
	orders2000  = 4_600_000
	orders100   = 230_000
	ordersSmall = 75_000
)

// makeDumps makes the dumps below dir, unless they are there.
func makeDumps(ctx context.Context, dir string) (dumpFiles, error) {
	d := dumpFiles{
		large: filepath.Join(dir, "large", "shop.dump"), plain100: filepath.Join(dir, "plain100", "shop.dump"),
		plain2000: filepath.Join(dir, "plain2000", "shop.dump"), small: filepath.Join(dir, "small", "shop.dump"),
	}
	say("making the databases to dump")
	box, err := startServer(ctx, []string{"--shm-size", "1g"}, tunedServer, 20*time.Millisecond)
	if err != nil {
		return d, err
	}
	defer remove(box)
	for _, m := range []struct {
		path   string
		orders int
		flags  []string
	}{
		{d.large, ordersLarge, nil}, {d.plain2000, orders2000, []string{"-Z0"}},
		{d.plain100, orders100, []string{"-Z0"}}, {d.small, ordersSmall, nil},
	} {
		if _, err := os.Stat(m.path); err == nil {
			continue // made by an earlier run
		}
		if err := makeDump(ctx, box, m.path, m.orders, m.flags); err != nil {
			return d, err
		}
		say("  %s: %s", filepath.Base(filepath.Dir(m.path)), size(m.path))
	}
	return d, nil
}

// makeDump fills a database in the server in box and dumps it to path.
func makeDump(ctx context.Context, box, path string, orders int, flags []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	sql := strings.ReplaceAll(schema, ":orders", fmt.Sprint(orders))
	for _, c := range [][]string{{"-c", "drop database if exists shop"}, {"-c", "create database shop"}} {
		if err := inBox(ctx, box, nil, append([]string{"psql", "-qX"}, c...)...); err != nil {
			return err
		}
	}
	if err := inBox(ctx, box, strings.NewReader(sql), "psql", "-qX", "-v", "ON_ERROR_STOP=1", "shop"); err != nil {
		return err
	}
	// Into a file, as pg_dump -f: only then it can go back and note where the rows of
	// each table begin, which pg_restore -j needs to order its work.
	dump := append([]string{"pg_dump", "-Fc", "-f", dumpInside}, append(flags, "shop")...)
	if err := inBox(ctx, box, nil, dump...); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", "exec", box, "cat", dumpInside)
	cmd.Stdout, cmd.Stderr = f, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("copy the dump: %w: %s", err, stderr.String())
	}
	return f.Close()
}
