# Writes the files framed on stdin into the directory $1: "F name" begins a file,
# "D length" is followed by so many bytes of it. head does not read further than it
# is told, and read takes single bytes from a pipe.
set -eu
mkdir -p "$1"
cd "$1"
file=/dev/null
while read -r what arg; do
	case $what in
	F) file=$arg && : >"$file" ;;
	D) head -c "$arg" >>"$file" ;;
	*) echo "unknown frame" >&2 && exit 2 ;;
	esac
done
