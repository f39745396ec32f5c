#!/bin/sh
# Builds the example, runs it against a Redis server of its own and compares what it prints.
# Needs Debian's libhiredis-dev and redis-server (tools/install-packages.sh build test).
#
# usage: test.sh [SCRATCH_FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=${1:-$here/.build}
swift build --package-path "$here" --scratch-path "$scratch" --product example-hiredis
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

redis-server --port 0 --unixsocket "$folder/socket" --save '' --appendonly no --dir "$folder" \
    >"$folder/log" &
server=$!
tries=0
until [ -S "$folder/socket" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat "$folder/log"; exit 1; }
    sleep 0.1
done

"$scratch/debug/example-hiredis" "$folder/socket" >"$folder/output"
cat "$folder/output"
# The publisher and the subscriber are two connections: which hears first is not certain.
sort "$folder/output" >"$folder/sorted"
sort >"$folder/expected" <<'END'
subscriber hears: subscribe news 1
PING: PONG
SET: OK
GET: hello
PUBLISH: 1 subscriber
subscriber hears: message news rain
descriptors watched: 0
END
diff "$folder/expected" "$folder/sorted"
echo "hiredis on our loop: as expected"
