#!/usr/bin/env bash
# Counts the system calls that a request costs, with 64 connections that ask as fast as they can, and
# prints which ones: plain and over TLS, one request at a time each. Needs perf and wrk.
# usage: syscalls.sh [SECONDS]     (3 by default; SIGNALBOX_BIN names the binary, else .build/release)
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binary=${SIGNALBOX_BIN:-$top/.build/release/signalbox}
seconds=${1:-3}
work=$(mktemp -d)
gateway=
trap '[ -z "$gateway" ] || kill "$gateway"; rm -rf "$work"' EXIT

read -r http https < <(python3 -c '
import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in both))')
port=$http tlsport=$https cert=$top/certs/localhost.crt key=$top/certs/localhost.key
# The harness has a child for another benchmark; nobody calls it here, so it does not run.
sed -e "s|\${port}|$port|; s|\${tlsport}|$tlsport|; s|\${cert}|$cert|; s|\${key}|$key|" \
    -e "s|start: \"eager\",||" "$top/Tests/Benchmarks/signalbox.json5.in" >"$work/signalbox.json5"
"$binary" serve --config "$work/signalbox.json5" >"$work/log" 2>&1 &
gateway=$!
for _ in $(seq 100); do
    ! python3 -c "import socket; socket.create_connection(('127.0.0.1', $https))" 2>/dev/null || break
    sleep 0.05
done

measure() { # NAME URL
    wrk -c 64 -t 1 -d 1s "$2" >"$work/wrk" # warm, and TLS has its connections' worth of memory
    perf trace -s -p "$gateway" -o "$work/calls" -- \
        wrk -c 64 -t 1 -d "${seconds}s" "$2" >"$work/wrk"
    if grep -q -e 'Non-2xx' -e 'Socket errors' "$work/wrk"; then
        cat "$work/wrk" >&2
        exit 1
    fi
    requests=$(awk '/requests in/ { print $1 }' "$work/wrk")
    awk -v name="$1" -v requests="$requests" '
        $1 ~ /^[a-z_0-9]+$/ && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ {
            sum += $2
            if ($2 / requests >= 0.005) which = which sprintf(" %s %.2f", $1, $2 / requests)
        }
        END { printf "syscalls-%s %.2f per request (%d requests:%s)\n", name, sum / requests, requests, which }
    ' "$work/calls"
}

measure get-64 "http://127.0.0.1:$http/v1/modules/bench/answer"
measure get-64-tls "https://127.0.0.1:$https/v1/modules/bench/answer"
