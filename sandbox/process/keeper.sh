# Watches a sandbox from outside, where nothing in it can reach. It ends the sandbox
# and removes its directory when the time is up, or when its standard input ends
# because Lifeboat closed the sandbox or died, however it died. After the word
# "keep" only the time counts: all of it, or the seconds that come as a second line.
seconds=$1 dir=$2
shift 2
"$@" </dev/null 2>&1 &
guard=$!
exec >/dev/null 2>&1
trap : HUP INT TERM
timeout --foreground "$seconds" sh -c '
	read -r word && [ "$word" = keep ] || exit
	read -r less && exec sleep "$less"
	exec sleep "$1"' sh "$seconds"
kill -9 "$guard"
wait "$guard"
# What is being killed may still write for a moment.
tries=0
until rm -rf "$dir/box" && rm -rf "$dir"; do
	tries=$((tries + 1))
	[ "$tries" -lt 50 ] || exit 1
	chmod -R u+rwX "$dir"
	sleep 0.2
done
