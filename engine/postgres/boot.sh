# Creates a database cluster in $1/data and starts a server of major version $2 on
# it; its configuration comes on stdin, further arguments are libraries to preload
# where they exist. Needs bash, coreutils and the server's own programs.
set -u
dir=$1 major=$2
shift 2

# The server's own folder comes first: /usr/bin may hold wrappers.
bin=
for d in "/usr/lib/postgresql/$major/bin" /usr/lib/postgresql/9.6/bin "$(dirname "$(command -v postgres || echo /none/x)")" \
	/usr/lib/postgresql/*/bin; do
	case $d in */9.6/bin) [ "$major" = 9 ] || continue ;; esac
	if [ -x "$d/initdb" ] && [ -x "$d/postgres" ]; then bin=$d && break; fi
done
if [ -z "$bin" ]; then
	echo "no PostgreSQL server programs found" >&2
	exit 127
fi
read -r _ _ version _ < <("$bin/postgres" --version)
echo "bin=$bin"
echo "version=$version"

# C collation sorts fast, C.UTF-8 still knows what a letter is. Databases of the dump
# are created with their own locale later. Checksums would only cost time.
create() {
	rm -rf "$dir/data"
	local sums=()
	[ "${version%%[!0-9]*}" -ge 18 ] && sums=(--no-data-checksums)
	"$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync --encoding=UTF8 \
		--locale=C --lc-ctype="$1" "${sums[@]}" >"$dir/initdb.log" 2>&1
}
if ! create C.UTF-8 && ! create C; then
	tail -n 20 "$dir/initdb.log" >&2
	exit 1
fi

cat >>"$dir/data/postgresql.conf"
libs=
for lib in "$@"; do
	for d in "${bin%/bin}/lib" "${bin%/bin}/lib/postgresql"; do
		if [ -e "$d/$lib.so" ]; then libs=$libs${libs:+,}$lib && break; fi
	done
done
[ -z "$libs" ] || echo "shared_preload_libraries = '$libs'" >>"$dir/data/postgresql.conf"

# The log is cut after some lines, and the server goes on: a dump must not fill the disk.
# Each line is written at once; head would keep the last ones to itself.
keep() {
	local left=2000 line
	while [ "$left" -gt 0 ] && IFS= read -r -n 1000 line; do
		printf '%s\n' "$line"
		left=$((left - 1))
	done >"$dir/server.log"
	exec cat >/dev/null
}
# Sorts and index builds reach all over their memory: with huge pages, where the kernel
# gives them on request, they take a tenth less time. Other C libraries ignore it.
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
{ "$bin/postgres" -D "$dir/data" </dev/null 2>&1 | keep; } >/dev/null 2>&1 &
server=$!
until "$bin/pg_isready" -q -h "$dir" -p 5432 -t 1; do
	if ! kill -0 "$server" 2>/dev/null; then
		tail -n 20 "$dir/server.log" >&2
		exit 1
	fi
	sleep 0.02
done
