#!/usr/bin/env bash
# Makes the PostgreSQL dumps that the demo carries, from a real server in a
# throw-away container: shop.dump, and shop-emptied.dump in which somebody emptied
# the table of orders before the backup ran.
set -euo pipefail

image=${1:-postgres:15}
out=$(cd "$(dirname "$0")/../cmd/lifeboat/demo" && pwd)
box=$(docker run -d --rm --network none --user postgres --entrypoint bash "$image" -c '
  initdb -D /tmp/db -A trust -E UTF8 --locale C.UTF-8 >/dev/null
  exec postgres -D /tmp/db -c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off')
trap 'docker rm -f "$box" >/dev/null' EXIT

until docker exec "$box" pg_isready -q -h /tmp; do sleep 0.2; done
docker exec -i "$box" psql -q -X -h /tmp -v ON_ERROR_STOP=1 -c 'create database shop' >/dev/null
docker exec -i "$box" psql -q -X -h /tmp -v ON_ERROR_STOP=1 shop <"$(dirname "$0")/demo-shop.sql"
docker exec "$box" pg_dump -h /tmp -Fc -Z9 shop >"$out/shop.dump"
docker exec "$box" psql -q -X -h /tmp -c 'truncate shop.orders cascade' shop
docker exec "$box" pg_dump -h /tmp -Fc -Z9 shop >"$out/shop-emptied.dump"
ls -l "$out"
