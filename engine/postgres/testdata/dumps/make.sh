#!/usr/bin/env bash
# Makes the small dumps beside it, which tests cut, damage and fuzz, from servers of
# PostgreSQL 13 and 17 in containers. Run it only to add a dump: the files are what the
# tests were written against.
set -euo pipefail
cd "$(dirname "$0")"

schema='
create role clerk;
create table item (id int primary key, name text);
insert into item select i, md5(i::text) from generate_series(1, 40) i;
create table sale (id int references item, at date, note text);
insert into sale select 1 + i % 40, date $$2024-01-01$$ + i, $$\N; \. -- ( $$ from generate_series(1, 60) i;
create table vacant (a int);
create view cheap as select name from item;
create function f(int) returns int language sql as $$select $1; $$;
alter table sale owner to clerk;
grant select on item to clerk;
select lo_from_bytea(0, decode(repeat($$abcdef$$, 40), $$hex$$));'

for major in 13 17; do
  box=lifeboat-dumps-golden-$major
  docker run -d --rm --name "$box" --network none --user postgres --entrypoint sleep "postgres:$major" 300 >/dev/null
  trap 'docker rm -f -v "$box" >/dev/null' EXIT
  in_box() { docker exec -i -e PGHOST=/tmp -e PGUSER=postgres "$box" "$@"; }
  in_box sh -c 'initdb -D /tmp/data -U postgres --auth=trust --encoding=UTF8 --locale=C >/tmp/log 2>&1 &&
    pg_ctl -D /tmp/data -l /tmp/log -w -o "-c listen_addresses= -c unix_socket_directories=/tmp" start >/dev/null'
  in_box createdb shop
  in_box psql -Xq -v ON_ERROR_STOP=1 -d shop <<<"$schema" >/dev/null
  in_box pg_dump -Fc shop >"$major.custom"
  in_box pg_dump -Fc -Z0 --inserts shop >"$major.custom-inserts"
  in_box pg_dump -Ft shop >"$major.tar"
  in_box sh -c 'pg_dump -Fd -f /tmp/shop shop && tar -C /tmp -cf - shop' >"$major.directory-tar"
  in_box pg_dump -Fp shop >"$major.sql"
  in_box pg_dump -Fp --inserts shop >"$major-inserts.sql"
  in_box pg_dumpall >"$major-all.sql"
  if [ "$major" -ge 16 ]; then
    in_box pg_dump -Fc -Zzstd shop >"$major.custom-zstd"
    in_box pg_dump -Fc -Zlz4 shop >"$major.custom-lz4"
  fi
  docker rm -f -v "$box" >/dev/null
  trap - EXIT
done
