# Runs inside a sandbox just before a command: says so on descriptor 3, gives up all
# descriptors but the standard ones, and becomes the command.
echo >&3
exec 3>&- 4>&-
cd "$1" || exit 125
shift
exec "$@"
