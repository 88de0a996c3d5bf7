# Prints, in sections, what a command inside a sandbox sees and can reach. It tries
# to reach out only when there is nothing but the loopback, so that even a sandbox
# gone wrong sends no packet; 192.0.2.1 belongs to nobody.
section() { printf '\n== %s\n' "$1"; }
section interfaces
cat /proc/net/dev
section status
cat /proc/self/status
section mounts
cat /proc/self/mounts
section spaces
for n in net mnt pid ipc uts; do
	echo "$n $(readlink "/proc/self/ns/$n")"
done
section host
for f in /etc/shadow /root /home /var/lib /var/log /run/docker.sock /var/run/docker.sock /run/containerd /sys/kernel /boot /mnt /srv "$@"; do
	if [ -e "$f" ]; then echo "$f"; fi
done
section write
for d in / /usr /etc /dev /run /var /proc/sys/kernel; do
	if (: >"$d/lifeboat-probe") 2>/dev/null; then echo "$d"; fi
done
section namespaces
if unshare --user --map-root-user true 2>/dev/null; then echo granted; else echo refused; fi
section reach
if [ "$(grep -c : /proc/net/dev)" != 1 ]; then
	echo "not tried"
elif ! command -v bash >/dev/null; then
	echo "no bash"
elif timeout 3 bash -c 'exec 3<>/dev/tcp/192.0.2.1/9' 2>&1; then
	echo connected
else
	echo "refused, exit $?"
fi
