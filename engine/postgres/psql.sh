# Runs the command that follows $1 with the script $1 on its stdin, and writes how many
# bytes of it were read, now and then: both share one open file and so its offset.
exec 3<"$1"
shift
"$@" <&3 >/dev/null &
tool=$!
(
	while :; do
		while read -r key value; do
			[ "$key" = pos: ] && echo "$value" && break
		done <"/proc/$$/fdinfo/3"
		sleep 0.5 >/dev/null 2>&1
	done
) 2>/dev/null &
watch=$!
wait "$tool"
code=$?
kill "$watch" 2>/dev/null
exit "$code"
