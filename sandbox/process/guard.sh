# The first process of a sandbox, in namespaces of its own. It builds a file system
# that shows the programs of this machine read-only and nothing else of it, says
# "ready" with its process number as the machine sees it, and sleeps. The kernel
# kills everything in the sandbox when it ends.
#
# Where Lifeboat is not root, this script is root of a user namespace only. Commands
# then run in a second one below it, in which they are nobody special, and whose
# first process is the second number after "ready".
set -eu
dir=$1 user=$2 uid=$3 gid=$4 seconds=$5 shm=$6 prefix=$7 nested=$8

read -r outer _ </proc/self/stat

show() { # a directory of this machine, read-only
	mount --bind "$1" ".$1"
	mount -o remount,bind,ro,nosuid,nodev ".$1"
}
open() { # a directory of the box, writable
	mount --bind "$1" "$2"
	mount -o remount,bind,nosuid,nodev "$2" 2>/dev/null || mount -o remount,bind,nosuid,nodev,noexec "$2"
}

umask 022
mount -t tmpfs -o mode=755,size=8m,nosuid,nodev sandbox "$dir/root"
cd "$dir/root"
mkdir usr etc proc dev dev/shm tmp sandbox run var old
for d in /bin /sbin /lib /lib32 /lib64 /libx32; do
	if [ -L "$d" ]; then
		ln -s "$(readlink "$d")" ".$d"
	elif [ -d "$d" ]; then
		mkdir ".$d"
		show "$d"
	fi
done
show /usr
if [ -d usr/local ]; then # what people put there may be private
	mount -t tmpfs -o mode=755,size=1m,nosuid,nodev local usr/local
fi
if [ -n "$prefix" ]; then # where the server is installed
	mkdir -p ".$prefix"
	show "$prefix"
fi
if [ -d usr/local ]; then
	mount -o remount,bind,ro,nosuid,nodev usr/local
fi

holder=0
if [ "$nested" = yes ]; then
	mkfifo holder
	unshare --user --map-user="$uid" --map-group="$gid" \
		sh -c 'read -r me _ </proc/self/stat; echo "$me" >holder; exec sleep "$1" >/dev/null 2>&1' sh "$seconds" &
	read -r holder <holder
	rm holder
	echo 1 >/proc/sys/user/max_user_namespaces # no further ones, in which a command would be root again
fi

printf 'root:x:0:0::/:/bin/false\n%s:x:%s:%s::/tmp:/bin/sh\n' "$user" "$uid" "$gid" >etc/passwd
printf 'root:x:0:\n%s:x:%s:\n' "$user" "$gid" >etc/group
printf 'passwd: files\ngroup: files\nhosts: files\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost\n' >etc/hosts
for f in ld.so.cache ld-musl-x86_64.path ld-musl-aarch64.path localtime; do
	if [ -f "/etc/$f" ]; then cp -L "/etc/$f" etc/; fi
done

for n in null zero full random urandom; do
	: >"dev/$n"
	mount --bind "/dev/$n" "dev/$n"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o "mode=1777,size=$shm,nosuid,nodev,noexec" shm dev/shm
open "$dir/box/data" sandbox
open "$dir/box/tmp" tmp

# Names and loopback are a comfort for the server, not a part of the isolation.
echo sandbox 2>/dev/null >/proc/sys/kernel/hostname || :
ip link set lo up 2>/dev/null || :

case $nested in
yes) mount -t proc -o nosuid,nodev,noexec,ro proc proc ;;
*) mount -t proc -o nosuid,nodev,noexec,ro,hidepid=2 proc proc ;;
esac
pivot_root . old
cd /
umount -l /old
rmdir /old
mount -o remount,bind,ro,nosuid,nodev /
echo "ready $outer $holder"
exec 2>/dev/null
sleep "$seconds"
