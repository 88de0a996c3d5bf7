#!/usr/bin/env bash
# Puts the dump of a small database into the bucket "backups", as a backup job would: under
# another name first, so that nobody takes half of it for a backup.
set -euo pipefail
bucket=/srv/backups folder=/srv/backups/postgres/shop
if compgen -G "$folder/shop-*.dump" >/dev/null; then
  echo "there is a sample already"
  exit 0
fi
mkdir -p "$folder" /tmp/db
chown -R postgres /tmp/db
as() { setpriv --reuid postgres --clear-groups env HOME=/tmp "$@"; }
as initdb --auth=trust --username=postgres --pgdata=/tmp/db/data >/dev/null
as pg_ctl --pgdata=/tmp/db/data --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp/db" start >/dev/null
as psql --host=/tmp/db --username=postgres --quiet --set ON_ERROR_STOP=1 <<'SQL'
create table customers (id bigint generated always as identity primary key, name text not null);
create table orders (id bigint generated always as identity primary key,
  customer_id bigint not null references customers, cents integer not null, created_at timestamptz not null default now());
insert into customers (name) select 'customer ' || n from generate_series(1, 500) n;
insert into orders (customer_id, cents) select 1 + n % 500, n % 9000 from generate_series(1, 20000) n;
SQL
as pg_dump --host=/tmp/db --username=postgres --format=custom postgres >"$bucket/.shop.part"
as pg_ctl --pgdata=/tmp/db/data --mode=fast stop >/dev/null
mv "$bucket/.shop.part" "$folder/shop-$(date -u +%Y%m%dT%H%M%SZ).dump"
echo "the bucket has a sample: $(ls "$folder")"
