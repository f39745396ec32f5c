#!/usr/bin/env bash
# Measures the loop beside libuv and libevent: the same work, in turns, on the same machine; prints
# a table of medians, of ratios, and of the bars they have to meet. Ratios are taken within a round,
# so what disturbs the machine disturbs both. Needs: tools/install-packages.sh build bench
#
# usage: run.sh [ROUNDS]      (9 by default; a round takes about 20 seconds)
#   SKIP_BUILD=1 uses what was built before; BENCH=FILE names a bench-notifier built elsewhere.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
rounds=${1:-9}
out=$top/.build/bench-notifier-c
ours=${BENCH:-$top/.build/release/bench-notifier}

mkdir -p "$out"
if [ -z "${SKIP_BUILD:-}" ]; then
    [ -n "${BENCH:-}" ] || (cd "$top" && swift build -c release --product bench-notifier >&2)
    # shellcheck disable=SC2046  # lists of flags
    {
        cc -O2 -Wall -Wextra -o "$out/libuv" "$here/c/bench-libuv.c" \
            $(pkg-config --cflags --libs libuv)
        cc -O2 -Wall -Wextra -o "$out/libevent" "$here/c/bench-libevent.c" \
            $(pkg-config --cflags --libs libevent)
    }
fi

# Ten thousand idle descriptors and a few more.
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 10100 ] || {
    echo "run.sh: only $(ulimit -n) descriptors allowed, 10100 needed" >&2
    exit 1
}

works='turn 10
turn 10000
busy 10
busy 10000
ping 0
ping 5000
timers
timeouts
emit
child
worker'

results=$(mktemp)
trap 'rm -f "$results"' EXIT
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    while read -r work; do
        for program in "$ours" "$out/libuv" "$out/libevent"; do
            # What a library does not have is left out (exit status 2 or 3).
            # shellcheck disable=SC2086  # the work and its count
            if value=$(timeout 60 "$program" $work); then
                printf '%s\t%s\t%s\t%s\n' \
                    "$round" "$work" "$(basename "$program")" "$value" >>"$results"
            fi
        done
    done <<<"$works"
done
python3 "$here/report.py" "$results"
