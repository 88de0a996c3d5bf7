#!/usr/bin/env bash
# Provides the PostgreSQL images that the tests restore into: postgres:13, 15,
# 17 and 18. Pulls them where a registry answers; otherwise builds equal ones
# from Debian's own packages (bullseye has 13, bookworm 15, trixie 17, sid 18).
# Images that are already there are left alone.
set -euo pipefail

pull_deadline=60   # seconds for one pull; an unreachable registry must not hold us up
majors=("$@")
[ ${#majors[@]} -gt 0 ] || majors=(13 15 17 18)

suite_of() {
  case "$1" in
    13) echo bullseye ;;
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo sid ;;
    *) echo "images: no Debian suite is known for PostgreSQL $1" >&2; return 1 ;;
  esac
}

build() {
  local major=$1 suite root
  suite=$(suite_of "$major")
  root=$(mktemp -d)
  trap 'rm -rf "$root"' RETURN
  if ! docker image inspect "lifeboat-debian:$suite" >/dev/null 2>&1; then
    debootstrap --variant=minbase "$suite" "$root/debian" >"$root/log" 2>&1 || { tail -20 "$root/log" >&2; return 1; }
    tar -C "$root/debian" -c . | docker import - "lifeboat-debian:$suite" >/dev/null
  fi
  docker build -q --build-arg SUITE="$suite" --build-arg MAJOR="$major" -t "postgres:$major" - <"$(dirname "$0")/postgres.Dockerfile"
}

registry=unknown
for major in "${majors[@]}"; do
  if docker image inspect "postgres:$major" >/dev/null 2>&1; then
    continue
  fi
  if [ "$registry" != absent ] && timeout "$pull_deadline" docker pull -q "postgres:$major" >/dev/null 2>&1; then
    registry=answers
    echo "images: pulled postgres:$major"
    continue
  fi
  registry=absent
  echo "images: building postgres:$major from Debian packages"
  build "$major"
done
