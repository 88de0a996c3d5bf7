#!/usr/bin/env bash
# Installs and starts what the tests need on a Debian machine: Docker, and the real
# tools whose files Lifeboat reads. What is already there is left alone.
set -euo pipefail

docker_start_deadline=60 # seconds

# program:package pairs
wanted=(
  dockerd:docker.io debootstrap:debootstrap iptables:iptables gcc:gcc git:git
  gzip:gzip zstd:zstd xz:xz-utils lz4:lz4 bzip2:bzip2 age:age gpg:gpg openssl:openssl sqlite3:sqlite3
  unshare:util-linux chromium:chromium npm:npm promtool:prometheus systemd-analyze:systemd
  /usr/lib/postgresql/15/bin/postgres:postgresql-15
)
missing=()
for pair in "${wanted[@]}"; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
# A daemon that answers needs no packages of its own.
if docker info >/dev/null 2>&1; then
  missing=($(printf '%s\n' "${missing[@]}" | grep -vx docker.io || true))
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  # Only its promtool is wanted, and tests start servers of their own.
  if [ -d /run/systemd/system ] && [ ! -e /lib/systemd/system/prometheus.service ]; then
    systemctl mask --quiet prometheus.service
  fi
  apt-get update -q >/dev/null
  apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! docker info >/dev/null 2>&1; then
  echo "setup: starting dockerd"
  log=$(mktemp -t dockerd.XXXXXX.log)
  setsid nohup dockerd >"$log" 2>&1 </dev/null &
  for ((i = 0; i < docker_start_deadline; i++)); do
    docker info >/dev/null 2>&1 && break
    sleep 1
  done
  docker info >/dev/null 2>&1 || { echo "setup: dockerd did not start within ${docker_start_deadline}s:" >&2; tail -20 "$log" >&2; exit 1; }
fi
